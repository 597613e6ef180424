"""Every operation against everybody: what is denied touches nothing, and no operation is left out.

The requests are made from the S3 model's own traits; the store is a spy that only lets itself be looked at.
"""

import asyncio
import json
from typing import Any

import pytest

from objstore.api.auth.authenticator import Authenticated
from objstore.api.auth.keyring import NOBODY, Identity
from objstore.api.request import Request
from objstore.api.s3.call import Call, Site
from objstore.api.s3.dispatch import Dispatcher
from objstore.api.s3.handlers import HANDLERS
from objstore.api.s3.permissions import PERMISSIONS, On, need_of
from objstore.api.s3.router import Level, Route, routes
from objstore.identity.directory import Directory
from objstore.identity.principal import Principal
from objstore.identity.s3_names import ACTIONS, OBJECT_ACTIONS
from objstore.model import clock
from objstore.model.errors import AccessDenied, RequestError
from objstore.model.objects import Bucket, ObjectVersion
from tests.unit.identity.asking import ACCOUNT, OTHER, identity, root, user

ROUTES = {route.operation: route for route in routes()}
LOOKS = {"cached_bucket", "get_bucket", "known_bucket", "get"}
VALUES = {"versionId": "null", "uploadId": "0" * 32, "partNumber": "1", "id": "x"}
HEADERS = {
    b"x-amz-copy-source": b"other/key",
    b"x-amz-rename-source": b"bucket/key",
    b"x-amz-object-attributes": b"ETag",
}
OWNER = f"owner-{ACCOUNT}"


class Touched(Exception):
    """The store was asked to do something."""


class Spy:
    """A store with one bucket and one object that are looked at, and nothing more."""

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        self.bucket = Bucket(1, "bucket", OWNER, "us-east-1", clock.now(), settings or {})
        self.calls: list[str] = []

    def cached_bucket(self, name: str) -> Bucket | None:
        return None

    def known_bucket(self, name: str) -> Bucket | None:
        return self.bucket

    async def get_bucket(self, name: str) -> Bucket:
        return self.bucket

    async def get(self, bucket: str, key: bytes, version_id: bytes | None = None) -> ObjectVersion:
        self.calls.append("get")
        return ObjectVersion(1, key, b"v" * 16, 0, b"e" * 16, clock.now(), "STANDARD", b"")

    def __getattr__(self, name: str) -> Any:
        def touched(*_: Any, **__: Any) -> Any:
            raise Touched(name)

        return touched


class Gate:
    """An authenticator that has made up its mind."""

    def __init__(self, principal: Principal | None) -> None:
        who = NOBODY if principal is None else Identity("KEY", principal.owner_id, principal.name, principal=principal)
        self.authenticate = lambda request: Authenticated(who, "UNSIGNED-PAYLOAD")


def ask(operation: str, principal: Principal | None, spy: Spy) -> str:
    """``denied``, ``refused`` for another reason, ``touched`` or ``answered``."""

    async def nothing() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    directory = Directory(ACCOUNT, OWNER)
    call = Call(Request(scope_of(ROUTES[operation]), nothing), spy, Site("us-east-1", directory=directory))
    try:
        asyncio.run(Dispatcher(Gate(principal)).answer(call))
    except AccessDenied:
        return "denied"
    except RequestError:
        return "refused"
    except Touched:
        return "touched"
    return "answered"


def scope_of(route: Route) -> dict[str, Any]:
    path = {Level.SERVICE: "/", Level.BUCKET: "/bucket", Level.OBJECT: "/bucket/key"}[route.level]
    if route.operation == "WriteGetObjectResponse":
        path = "/WriteGetObjectResponse"
    query = [route.subresource] if route.subresource else []
    query += [f"{name}={value}" for name, value in route.fixed if value]
    query += [f"{name}={VALUES.get(name, 'x')}" for name in sorted(route.queries)]
    headers = [(b"host", b"h"), (b"content-length", b"0")]
    headers += [(name, HEADERS.get(name, b"x")) for name in sorted(route.headers)]
    raw = "&".join(dict.fromkeys(query)).encode()
    return {
        "type": "http", "method": route.method, "raw_path": path.encode(), "path": path, "query_string": raw,
        "headers": headers, "scheme": "http", "client": ("127.0.0.1", 1),
    }  # fmt: skip


SERVED = sorted(name for name in HANDLERS if name in ROUTES)
# Whose refusal or emptiness is an answer to everybody.
NOTHING_TO_DENY = {"DeleteObjects"}
DENIED_TO_ALL = {"GetObjectTorrent"}


def test_every_operation_has_a_row_and_a_known_action() -> None:
    assert PERMISSIONS.keys() >= HANDLERS.keys()
    for operation, need in PERMISSIONS.items():
        for action in (need.action, need.versioned, *need.besides):
            assert not action or action in ACTIONS or action.startswith("s3-object-lambda:"), operation
        if need.on is On.BUCKET:
            assert need.action not in OBJECT_ACTIONS, operation
    assert len(SERVED) >= 70


@pytest.mark.parametrize("operation", SERVED)
def test_what_is_denied_touches_nothing(operation: str) -> None:
    """Anonymous; another account's root; a user of the account without any policy, and one with all but the action."""
    need = need_of(operation)
    everything_else = {"Effect": "Deny", "Action": [need.action, need.versioned or need.action]}
    but_this = user(identity({"Action": "*"}, everything_else))
    for principal in (None, root(OTHER), user(), but_this, user(identity({"Action": "*"}), account=OTHER)):
        spy = Spy()
        found = ask(operation, principal, spy)
        own = need.on is On.SERVICE and principal is not None and principal.account == OTHER  # in its own account
        if operation in NOTHING_TO_DENY:
            # The list is empty; of another it asks for each key.
            assert found == ("denied" if principal is None else "refused"), principal
        elif not own:
            assert found == "denied", principal
        assert not set(spy.calls) - LOOKS


@pytest.mark.parametrize("operation", SERVED)
def test_who_may_gets_through(operation: str) -> None:
    need = need_of(operation)
    if operation in DENIED_TO_ALL:
        return
    actions = [need.action, *need.besides, *([need.versioned] if need.versioned else [])]
    if operation in ("CopyObject", "UploadPartCopy", "RenameObject"):
        actions += ["s3:GetObject", "s3:DeleteObject"]
    for principal in (root(), user(identity({"Action": actions})), user(identity({"Action": "s3:*"}))):
        assert ask(operation, principal, Spy()) != "denied", principal
    spy = Spy({"policy": policy_for(actions)})
    assert ask(operation, user(), spy) != "denied" or need.on is On.SERVICE


def policy_for(actions: list[str]) -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": actions}
    return json.dumps({"Statement": [{**statement, "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]}]})


@pytest.mark.parametrize("operation", SERVED)
def test_a_denying_policy_stops_the_owner(operation: str) -> None:
    need = need_of(operation)
    if need.on is On.SERVICE or need.action.endswith("bucketpolicy") or operation in NOTHING_TO_DENY:
        return
    statement = {"Effect": "Deny", "Principal": "*", "Action": [need.action, need.versioned or need.action]}
    document = {"Statement": [{**statement, "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]}]}
    spy = Spy({"policy": json.dumps(document)})
    assert ask(operation, root(), spy) == "denied"

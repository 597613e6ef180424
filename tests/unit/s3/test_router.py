"""Every operation of the model finds its own handler, or 501; nothing else becomes a listing by accident."""

import re
from pathlib import Path

import pytest

import objstore
from objstore.api.s3.compatibility import document
from objstore.api.s3.handlers import HANDLERS
from objstore.api.s3.router import Level, Route, router, routes
from objstore.api.s3.verdicts import REFUSED, WITHOUT_EFFECT, headers
from objstore.model.errors import InvalidArgument, InvalidRequest, MethodNotAllowed, RequestError
from tests.unit.s3.wire import Wire

ROUTES = routes()
TWINS = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "ListDirectoryBuckets": "ListBuckets",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
}


def request_of(route: Route) -> tuple[str, str, bool, dict[str, str], dict[bytes, bytes]]:
    """A request with just what the model requires of an operation."""
    bucket = "" if route.level is Level.SERVICE else "bucket"
    if route.operation == "WriteGetObjectResponse":
        bucket = "WriteGetObjectResponse"
    query = ({route.subresource: ""} if route.subresource else {}) | dict(route.fixed)
    query |= dict.fromkeys(route.queries, "1")
    return route.method, bucket, route.level is Level.OBJECT, query, dict.fromkeys(route.headers, b"x")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_model_operation_resolves_to_itself(route: Route) -> None:
    assert router().resolve(*request_of(route)) == TWINS.get(route.operation, route.operation)


def test_twins_are_all_there_are() -> None:
    assert {route.operation for route in ROUTES if route.deprecated} == set(TWINS)


def test_every_handler_is_an_operation() -> None:
    assert set(HANDLERS) <= {route.operation for route in ROUTES}


UNSERVED = [route for route in ROUTES if TWINS.get(route.operation, route.operation) not in HANDLERS]


@pytest.mark.parametrize("route", UNSERVED, ids=lambda route: route.operation)
def test_operation_without_handler_is_501(route: Route, wire: Wire) -> None:
    method, bucket, has_key, query, headers = request_of(route)
    target = f"/{bucket}{'/key' if has_key else ''}?" + "&".join(f"{name}={value}" for name, value in query.items())
    sent = {name.decode(): value.decode() for name, value in headers.items()}
    reply = wire(method, target, headers=sent)
    assert reply.outcome == (501, "NotImplemented")
    assert route.operation in TWINS or route.operation in str(reply.xml.findtext("Message"))
    assert wire(method, target, headers=sent, signed=False).outcome == (403, "AccessDenied")


@pytest.mark.parametrize("subresource", sorted(router().subresources))
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "HEAD"])
@pytest.mark.parametrize("has_key", [True, False])
def test_subresource_never_falls_through(subresource: str, method: str, has_key: bool) -> None:
    try:
        operation = router().resolve(method, "b", has_key, {subresource: ""}, {})
    except RequestError:
        return
    route = next(route for route in ROUTES if route.operation == operation)
    assert route.subresource == subresource


@pytest.mark.parametrize(
    ("method", "bucket", "has_key", "query", "error"),
    [
        ("DELETE", "b", True, {"acl": ""}, MethodNotAllowed),
        ("DELETE", "b", False, {"delete": ""}, MethodNotAllowed),
        ("GET", "b", True, {"uploads": ""}, InvalidRequest),
        ("GET", "b", True, {"versions": ""}, InvalidRequest),
        ("GET", "b", False, {"acl": "", "policy": ""}, InvalidArgument),
        ("PUT", "b", True, {"partNumber": "1"}, RequestError),
        ("PUT", "b", True, {"uploadId": "1"}, RequestError),
        ("POST", "b", True, {}, MethodNotAllowed),
        ("POST", "b", False, {}, MethodNotAllowed),
        ("PATCH", "b", True, {}, MethodNotAllowed),
        ("DELETE", "", False, {}, MethodNotAllowed),
        ("HEAD", "", False, {}, MethodNotAllowed),
    ],
)
def test_refused(method: str, bucket: str, has_key: bool, query: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        router().resolve(method, bucket, has_key, query, {})


@pytest.mark.parametrize(
    ("method", "has_key", "query", "operation"),
    [
        ("GET", True, {"partNumber": "1"}, "GetObject"),
        ("GET", True, {"x-id": "GetObject", "foo-unknown": ""}, "GetObject"),
        ("GET", False, {"foo-unknown": ""}, "ListObjects"),
        ("GET", False, {"list-type": "2", "X-Amz-Signature": "0"}, "ListObjectsV2"),
        ("HEAD", True, {"uploadId": "1"}, "HeadObject"),
        ("POST", True, {"uploads": "", "x-id": "CreateMultipartUpload"}, "CreateMultipartUpload"),
    ],
)
def test_parameters_are_no_subresources(method: str, has_key: bool, query: dict[str, str], operation: str) -> None:
    assert router().resolve(method, "b", has_key, query, {}) == operation


def test_every_header_has_a_verdict_that_the_sources_bear_out() -> None:
    """What counts as done is named in our sources, or made of a prefix that is."""
    sources = "".join(path.read_text() for path in Path(objstore.__file__).parent.rglob("*.py")).lower()
    composed = (
        "x-amz-checksum-",
        "x-amz-copy-source-",
        "x-amz-rename-source-if-",
        "x-amz-server-side-encryption-",
        "x-amz-tagging-",
    )
    assert {*WITHOUT_EFFECT, *REFUSED} <= headers().keys()
    assert not WITHOUT_EFFECT.keys() & REFUSED.keys()
    for name in headers().keys() - WITHOUT_EFFECT.keys() - REFUSED.keys():
        assert name in sources or name.startswith(composed), name


@pytest.mark.parametrize(
    ("method", "target", "header", "value"),
    [
        ("PUT", "/more", "x-amz-bucket-namespace", "account-regional"),
        ("PUT", "/bucket/key", "x-amz-object-lock-event-hold", "ON"),
    ],
)
def test_refused_headers(method: str, target: str, header: str, value: str, wire: Wire) -> None:
    assert header in REFUSED
    assert wire(method, target, b"" if method == "PUT" else None, {header: value}).outcome == (501, "NotImplemented")


def test_compatibility_page_is_up_to_date() -> None:
    page = Path(__file__).parents[3] / "docs" / "s3-compatibility.md"
    assert page.read_text(encoding="utf-8") == document()
    assert len(re.findall(r"^\| \w+ \| `", document(), re.MULTILINE)) == len(ROUTES)

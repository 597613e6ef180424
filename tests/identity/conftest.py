"""A server in the compat profile for all these tests, with owners, two accounts, and clients for each."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.harness import forked
from tests.harness.server import SETTINGS, Server

MAIN, ALT = "main" + "0" * 60, "alt1" + "0" * 60
KEYS = {
    "main": ("MAINMAINMAINMAINMAIN", "main-secret-0123456789"),
    "alt": ("ALTALTALTALTALTALTAL", "alt-secret-0123456789"),
    "root1": ("ROOT1ROOT1ROOT1ROOT1", "root1-secret-0123456789"),
    "root2": ("ROOT2ROOT2ROOT2ROOT2", "root2-secret-0123456789"),
}
ACCOUNT1, ACCOUNT2 = "111111111111", "222222222222"
_numbers = itertools.count(1)

Client = Callable[..., Any]


@pytest.fixture(scope="package")
def compat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("compat")
    settings = f'audit_file = "{directory}/audit.jsonl"\noidc_private = true\n' + SETTINGS
    server = Server(directory, "--profile=compat", settings=settings).start()
    for name, canonical, display in (("main", MAIN, "Main One"), ("alt", ALT, "alt.two")):
        made = {"canonical_id": canonical, "display_name": display, "email": f"{name}@example.com"}
        admin(server, "POST", "/users", made | _key(name))
    admin(server, "POST", "/accounts", {"name": "first", "id": ACCOUNT1, "email": "one@example.com"} | _key("root1"))
    admin(server, "POST", "/accounts", {"name": "second", "id": ACCOUNT2})
    admin(server, "POST", "/users", {"account": "second", "email": "two@example.com"} | _key("root2"))
    yield server
    server.close()


def _key(name: str) -> dict[str, str]:
    return {"access_key": KEYS[name][0], "secret_key": KEYS[name][1]}


def admin(server: Server, method: str, path: str, body: Any = None, outcome: int = 0) -> Any:
    """A request to the admin API with root credentials; ``outcome``: the status of a refusal that is expected."""
    answer = server.admin(method, path, body=b"" if body is None else json.dumps(body).encode())
    assert answer.status_code == outcome if outcome else answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def command(server: Server, *arguments: str) -> Any:
    """``objstore`` with root credentials; its JSON answer."""
    run = forked.run([*arguments, "--json"], server.client_environment, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture(scope="package")
def client(compat: Server) -> Client:
    """``client("s3", "main")``, or with access key, secret and token."""

    def make(service: str, who: str | tuple[str, ...] | None, **config: Any) -> Any:
        keys = KEYS[who] if isinstance(who, str) else who
        if keys is None:
            config["signature_version"] = UNSIGNED
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        given = dict(zip(names, keys, strict=False)) if keys else {}
        settings = Config(**{"retries": {"max_attempts": 0}, "s3": {"addressing_style": "path"}, **config})
        return boto3.client(service, endpoint_url=compat.endpoint, region_name="us-east-1", config=settings, **given)

    return make


@pytest.fixture
def bucket(client: Client) -> str:
    """A new bucket of main's."""
    name = f"identity-{next(_numbers)}"
    client("s3", "main").create_bucket(Bucket=name)
    return name


def new_name(prefix: str) -> str:
    return f"{prefix}-{next(_numbers)}"


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[int, str] | None:
    """Status and code of a refusal; None if there was none."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return None


DENIED = (403, "AccessDenied")


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})


def audit_lines(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(server.directory / "audit.jsonl").read_text().splitlines()]


@pytest.fixture
def main(client: Client) -> Any:
    return client("s3", "main")


@pytest.fixture
def alt(client: Client) -> Any:
    return client("s3", "alt")


@pytest.fixture
def nobody(client: Client) -> Any:
    return client("s3", None)

"""objstore.client against a real server: every call that asks, sync and async, and what refusals look like."""

import functools
import inspect
import typing
from collections.abc import AsyncIterator, Iterator

import pytest

from objstore.client import ApiError, AsyncClient, Client, ClientError, Unreachable
from objstore.client.calls import Calls
from objstore.client.calls.cluster import Status
from objstore.client.calls.identities import NewUser
from objstore.client.calls.lifecycle import Configuration
from tests.harness.server import Server
from tools import client as generator

GIVEN = {"bucket": "client-calls", "tier": "hot", "key": "a", "name": "", "job_id": "00" * 16, "series": "put_bytes"}
NOTHING_THERE = {("warm", "get_job"), ("tiers", "reencoding"), ("repair", "rebalance_status")}


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    """Root's."""
    server.s3().create_bucket(Bucket="client-calls")
    server.s3().put_object(Bucket="client-calls", Key="a", Body=b"x")
    with Client(server.endpoint, *server.credentials) as client:
        GIVEN["name"] = client.drives.list_drives().drives[0].id
        yield client


@pytest.fixture(scope="module")
async def async_client(server: Server) -> AsyncIterator[AsyncClient]:
    """The same."""
    async with AsyncClient(server.endpoint, *server.credentials) as client:
        yield client


def questions() -> list[tuple[str, str]]:
    """Every call that only asks, by group and name."""
    calls = Calls(typing.cast(typing.Any, None))
    groups = [name for name, value in vars(Calls).items() if isinstance(value, functools.cached_property)]
    hints = {name: type(getattr(calls, name)) for name in groups}
    return [
        (group, name)
        for group, type_ in hints.items()
        for name, method in inspect.getmembers(type_, inspect.isfunction)
        if not name.startswith("_") and '"GET"' in inspect.getsource(method)
    ]


def test_generated_files_are_current() -> None:
    found = generator.files()
    assert {path: path.read_text() for path in sorted(generator.TO.glob("*.py"))} == found, "run python -m tools.client"


@pytest.mark.parametrize(("group", "name"), questions(), ids=[".".join(one) for one in questions()])
async def test_every_question(client: Client, async_client: AsyncClient, group: str, name: str) -> None:
    """What a real server says fits the types; where it refuses, both clients say the same."""
    method = getattr(getattr(client, group), name)
    needed = [
        GIVEN[one.name]
        for one in inspect.signature(method).parameters.values()
        if one.default is inspect.Parameter.empty
    ]
    if (group, name) in NOTHING_THERE:
        for refused in (lambda: method(*needed), lambda: getattr(getattr(async_client, group), name)(*needed)):
            with pytest.raises(ApiError) as told:
                await refused()
            assert told.value.status == 404
        return
    assert type(await getattr(getattr(async_client, group), name)(*needed)) is type(method(*needed))


def test_bodies(client: Client) -> None:
    """What is sent is what the server takes; what is left out stays out."""
    rules = [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}]
    put = client.lifecycle.put_lifecycle("client-calls", typing.cast(Configuration, {"Rules": rules}))
    assert [rule.ID for rule in put.Rules or []] == ["old"]
    assert client.lifecycle.dry_run("client-calls", days=2).days == 2
    assert client.lifecycle.put_lifecycle("client-calls", put) == put
    client.lifecycle.delete_lifecycle("client-calls")
    made = client.identities.add_user(NewUser(name="client-user"))
    assert made["name"] == "client-user"
    client.identities.remove_user("client-user")


def test_errors(server: Server, client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        client.usage.get_heat("no-such-bucket")
    assert (refused.value.status, "no-such-bucket" in str(refused.value)) == (404, True)
    with pytest.raises(ApiError) as refused, Client(server.endpoint, server.credentials[0], "wrong") as wrong:
        wrong.cluster.get_status()
    assert (refused.value.status, refused.value.code) == (403, "SignatureDoesNotMatch")
    with pytest.raises(ApiError, match="days"):
        client.lifecycle.dry_run("client-calls", days=-1)
    with pytest.raises(Unreachable, match="does not answer"), Client("http://127.0.0.1:1", "a", "b") as nobody:
        nobody.cluster.get_status()
    with pytest.raises(ClientError, match="is no endpoint"):
        Client("nowhere", "a", "b")
    with pytest.raises(ClientError, match="not understood"):
        client.typed(Status, "GET", "/server", {})


async def test_nobody_answers_async() -> None:
    async with AsyncClient("http://127.0.0.1:1", "a", "b") as nobody:
        with pytest.raises(Unreachable, match="does not answer"):
            await nobody.cluster.get_status()

"""What a node refuses: requests that are not of its cluster, were made for another time or place, or make no sense."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from objstore.cli.problem import StartError
from objstore.cli.secret import check_cluster_secret, master_key, root_keys
from objstore.drive import node_server
from objstore.drive.identify import format_drive
from objstore.drive.local import LocalDrive
from objstore.drive.node_auth import COUNTS_KEPT, Refused, Signer, Verifier, derive_key
from objstore.drive.node_server import NodeServer
from objstore.drive.node_wire import BODY_BYTES_MAX, READ, unpack_answers
from objstore.model import clock
from objstore.model.errors import DriveError

KEY = derive_key("3b1f0c5e9a7d42688cd1e0f7a95b6e24")
VOLUME = bytes(range(16))


class Client:
    """Sends requests straight to the application, signed as asked."""

    def __init__(self, server: NodeServer, drive: LocalDrive) -> None:
        self.server, self.drive = server, drive
        self.signer = Signer(KEY)
        self.touched = 0

    async def greet(self) -> None:
        status, headers, _ = await self.send("/v1/ping", credentials=None)
        assert status == 401
        assert self.signer.learn(headers[b"www-authenticate"].decode())

    async def send(
        self, path: str, body: bytes = b"", *, method: str = "POST", credentials: Any = "", length: int | None = None
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        if credentials == "":
            credentials = self.signer.sign(method, path.encode(), hashlib.sha256(body).hexdigest())
        raw, _, query = path.partition("?")
        headers = [(b"content-length", str(len(body) if length is None else length).encode())]
        if credentials is not None:
            headers.append((b"authorization", credentials.encode()))
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            self.touched += 1
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "raw_path": raw.encode(), "query_string": query.encode(),
                 "headers": headers}  # fmt: skip
        await self.server(scope, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"]), bytes(sent[1]["body"])


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    drive = LocalDrive(tmp_path / "d", await format_drive(tmp_path / "d", "c" * 32, "hot"))
    found = Client(NodeServer({drive.id: drive}, KEY), drive)
    await found.greet()
    yield found
    drive.close()


async def test_a_request_of_the_cluster_is_served(client: Client) -> None:
    path = f"{client.drive.id}/{VOLUME.hex()}"
    assert (await client.send(f"/v1/create/{path}", b"S" * 4096))[0] == 200
    assert (await client.send(f"/v1/read/{path}?offset=1&size=3"))[2] == b"SSS"
    reads = READ.pack(bytes.fromhex(client.drive.id), VOLUME, 0, 2) + READ.pack(bytes(16), VOLUME, 0, 2)
    status, _, answer = await client.send("/v1/reads", reads)
    assert status == 200
    assert [(code, bytes(found)) for code, found in unpack_answers(answer, 2)] == [(200, b"SS"), (421, b"")]


@pytest.mark.parametrize("credentials", [None, "", "objstore1", "Bearer rustfs rpc", "objstore1 " + "0 " * 5 + "0"])
async def test_without_credentials_nothing_is_read(client: Client, credentials: str | None) -> None:
    path = f"/v1/delete/{client.drive.id}/{VOLUME.hex()}"
    await client.drive.create(VOLUME, b"S" * 4096)
    client.touched = 0
    assert (await client.send(path, b"x" * 100, credentials=credentials or None))[0] == 401
    assert client.touched == 0
    assert await client.drive.length(VOLUME) == 4096


async def test_credentials_are_for_one_request_alone(client: Client) -> None:
    """Cross-method, cross-path, cross-body, cross-node, replayed, of another cluster."""
    path, digest = f"/v1/length/{client.drive.id}/{VOLUME.hex()}", hashlib.sha256(b"").hexdigest()
    await client.drive.create(VOLUME, b"S" * 4096)
    signed = client.signer.sign("POST", path.encode(), digest)
    assert (await client.send(path, method="PUT", credentials=signed))[0] == 401
    assert (await client.send(path.replace("length", "delete"), credentials=signed))[0] == 401
    assert (await client.send(path + "?offset=1", credentials=signed))[0] == 401
    assert (await client.send(path, credentials=signed))[0] == 200
    assert (await client.send(path, credentials=signed))[0] == 401

    for_body = client.signer.sign("POST", path.encode(), hashlib.sha256(b"one").hexdigest())
    assert (await client.send(path, b"two", credentials=for_body))[0] == 400

    elsewhere = NodeServer({client.drive.id: client.drive}, KEY)
    fresh = client.signer.sign("POST", path.encode(), digest)
    client.server, here = elsewhere, client.server
    assert (await client.send(path, credentials=fresh))[0] == 401
    client.server = here
    assert (await client.send(path, credentials=fresh))[0] == 200

    client.signer, known = Signer(derive_key("another secret that is long enough too 123")), client.signer
    client.signer.boot = known.boot
    assert (await client.send(path))[0] == 401


async def test_old_requests_are_refused_and_clients_learn_the_nodes_time(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, digest = "/v1/ping", hashlib.sha256(b"").hexdigest()
    old = client.signer.sign("POST", path.encode(), digest)
    later = clock.now_seconds() + 61
    monkeypatch.setattr(clock, "now_seconds", lambda: later)
    status, headers, _ = await client.send(path, credentials=old)
    assert status == 401
    # A day ahead of the node.
    monkeypatch.setattr(clock, "now_seconds", lambda: later + 86400)
    assert client.signer.learn(headers[b"www-authenticate"].decode())
    signed = client.signer.sign("POST", path.encode(), digest)
    monkeypatch.setattr(clock, "now_seconds", lambda: later)
    assert (await client.send(path, credentials=signed))[0] == 200


async def test_requests_may_overtake_each_other_but_none_counts_twice() -> None:
    verifier, signer = Verifier(KEY), Signer(KEY)
    signer.learn(verifier.challenge.decode())
    digest = hashlib.sha256(b"").hexdigest()
    signed = [signer.sign("POST", b"/", digest).encode() for _ in range(COUNTS_KEPT + 2)]
    for credentials in (signed[5], signed[2], signed[9], signed[0]):
        assert verifier.check("POST", b"/", credentials) == digest
    for credentials in (signed[5], signed[2], signed[9], signed[0]):
        with pytest.raises(Refused):
            verifier.check("POST", b"/", credentials)
    verifier.check("POST", b"/", signed[-1])
    with pytest.raises(Refused):  # never seen, but too far behind to know
        verifier.check("POST", b"/", signed[1])


@pytest.mark.parametrize(
    "path",
    [
        "/", "/v1/", "/v2/ping", "/v1/ping/", "/v1/nothing", "/v1/ping?x=y", "/v1/PING", "/v1/ping?offset=-1",
        "/v1/length/{drive}", "/v1/length/{drive}/..", "/v1/length/{drive}/../../../../etc/passwd",
        "/v1/length/{drive}/%2e%2e%2f%2e%2e", "/v1/length/{drive}/" + "A" * 32, "/v1/length/{drive}/" + "a" * 31,
        "/v1/length/{drive}/" + "a" * 33, "/v1/length/{drive}/" + "a" * 32 + "/x",
        "/v1/length/{drive}/" + "a" * 31 + "\\", "/v1/length/{drive}/" + "a" * 32 + "\n",
        "/v1/list/{drive}/" + "a" * 32, "/v1/list/{drive}?size=99999999",
        "/v1/read/{drive}/" + "a" * 32 + "?offset=0&size=999999999999", "/v1/read/{drive}/" + "a" * 32,
        "/v1/write/{drive}/" + "a" * 32 + "?offset=99999999999999999999",
    ],
)  # fmt: skip
async def test_what_is_no_request_is_refused_before_a_file_is_touched(
    client: Client, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("length", "read", "write", "shards", "delete"):
        monkeypatch.setattr(client.drive, name, _never)
    assert (await client.send(path.replace("{drive}", client.drive.id)))[0] == 400


def _never(*_: Any) -> None:
    raise AssertionError("reached the drive")


async def test_bodies_are_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/v1/create/{client.drive.id}/{VOLUME.hex()}"
    assert (await client.send(path, b"S" * 4096, length=BODY_BYTES_MAX + 1))[0] == 413
    assert (await client.send(path, b"S" * 4096, length=4095))[0] == 413
    assert (await client.send(path, b"S" * 4096, length=4097))[0] == 400
    for body in (b"x" * 43, READ.pack(bytes(16), VOLUME, 0, 1 << 31), READ.pack(bytes(16), VOLUME, 1 << 50, 1), b""):
        assert (await client.send("/v1/reads", body))[0] == 400
    monkeypatch.setattr(node_server, "BODIES_BYTES_MAX", 4095)
    assert (await client.send(path, b"S" * 4096))[0] == 503
    assert await client.drive.shards(b"", 10) == []


async def test_a_shard_of_another_drive_is_not_here(client: Client) -> None:
    await client.drive.create(VOLUME, b"S" * 4096)
    assert (await client.send(f"/v1/length/{'0' * 32}/{VOLUME.hex()}"))[0] == 421
    assert (await client.send(f"/v1/length/{client.drive.id}/{'0' * 32}"))[0] == 404


async def test_writers_that_never_finish_are_closed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that was killed leaves its volumes open for writing."""
    now = clock.monotonic_seconds()
    first, second = (f"/v1/{{}}/{client.drive.id}/{bytes([n] * 16).hex()}" for n in (1, 2))
    assert (await client.send(first.format("create"), b"S" * 4096))[0] == 200
    monkeypatch.setattr(clock, "monotonic_seconds", lambda: now + 7 * 3600)
    assert (await client.send(second.format("create"), b"S" * 4096))[0] == 200
    assert (await client.send(first.format("write") + "?offset=4096&sync=1", b"late"))[0] == 409
    assert (await client.send(second.format("write") + "?offset=4096&sync=1", b"soon"))[0] == 200


async def test_a_drive_that_hangs_costs_others_in_its_batch_no_more_than_a_read(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_server, "READ_TIMEOUT_SECONDS", 0.05)
    await client.drive.create(VOLUME, b"S" * 4096)
    really, hung = client.drive.read, bytes([9] * 16)

    def read(volume: bytes, *rest: Any) -> Any:
        return asyncio.sleep(60) if volume == hung else really(volume, *rest)

    monkeypatch.setattr(client.drive, "read", read)
    monkeypatch.setattr(client.drive, "read_now", lambda *_: False)
    drive = bytes.fromhex(client.drive.id)
    status, _, answer = await client.send("/v1/reads", READ.pack(drive, hung, 0, 1) + READ.pack(drive, VOLUME, 0, 1))
    assert status == 200
    assert [code for code, _ in unpack_answers(answer, 2)] == [504, 200]


def test_answers_are_held_to_what_they_say() -> None:
    for answer in (b"", b"\x00" * 5, b"\xc8\x00\x05\x00\x00\x00ab", b"\xc8\x00\x01\x00\x00\x00ab"):
        with pytest.raises(DriveError):
            unpack_answers(answer, 1)


@pytest.mark.parametrize(
    "secret",
    [
        None, "", "short", "x" * 31, "a" * 64, "changeme" * 8, "0123456789" * 4, "abcdefghijklmnopqrstuvwxyz0123456789",
        "rustfs rpc", "minioadmin" * 4, "passwordpasswordpasswordpassword", "objstore-cluster-secret-objstore-cluster",
    ],
)  # fmt: skip
def test_weak_secrets_are_refused(secret: str | None) -> None:
    with pytest.raises(StartError):
        check_cluster_secret(secret)


def test_strong_secrets_are_taken_and_derived_keys_are_independent() -> None:
    for _ in range(50):
        assert check_cluster_secret(clock.random_bytes(16).hex())
    one, other = root_keys("3b1f0c5e9a7d42688cd1e0f7a95b6e24"), root_keys("3b1f0c5e9a7d42688cd1e0f7a95b6e25")
    assert len({*one, *other}) == 4
    assert (len(one[0]), len(one[1])) == (20, 40)
    assert one[1].encode() not in KEY
    first, second = master_key("3b1f0c5e9a7d42688cd1e0f7a95b6e24"), master_key("3b1f0c5e9a7d42688cd1e0f7a95b6e25")
    assert len({first, second, KEY}) == 3
    assert len(first) == 32

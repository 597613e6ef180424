"""Answers that come too late or break off: what the client gets, and what is counted."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from objstore.api.asgi import Gateway, ResponseBroken
from objstore.api.auth.authenticator import Authenticated, Authenticator
from objstore.api.auth.keyring import Identity, RootKeyring
from objstore.api.s3.call import Answer, Call, Site
from tests.unit.s3.conftest import ACCESS_KEY, OWNER, SECRET_KEY
from tests.unit.s3.fake_store import PIECE_BYTES, FakeReader, FakeStore

ANSWER_SECONDS, WORK_SECONDS = 0.2, 1.0


class Exchange:
    """One request to a gateway whose only handler is ``handle``. ``sent``: the answer; ``counted``: the metrics."""

    def __init__(self, handle: Callable[[Call], Any], pieces: list[bytes] | None = None) -> None:
        self.sent: list[Any] = []
        self.counted: list[tuple[Any, ...]] = []
        self.gone = asyncio.Event()
        self.pieces = pieces or [b""]
        self.piece_seconds = 0.0
        self._length = sum(map(len, self.pieces))
        authenticator = Authenticator(RootKeyring(ACCESS_KEY, SECRET_KEY, OWNER))
        self._app = Gateway(
            FakeStore(),
            authenticator,
            Site("us-east-1"),
            observe=lambda *what: self.counted.append(what),
            answer_seconds=ANSWER_SECONDS,
        )
        self._app._dispatcher.answer = handle  # type: ignore[method-assign]

    async def run(self) -> None:
        headers = [(b"host", b"x"), (b"content-length", b"%d" % self._length)]
        scope = {"type": "http", "method": "PUT", "raw_path": b"/b/k", "query_string": b"", "headers": headers}
        await self._app(scope, self._receive, self._send)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    async def _receive(self) -> Any:
        if self.pieces:
            await asyncio.sleep(self.piece_seconds)
            return {"type": "http.request", "body": self.pieces.pop(0), "more_body": bool(self.pieces)}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)
        await asyncio.sleep(0)


async def work(call: Call) -> Answer:
    """Read the body, then take long."""
    call.authenticated = Authenticated(Identity(OWNER, "root", True), "UNSIGNED-PAYLOAD")
    body = call.body()
    while await body.read():
        pass
    await asyncio.sleep(WORK_SECONDS)
    return 200, [], b"done"


async def test_whoever_waits_too_long_is_told_to_slow_down() -> None:
    exchange = Exchange(work)
    await exchange.run()
    assert exchange.status == 503
    assert (b"retry-after", b"1") in exchange.sent[0]["headers"]
    assert b"<Code>SlowDown</Code>" in exchange.sent[1]["body"]
    assert [status for _, status, *_ in exchange.counted] == [503]


async def test_a_slow_body_is_the_clients_own_time() -> None:
    """The whole of it is read, though it takes longer than an answer may."""
    exchange = Exchange(work, [b"1", b"2", b"3", b"4"])
    exchange.piece_seconds = ANSWER_SECONDS
    await exchange.run()
    assert not exchange.pieces
    assert exchange.status == 503
    assert (b"connection", b"close") not in exchange.sent[0]["headers"]


async def test_large_bodies_may_take_their_time() -> None:
    exchange = Exchange(work, [bytes(2 * 2**20)])
    await exchange.run()
    assert exchange.status == 200


async def test_copies_may_take_their_time() -> None:
    async def copy(call: Call) -> Answer:
        call.operation = "CopyObject"
        return await work(call)

    exchange = Exchange(copy)
    await exchange.run()
    assert exchange.status == 200


async def test_a_server_that_ends_is_no_late_answer() -> None:
    exchange = Exchange(work)
    task = asyncio.ensure_future(exchange.run())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not exchange.sent
    assert len(exchange.counted) == 1


@pytest.mark.parametrize(("gone", "counted"), [(True, 499), (False, 500)], ids=["client gone", "read failure"])
async def test_answers_that_break_off_are_counted(gone: bool, counted: int) -> None:
    reader = FakeReader(bytes(3 * PIECE_BYTES), None if gone else 1)
    # The body has been read already: what comes next is the client's going away.

    async def read(call: Call) -> Answer:
        call.operation = "GetObject"
        return 200, [], reader

    exchange = Exchange(read)
    exchange.pieces.clear()
    if gone:
        exchange.gone.set()
        await exchange.run()
    else:
        with pytest.raises(ResponseBroken):
            await exchange.run()
    assert exchange.status == 200
    [(operation, status, _, _, sent_bytes)] = exchange.counted
    assert (operation, status) == ("GetObject", counted)
    assert sent_bytes == sum(len(message["body"]) for message in exchange.sent[1:] if message.get("more_body"))
    assert sent_bytes < 3 * PIECE_BYTES
    assert reader.closed

"""Large bodies: from the socket into the application's buffers, past the parser, and never a byte too many."""

import asyncio
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from objstore.api.auth.body import DIRECT_BYTES_MIN, RequestBody
from objstore.api.auth.stall import StallWatch
from objstore.model.errors import IncompleteBody, RequestTimeout
from tests.serve.test_protocol import Fixture, serving

BUFFER_BYTES = 300_000
SIZES = [1, DIRECT_BYTES_MIN - 1, DIRECT_BYTES_MIN, 1_000_000, 5_000_011]
BODIES = {size: Random(size).randbytes(size) for size in SIZES}
PUT = b"PUT /%d HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"


class Takes:
    """Reads bodies into buffers and tells what came; ``/early`` answers before the body is there."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.failed: list[type[Exception]] = []
        self.watch = StallWatch(2.0)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        length = int(dict(scope["headers"])[b"content-length"])
        claims: Any = SimpleNamespace(algorithms=frozenset())
        request: Any = SimpleNamespace(receive=receive)
        body, whole = RequestBody(request, length, claims, self.watch), bytearray()
        buffer, fill = memoryview(bytearray(BUFFER_BYTES)), 0
        try:
            while count := await body.read_into(buffer[fill:]):
                fill += count
                if fill == BUFFER_BYTES:
                    whole += buffer
                    fill = 0
                if scope["path"] == "/early" and len(whole) > 1_000_000:
                    break
        except (IncompleteBody, RequestTimeout) as error:
            self.failed.append(type(error))
        else:
            assert body.consumed == (scope["path"] != "/early")
            self.seen.append(bytes(whole + buffer[:fill]))
        headers = [(b"content-length", b"2"), *([] if body.consumed else [(b"connection", b"close")])]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})


async def talk(http: Fixture, sent: bytes, answers: int, step: int = 1 << 30, pause: float = 0) -> bytes:
    """Send in steps; what comes back until so many answers are there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", http.port)
    for at in range(0, len(sent), step):
        writer.write(sent[at : at + step])
        await writer.drain()
        await asyncio.sleep(pause)
    answer = b""
    async with asyncio.timeout(10):
        while answer.count(b"\r\n\r\nok") < answers and (piece := await reader.read(65536)):
            answer += piece
    writer.close()
    return answer


@pytest.mark.parametrize(("step", "pause"), [(1 << 30, 0), (70_001, 0.001)], ids=["at once", "in pieces"])
async def test_bodies_come_whole_and_what_is_behind_them_too(step: int, pause: float) -> None:
    takes = Takes()
    async with serving(takes, header_seconds=5, stall_seconds=5) as http:
        sent = b"".join(PUT % (size, size) + BODIES[size] for size in [*SIZES, *reversed(SIZES)])
        assert (await talk(http, sent, 2 * len(SIZES), step, pause)).count(b" 200 OK") == 2 * len(SIZES)
    assert takes.seen == [BODIES[size] for size in [*SIZES, *reversed(SIZES)]]


async def test_a_torn_body_is_never_taken_for_a_whole_one() -> None:
    takes = Takes()
    async with serving(takes, header_seconds=5, stall_seconds=5) as http:
        for sent in (10, 400_000, 4_999_999):
            _, writer = await asyncio.open_connection("127.0.0.1", http.port)
            writer.write(PUT % (0, 5_000_011) + BODIES[5_000_011][:sent])
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.transport.abort()
        async with asyncio.timeout(5):
            while len(takes.failed) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert takes.failed == [IncompleteBody] * 3
    assert not takes.seen


async def test_a_body_that_stands_still_is_given_up_and_a_slow_one_is_not() -> None:
    takes = Takes()
    async with serving(takes, header_seconds=5, stall_seconds=5) as http:
        stalled = talk(http, PUT % (0, 1_000_000) + BODIES[1_000_000][:600_000], 1)
        slow = talk(http, PUT % (0, 1_000_000) + BODIES[1_000_000], 1, 50_000, 0.1)
        answers = await asyncio.gather(stalled, slow)
    assert takes.failed == [RequestTimeout]
    assert takes.seen == [BODIES[1_000_000]]
    assert all(b" 200 OK" in answer for answer in answers)


async def test_an_early_answer_arrives_and_the_rest_of_the_body_is_dropped() -> None:
    takes = Takes()
    async with serving(takes, header_seconds=5, stall_seconds=5) as http:
        sent = b"PUT /early HTTP/1.1\r\nHost: h\r\nContent-Length: 5000011\r\n\r\n" + BODIES[5_000_011]
        answer = await talk(http, sent + PUT % (1, 1) + b"x", 2)
        assert answer.count(b" 200 OK") == 1
    assert len(takes.seen) == 1

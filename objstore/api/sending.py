"""Large pieces of answers go into their sockets in threads, while the event loop reads and verifies the next ones.

Copying a mebibyte into a socket is a third of a millisecond of CPU, and uvloop keeps the GIL meanwhile: reading,
verifying and sending would share one core however many there are.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

PIECE_BYTES_MIN = 256 * 1024  # below this the hand-over costs more than it saves
THREADS_MAX = 2  # each busy for about a millisecond a piece: nothing is waited for in them


class PieceSender:
    """Sends pieces of one answer, one at a time, past a transport that has nothing left to write."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._sending: asyncio.Future[memoryview] | None = None
        # What goes past the transport goes past TLS too: in the clear, and into the middle of its records.
        self._is_plain = transport.get_extra_info("sslcontext") is None
        # Woken only when the transport is empty: what it still held would have to go first.
        transport.set_write_buffer_limits(high=PIECE_BYTES_MIN // 4, low=0)

    @property
    def ready(self) -> bool:
        """Whether a piece may be started; never on a connection with TLS."""
        transport = self._transport
        is_free = self._is_plain and self._sending is None
        return is_free and not transport.is_closing() and not transport.get_write_buffer_size()

    def start(self, piece: Any) -> None:
        """Begin to send; ``finish`` has to be awaited before anything else is written. The piece must not change."""
        # A descriptor of its own: the connection may be closed, and its number given to another, during the call.
        own = self._transport.get_extra_info("socket").dup()
        self._sending = self._loop.create_future()
        _threads.start(own, memoryview(piece).cast("B"), self._loop, self._sending)

    async def finish(self) -> None:
        """Wait until what was started has been sent; what the socket did not take waits in the transport."""
        sending, self._sending = self._sending, None
        if sending is not None and len(rest := await sending) and not self._transport.is_closing():
            self._transport.write(rest)


_Job = tuple[socket.socket, memoryview, asyncio.AbstractEventLoop, "asyncio.Future[memoryview]"]


class _Threads:
    """Started when there is work for them; shared by all connections of the process."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._count = 0

    def start(self, *job: Any) -> None:
        if self._count < THREADS_MAX:
            self._count += 1
            threading.Thread(target=self._run, name=f"send-{self._count}", daemon=True).start()
        self._jobs.put(job)

    def _run(self) -> None:
        while True:
            connection, piece, loop, sending = self._jobs.get()
            rest = _send(connection, piece)
            with suppress(RuntimeError):  # the event loop has closed: nobody is waiting any more
                loop.call_soon_threadsafe(_settle, sending, rest)
            del connection, piece, rest, sending  # nothing is kept alive while the thread waits


def _send(connection: socket.socket, piece: memoryview) -> memoryview:
    """Send what the socket takes at once; what is left. An error is left to the transport, which will meet it too."""
    with connection, suppress(OSError):
        while len(piece):
            piece = piece[connection.send(piece, socket.MSG_DONTWAIT) :]
    return piece


def _settle(sending: "asyncio.Future[memoryview]", rest: memoryview) -> None:
    if not sending.done():
        sending.set_result(rest)


_threads = _Threads()

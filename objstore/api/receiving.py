"""BodyReceiver: takes the HTTP protocol's place on a connection while a large body of known length comes in.

uvloop, the HTTP parser and the application would each copy its bytes. Here the kernel puts them where the application
wants them, and the parser, which would only count them, is made anew for what comes behind.
"""

import asyncio
from typing import Any, Protocol

SCRATCH_BYTES = 64 * 1024
_NOWHERE = memoryview(b"")


class Counter(Protocol):
    """Is told of what comes in."""

    received_bytes: int


class Owner(Protocol):
    """The HTTP protocol, as far as it is used here."""

    transport: asyncio.Transport
    flow: Any

    def body_piece_received(self, piece: bytes) -> None:
        """A piece that nobody has named a place for."""

    def body_received(self) -> None:
        """The last byte has come, past the parser."""

    def eof_received(self) -> bool | None: ...
    def connection_lost(self, exc: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class BodyReceiver(asyncio.BufferedProtocol):
    """Receives ``left`` bytes for ``http``, then gives the connection back to it."""

    def __init__(self, http: Owner, left: int, wake: asyncio.Event) -> None:
        self._http, self._left, self._wake = http, left, wake
        self._target, self._scratch, self.filled = _NOWHERE, _NOWHERE, 0
        self._counter: Counter | None = None
        http.transport.set_protocol(self)

    @property
    def done(self) -> bool:
        """The target is full, or the last byte has come."""
        return self.filled == len(self._target) or not self._left

    def aim(self, target: memoryview, counter: Counter) -> None:
        """Bytes go to ``target`` from here on; ``wake`` is set once it is ``done``."""
        self._target, self._counter, self.filled = target, counter, 0
        self._http.flow.resume_reading()

    def release(self) -> int:
        """Nothing more goes to the target; how many bytes it has."""
        self._target, self._counter = _NOWHERE, None
        return self.filled

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go; never room for what comes behind the body."""
        if self.filled < len(self._target):
            return self._target[self.filled : self.filled + self._left]
        if not self._scratch:
            self._scratch = memoryview(bytearray(SCRATCH_BYTES))
        return self._scratch[: self._left]

    def buffer_updated(self, nbytes: int) -> None:
        """So many have come."""
        self._left -= nbytes
        if self._counter is None:
            # Its reader is not there, or it reads piece by piece.
            self._http.body_piece_received(bytes(self._scratch[:nbytes]))
        else:
            self.filled += nbytes
            self._counter.received_bytes += nbytes
            if self.done:
                self._wake.set()
                if self._left:
                    self._http.flow.pause_reading()
        if not self._left:
            self._http.transport.set_protocol(self._http)  # type: ignore[arg-type]
            self._http.body_received()

    def eof_received(self) -> bool | None:
        """See the HTTP protocol."""
        return self._http.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """See the HTTP protocol."""
        self._http.connection_lost(exc)

    def pause_writing(self) -> None:
        """See the HTTP protocol."""
        self._http.pause_writing()

    def resume_writing(self) -> None:
        """See the HTTP protocol."""
        self._http.resume_writing()

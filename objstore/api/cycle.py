"""Cycle: one request and its answer, between the protocol and the application."""

from collections import deque
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

BODY_BYTES_WAITING_MAX = 512 * 1024  # of a request, between the socket and the application


class Cycle(RequestResponseCycle):
    """uvicorn's, but the body's pieces are handed on as they came: it would copy each of them twice."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.pieces: deque[bytes] = deque()
        self.waiting_bytes = 0

    async def receive(self) -> Any:
        """The next piece of the body, or that the client is gone."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        pieces = self.pieces
        if not pieces and not self.disconnected and not self.response_complete:
            self.flow.resume_reading()
            await self.message_event.wait()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        piece = pieces.popleft() if pieces else b""
        if not pieces:
            self.message_event.clear()
        self.waiting_bytes -= len(piece)
        if self.waiting_bytes <= BODY_BYTES_WAITING_MAX // 2:
            self.flow.resume_reading()
        return {"type": "http.request", "body": piece, "more_body": self.more_body or bool(pieces)}

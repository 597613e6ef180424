"""Cycle: one request and its answer, between the protocol and the application."""

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from objstore.api.receiving import BodyReceiver, Counter
from objstore.api.sending import PIECE_BYTES_MIN, can_send, prepare, send
from objstore.api.whole_answer import BODY_BYTES_MAX, render

BODY_BYTES_WAITING_MAX = 512 * 1024  # of a request, between the socket and the application


class Cycle(RequestResponseCycle):
    """uvicorn's, but the body's pieces are handed on as they came: it would copy each of them twice.

    Large pieces of an answer go past the transport, and a large body is received where the application wants it.
    ``http``: the connection's protocol.
    """

    def __init__(self, http: Any, **named: Any) -> None:
        super().__init__(**named)
        self._http = http
        self._receiver: BodyReceiver | None = None
        self.pieces: deque[bytes] = deque()
        self.waiting_bytes = 0

    def answer(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes | bytearray | memoryview) -> bool:
        """Send a whole answer, in place of both messages; False, and nothing is sent, unless it is a plain one."""
        if (
            self.response_started
            or self.disconnected
            or self.flow.write_paused
            or self.access_log
            or not self.keep_alive
            or len(body) > BODY_BYTES_MAX
        ):
            return False
        rendered = render(status, self.default_headers, headers, body, self.scope["method"] == "HEAD")
        if rendered is None:
            return False
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = self.chunked_encoding = False
        self.expected_content_length = 0
        self.transport.write(rendered)
        self.message_event.set()
        self.on_response()
        return True

    def send(self, message: Any) -> Coroutine[Any, Any, None]:
        """Send a part of the answer."""
        size = len(message.get("body", b""))
        return super().send(message) if size < PIECE_BYTES_MIN else self._send_large(message, size)

    async def _send_large(self, message: Any, size: int) -> None:
        transport = self._http.transport
        if transport.is_closing():
            return  # the client has gone, and the protocol is told of it later
        prepare(transport)
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if not self._is_middle(message, size) or not can_send(transport):
            await super().send(message)
            return
        self.expected_content_length -= size
        send(transport, message["body"])

    def _is_middle(self, message: Any, size: int) -> bool:
        """Whether it is a piece of a body of known length that more follows: all else is left to uvicorn."""
        return (
            message["type"] == "http.response.body"
            and message.get("more_body", False)
            and self.response_started
            and self.chunked_encoding is False
            and size <= self.expected_content_length
            and self.scope["method"] != "HEAD"
            and not self.response_complete
            and not self.disconnected
        )

    async def receive_into(self, target: memoryview, left: int, counter: Counter) -> int | None:
        """Fill ``target`` with bytes of the body, of which ``left`` are to come; ``counter`` is told as they do.

        How many: fewer than there is room for at the end of the body, or when the client has gone. None: there are
        pieces to be had by ``receive`` first.
        """
        if self.pieces or not self.more_body or self.disconnected or self.response_complete:
            return None
        self._continue()
        receiver = self._receiver
        if receiver is None:
            receiver = self._receiver = BodyReceiver(self._http, left, self.message_event)
        receiver.aim(target, counter)
        try:
            while not (receiver.done or self.disconnected or self.response_complete):
                self.message_event.clear()
                await self.message_event.wait()
        finally:
            filled = receiver.release()
        return filled

    def tls(self) -> tuple[str, str] | None:
        """See ``tls_of``."""
        transport = self._http.transport
        opened = transport.get_extra_info("ssl_object") if transport is not None else None
        version, cipher = (opened.version(), opened.cipher()) if opened is not None else (None, None)
        return (version, cipher[0]) if version and cipher else None

    def _continue(self) -> None:
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False

    async def receive(self) -> Any:
        """The next piece of the body, or that the client is gone."""
        self._continue()
        pieces = self.pieces
        if not pieces and not self.disconnected and not self.response_complete:
            self.flow.resume_reading()
            await self.message_event.wait()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        piece, more = self._take()
        return {"type": "http.request", "body": piece, "more_body": more}

    def receive_now(self) -> tuple[bytes, bool] | None:
        """The next piece of the body and whether more will come, if it is here; None: ``receive`` has to be awaited."""
        return self._take() if self.pieces and not (self.disconnected or self.response_complete) else None

    def _take(self) -> tuple[bytes, bool]:
        pieces = self.pieces
        piece = pieces.popleft() if pieces else b""
        if not pieces:
            self.message_event.clear()
        self.waiting_bytes -= len(piece)
        if self.waiting_bytes <= BODY_BYTES_WAITING_MAX // 2:
            self.flow.resume_reading()
        return piece, self.more_body or bool(pieces)


def _cycle_of(method: Any) -> Cycle | None:
    cycle = getattr(method, "__self__", None)
    return cycle if isinstance(cycle, Cycle) else None


def answer_of(send: Any) -> Callable[[int, list[tuple[bytes, bytes]], Any], bool] | None:
    """``Cycle.answer`` of the request whose ``send`` this is; None if another server calls the application."""
    cycle = _cycle_of(send)
    return cycle.answer if cycle else None


def receive_into_of(receive: Any) -> Callable[[memoryview, int, Counter], Awaitable[int | None]] | None:
    """``Cycle.receive_into`` of the request whose ``receive`` this is; None if another server calls the application."""
    cycle = _cycle_of(receive)
    return cycle.receive_into if cycle else None


def receive_now_of(receive: Any) -> Callable[[], tuple[bytes, bool] | None] | None:
    """``Cycle.receive_now`` of the request whose ``receive`` this is; None if another server calls the application."""
    cycle = _cycle_of(receive)
    return cycle.receive_now if cycle else None


def tls_of(receive: Any) -> tuple[str, str] | None:
    """Version of TLS and cipher (OpenSSL's names) of the connection of a request; None: it is not encrypted.

    Looked up when somebody wants to know it: requests that nobody logs cost nothing.
    """
    cycle = _cycle_of(receive)
    return cycle.tls() if cycle else None

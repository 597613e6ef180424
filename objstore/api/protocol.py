"""HTTP/1.1 on the wire: uvicorn's httptools protocol with the limits that it leaves out.

llhttp (in its strict mode, which httptools uses) already refuses Content-Length beside Transfer-Encoding, two
Content-Lengths, folded headers, bare CR, LF and NUL, and transfer codings that do not end in ``chunked``. Added here:

    header section    at most HEADER_BYTES_MAX bytes and HEADER_COUNT_MAX lines, complete within ``header_seconds``
    host              exactly one Host in HTTP/1.1; at most one in HTTP/1.0; other versions are refused
    trailer section   dropped (uvicorn appends it to the headers that were authorised), and bounded like headers
    upgrade           ignored (h2c of curl and Java) unless there is a body, which the parser would take for a request
    broken framing    never answered into another answer; nothing that follows it is looked at
    early answers     the rest of the body is read for a moment and dropped, so that the client sees the answer
                      and not a reset connection (RFC 9112, 9.6)
    slow readers      an answer of which nothing goes out for ``stall_seconds`` ends the connection (slow bodies are
                      the application's to refuse: objstore/api/auth/stall.py)

uvicorn's class is not a public interface: its version is pinned, and tests/serve/test_protocol.py checks the names
that are overridden or used here. What is added costs about half a microsecond a request.
"""

import asyncio
from typing import Any, ClassVar
from urllib.parse import unquote

import httptools
from uvicorn._types import HTTPScope
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from objstore.api import framing
from objstore.api.cycle import BODY_BYTES_WAITING_MAX, Cycle
from objstore.model.limits import CONNECTIONS_MAX, HEADER_BYTES_MAX, HEADER_COUNT_MAX, HEADER_SECONDS_MAX

LINGER_SECONDS = 2.0
LINGER_BYTES_MAX = 16 * 2**20


class _Refused(Exception):
    """Raised inside a parser callback to stop it; ``_refusal`` says why (httptools wraps exceptions)."""


class _ClosingTransport:
    """What the request cycle writes to: ``close`` waits for a body that is still coming in."""

    __slots__ = ("_protocol", "is_closing", "write")

    def __init__(self, protocol: "StrictHttpProtocol", transport: asyncio.Transport) -> None:
        self._protocol = protocol
        self.write = transport.write
        self.is_closing = transport.is_closing

    def close(self) -> None:
        self._protocol.close_gently()


class StrictHttpProtocol(HttpToolsProtocol):
    """One connection. ``strict_protocol`` makes subclasses with other time limits (seconds)."""

    header_seconds: ClassVar[float] = HEADER_SECONDS_MAX
    stall_seconds: ClassVar[float] = 60.0
    cycle: Cycle

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._in_headers = True  # inside a request line or header section, or before the first one
        self._header_bytes = 0  # of an incomplete header section, up to the piece before this one
        self._piece_bytes = 0  # of the piece that the parser is looking at
        self._silent_bytes = 0  # of pieces that gave no byte of body: chunk headers, trailers
        self._hosts = 0
        self._refusal = "BadRequest"
        self._stopped = False  # nothing that comes in is looked at any more
        self._lingering = False  # the answer is out, the sending side closed
        self._lingered_bytes = 0
        self._unsent_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._closing: asyncio.Transport = None  # type: ignore[assignment]

    # The connection, as asyncio tells it.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected; its first request has to come in time."""
        super().connection_made(transport)
        self._closing = _ClosingTransport(self, transport)  # type: ignore[assignment]
        self._timer = self.loop.call_later(self.header_seconds, self._headers_late)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.write(framing.error_answer("SlowDown"))
            self._stopped = True
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: a task that waits for its body sees a disconnect."""
        self._cancel(self._timer)
        self._cancel(self._sweeper)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came in; everything below is called from here."""
        if self._stopped:
            self._discard(data)
            return
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        self._piece_bytes = len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._feed_rest(data, upgrade)
        except httptools.HttpParserError:
            self._refuse()
        if self._in_headers:
            self._headers_incomplete()
        elif self.cycle.more_body:
            self._body_incomplete()
        elif self.cycle.response_complete:  # blank lines between two requests
            self._headers_incomplete()

    def pause_writing(self) -> None:
        """The client reads more slowly than we send: watch that it reads at all."""
        super().pause_writing()
        if self._sweeper is None:
            self._sweep()

    def shutdown(self) -> None:
        """The server drains: idle connections close now, busy ones after their answer."""
        if self._lingering:
            self.transport.close()
        else:
            super().shutdown()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """First byte of a request."""
        self._in_headers = True
        self._hosts = 0
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header line, or a trailer line: that one is dropped, nobody authorised it."""
        if not self._in_headers:
            return
        name = name.lower()
        if name == b"host":
            self._hosts += 1
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The header section is whole: check it, then run the application or queue the request.

        This and ``on_message_begin`` take the place of uvicorn's methods (same effect, without its concurrency limit
        and WebSockets), because the checks have to pass before a task is made.
        """
        parser = self.parser
        version = parser.get_http_version()
        if self._hosts != 1 or version != "1.1" or self._stopped or parser.should_upgrade():
            self._check_unusual(version)
        if len(self.headers) > HEADER_COUNT_MAX or self._header_bytes + self._piece_bytes > HEADER_BYTES_MAX:
            self._check_size()
        self.scope = self._new_scope(parser.get_method().decode("ascii"), version)
        self._in_headers = False
        self._header_bytes = self._silent_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        previous = self.cycle
        self.cycle = cycle = Cycle(
            self,
            scope=self.scope,
            transport=self._closing,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if previous is None or previous.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def on_body(self, body: bytes) -> None:
        """A piece of the body, decoded."""
        self._silent_bytes = -self._piece_bytes
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.pieces.append(body)
        cycle.waiting_bytes += len(body)
        if cycle.waiting_bytes > BODY_BYTES_WAITING_MAX:
            self.flow.pause_reading()
        cycle.message_event.set()

    def body_piece_received(self, piece: bytes) -> None:
        """A piece of a body that comes past the parser, see receiving.py."""
        if self._stopped:
            self._discard(piece)
        else:
            self.on_body(piece)

    def body_received(self) -> None:
        """The last byte of such a body: the parser, which has not seen it, is made anew for the next request."""
        self.parser = httptools.HttpRequestParser(self)
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def on_response_complete(self) -> None:
        """An answer has gone out whole: go on with what was pipelined behind it, wait for more, or close."""
        if not self._stopped and not (self.cycle.response_complete and self.cycle.more_body):
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.pipeline.clear()
        if not self._lingering:
            self.close_gently()

    def send_400_response(self, msg: str) -> None:
        """Never by uvicorn's words."""
        self._refuse()

    def close_gently(self) -> None:
        """Close after the answer has gone out; a body that is still coming in is read and dropped for a moment."""
        if self.cycle.more_body and not self._lingering:
            self._linger()
        elif not self._lingering:
            self._stopped = True
            self.transport.close()

    # Checks of a header section; they raise inside the parser, which stops it.

    def _check_unusual(self, version: str) -> None:
        parser = self.parser
        is_sound = framing.is_sound(parser.get_method(), version, self._hosts, self.headers, parser.should_upgrade())
        if self._stopped or not is_sound:
            raise _Refused

    def _check_size(self) -> None:
        if len(self.headers) > HEADER_COUNT_MAX or framing.section_bytes(self.url, self.headers) > HEADER_BYTES_MAX:
            self._refusal = "RequestHeaderSectionTooLarge"
            raise _Refused

    def _new_scope(self, method: str, version: str) -> HTTPScope:
        raw_path, query = framing.split_target(self.url)
        path = raw_path.decode("latin-1")
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": method,
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": self.headers,
            "state": self.app_state.copy(),
        }

    # Limits on what is incomplete.

    def _feed_rest(self, data: bytes, upgrade: httptools.HttpParserUpgrade) -> None:
        """An upgrade that we ignore stops the parser after its headers; go on behind them with the next request."""
        while not self._stopped and (data := data[upgrade.args[0] :]):
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as again:
                upgrade = again
            except httptools.HttpParserError:
                self._refuse()
            else:
                return

    def _headers_incomplete(self) -> None:
        """Count, and (only now: nearly every header section comes in one piece) start the clock.

        The piece may begin with something else, so it alone is never too much.
        """
        if self._stopped:
            return
        too_large = self._header_bytes + self._piece_bytes > HEADER_BYTES_MAX and self._header_bytes > 0
        self._header_bytes += min(self._piece_bytes, HEADER_BYTES_MAX)
        if too_large:
            self._refusal = "RequestHeaderSectionTooLarge"
            self._refuse()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.header_seconds, self._headers_late)

    def _headers_late(self) -> None:
        self._timer = None
        if self._header_bytes:
            self._refusal = "RequestTimeout"
            self._refuse()
        elif not self.cycle:  # not a byte so far
            self.transport.close()

    def _body_incomplete(self) -> None:
        self._silent_bytes += self._piece_bytes
        if self._silent_bytes > HEADER_BYTES_MAX:
            self._refuse()

    def _sweep(self) -> None:
        """While an answer waits for its reader: end the connection if nothing of it has gone out since last time."""
        self._sweeper = None
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes and unsent_bytes == self._unsent_bytes:
            self._stop_cycles()
            self.transport.abort()
        elif unsent_bytes:
            self._sweeper = self.loop.call_later(self.stall_seconds / 2, self._sweep)
        self._unsent_bytes = unsent_bytes

    # Ways out.

    def _refuse(self) -> None:
        """Answer what is broken or late, if the answer cannot land inside another one, and close."""
        cycle = self.cycle
        if self._stopped:
            return
        if cycle is None or cycle.response_complete:
            self._answer_and_close()
        elif self._in_headers or self.pipeline or not cycle.more_body:
            # A whole request is in hand and keeps its answer; what is broken stands behind it and gets none.
            self._stopped = True
            cycle.keep_alive = False
        elif cycle.response_started:
            self._stop_cycles()
            self.transport.abort()
        else:
            self._stop_cycles()
            self._answer_and_close()

    def _answer_and_close(self) -> None:
        self.transport.write(framing.error_answer(self._refusal))
        self._linger()

    def _stop_cycles(self) -> None:
        """Let the running task see a disconnect; nothing that it sends goes out any more."""
        self._stopped = True
        self.pipeline.clear()
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.waiting_for_100_continue = False
            cycle.message_event.set()
            self.flow.resume_writing()

    def _linger(self) -> None:
        self._stopped = self._lingering = True
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._cancel(self._timer)
        self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _discard(self, data: bytes) -> None:
        if not self._lingering:  # the last answer is still going out
            self.flow.pause_reading()
            return
        self._lingered_bytes += len(data)
        if self._lingered_bytes > LINGER_BYTES_MAX:
            self.transport.close()

    @staticmethod
    def _cancel(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


def strict_protocol(header_seconds: float, stall_seconds: float) -> type[StrictHttpProtocol]:
    """The protocol class with these limits, for ``uvicorn.Config(http=…)``."""
    limits = {"header_seconds": header_seconds, "stall_seconds": stall_seconds}
    return type("StrictHttpProtocol", (StrictHttpProtocol,), limits)

"""The payload of a request, decoded and checked: implements ``objstore.model.requests.Body``.

``receive`` is never called before the body is read: the server sends 100 Continue at the first call.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Collection, Mapping
from typing import Any

from objstore.api.auth.authenticator import Authenticated, ChunkSigning
from objstore.api.auth.checks import STREAMING_MODES, STREAMING_SIGNED
from objstore.api.auth.chunked import ChunkedDecoder
from objstore.api.auth.claims import Claims, claims_of
from objstore.api.auth.stall import StallWatch
from objstore.api.cycle import receive_into_of, receive_now_of
from objstore.api.request import Request
from objstore.model.errors import (
    IncompleteBody,
    InvalidArgument,
    InvalidRequest,
    MalformedXML,
    MissingContentLength,
    RequestTimeout,
)
from objstore.model.limits import XML_BODY_BYTES_MAX
from objstore.store.digests import digests_of

_LENGTH_DIGITS_MAX = 20
DIRECT_BYTES_MIN = 256 * 1024  # of a body that is still to come: less is no trouble to copy
_WATCH = StallWatch()


class RequestBody:
    """A payload that comes as it is.

    ``length``: bytes declared, None if unknown. ``consumed``: the last byte has come, so the connection can be kept.
    """

    __slots__ = (
        "_claims",
        "_receive",
        "_rest",
        "_stalled",
        "_task",
        "_watch",
        "algorithms",
        "consumed",
        "length",
        "moved_bytes",
        "received_bytes",
        "ticks",
    )

    def __init__(self, request: Request, length: int | None, claims: Claims, watch: StallWatch) -> None:
        self.length = length
        self.algorithms = claims.algorithms
        self.consumed = False
        self.received_bytes = 0
        self.moved_bytes = 0
        self.ticks = 0
        self._claims = claims
        self._receive = request.receive
        self._watch = watch
        self._task: asyncio.Task[Any] | None = None
        self._stalled = False
        self._rest = memoryview(b"")

    async def read(self) -> bytes:
        """Next piece, ``b""`` at the end; raises IncompleteBody, InvalidRequest, RequestTimeout."""
        piece = b""
        while not piece and not self.consumed:
            piece, more = self._now() or await self._next()
            if self.length is not None and self.received_bytes > self.length:
                raise InvalidRequest("The request body holds more bytes than Content-Length declared.")
            if not more:
                if self.length is not None and self.received_bytes < self.length:
                    raise IncompleteBody
                self.consumed = True
        return piece

    async def read_into(self, buffer: memoryview) -> int:
        """See ``model.requests.Body``; raises what ``read`` raises."""
        if self.length is not None and self.length - self.received_bytes >= DIRECT_BYTES_MIN:
            count = await self._read_directly(buffer, self.length - self.received_bytes)
            if count is not None:
                return count
        rest = self._rest or memoryview(await self.read())
        count = min(len(rest), len(buffer))
        buffer[:count] = rest[:count]
        self._rest = rest[count:]
        return count

    async def _read_directly(self, buffer: memoryview, left: int) -> int | None:
        """From the socket into ``buffer``, all of it; None where that cannot be done now."""
        receive_into = receive_into_of(self._receive)
        if receive_into is None or self._rest:
            return None
        count: int | None = await self._wait(receive_into(buffer, left, self))
        self.consumed = self.received_bytes == self.length
        if count is not None and count < len(buffer) and not self.consumed:
            raise IncompleteBody
        return count

    async def read_all(self, bytes_max: int) -> bytes | None:
        """The whole payload; None, and nothing more of it read, once it is known to be longer than ``bytes_max``."""
        if self.length is not None and self.length > bytes_max:
            return None
        pieces, size = [], 0
        while piece := await self.read():
            pieces.append(piece)
            size += len(piece)
            if size > bytes_max:
                return None
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def verify(self, digests: Mapping[str, bytes]) -> None:
        """See ``model.requests.Body``; raises IncompleteBody if the payload was not read to its end."""
        if not self.consumed:
            raise IncompleteBody
        self._claims.verify(digests)

    def checksum_algorithm(self) -> str | None:
        """Algorithm of the client's own checksum, header or trailer."""
        return self._claims.algorithm

    def stalled(self) -> None:
        """Called by the watch: end the wait in ``_next``."""
        if self._task is not None and not self._stalled:
            self._stalled = True
            self._task.cancel()

    def _now(self) -> tuple[bytes, bool] | None:
        """As ``_next``, if they are here already: most bodies are small, and come with their headers."""
        receive_now = receive_now_of(self._receive)
        taken = receive_now() if receive_now is not None else None
        if taken is not None:
            self.received_bytes += len(taken[0])
        return taken

    async def _next(self) -> tuple[bytes, bool]:
        """Next bytes of the connection, and whether more will come.

        A client that vanishes must not look like the end of its body: raises IncompleteBody.
        """
        message = await self._wait(self._receive())
        if message["type"] != "http.request":
            raise IncompleteBody
        piece: bytes = message.get("body", b"")
        self.received_bytes += len(piece)
        return piece, message.get("more_body", False)

    async def _wait(self, coming: Awaitable[Any]) -> Any:
        """Wait for the client, as long as the body moves; raises RequestTimeout."""
        self._task = task = asyncio.current_task()
        cancelling = task.cancelling() if task is not None else 0
        self._watch.enter(self)
        try:
            return await coming
        except asyncio.CancelledError:
            if self._stalled and task is not None and task.uncancel() <= cancelling:
                raise RequestTimeout from None
            raise
        finally:
            self._watch.leave(self)
            self._task = None


class ChunkedBody(RequestBody):
    """A payload that comes as aws-chunked."""

    __slots__ = ("_decoder", "_pieces")

    def __init__(
        self,
        request: Request,
        length: int,
        claims: Claims,
        watch: StallWatch,
        *,
        payload: str,
        signing: ChunkSigning | None,
    ) -> None:
        super().__init__(request, length, claims, watch)
        declared: Collection[str] = (claims.trailer,) if claims.trailer else ()
        trailer_mode = payload != STREAMING_SIGNED
        self._decoder = ChunkedDecoder(length, signing=signing, trailer_mode=trailer_mode, declared=declared)
        self._pieces: deque[bytes] = deque()

    async def read(self) -> bytes:
        """Next decoded piece; raises what ``ChunkedDecoder`` raises besides."""
        while not self._pieces and not self.consumed:
            piece, more = self._now() or await self._next()
            self._pieces.extend(self._decoder.feed(piece))
            if not more:
                self._decoder.finish()
                self._claims.take_trailers(self._decoder.trailers)
                self.consumed = True
        return self._pieces.popleft() if self._pieces else b""

    async def _read_directly(self, buffer: memoryview, left: int) -> int | None:
        return None  # its framing has to be taken off

    def verify(self, digests: Mapping[str, bytes]) -> None:
        """See ``model.requests.Body``."""
        if self._pieces:
            raise IncompleteBody
        super().verify(digests)


def body_of(
    request: Request, authenticated: Authenticated, *, length_required: bool = True, watch: StallWatch = _WATCH
) -> RequestBody:
    """The payload of a request, to be read once; nothing is received yet.

    Raises MissingContentLength, InvalidArgument, InvalidDigest, InvalidRequest.
    """
    return _body_of(request, authenticated, length_required=length_required, checksums=True, watch=watch)


async def read_document(request: Request, authenticated: Authenticated, bytes_max: int = XML_BODY_BYTES_MAX) -> bytes:
    """The whole payload of a request that carries a document, its digests verified.

    Raises MalformedXML above ``bytes_max``, and what the body raises.
    """
    # CompleteMultipartUpload's x-amz-checksum-* is that of the object, not of its XML.
    complete = request.method == "POST" and "uploadId" in request.query
    body = _body_of(request, authenticated, length_required=False, checksums=not complete, watch=_WATCH)
    document = await body.read_all(bytes_max)
    if document is None:
        raise MalformedXML
    body.verify(digests_of(document, body.algorithms))
    return document


def _body_of(
    request: Request, authenticated: Authenticated, *, length_required: bool, checksums: bool, watch: StallWatch
) -> RequestBody:
    headers, payload = request.headers, authenticated.payload
    streaming = payload in STREAMING_MODES
    trailer_mode = streaming and payload != STREAMING_SIGNED
    claims = claims_of(headers, payload, trailer_mode=trailer_mode, checksums=checksums)
    sent_length = _declared(headers, b"content-length")
    if sent_length is not None and b"transfer-encoding" in headers:
        raise InvalidRequest("Content-Length and Transfer-Encoding must not be sent together.")
    if streaming:
        length = _declared(headers, b"x-amz-decoded-content-length")
        if length is None:
            raise MissingContentLength
        return ChunkedBody(request, length, claims, watch, payload=payload, signing=authenticated.chunk_signing)
    if sent_length is None and length_required and b"transfer-encoding" not in headers:
        raise MissingContentLength
    if sent_length is None and b"transfer-encoding" not in headers:
        sent_length = 0
    return RequestBody(request, sent_length, claims, watch)


def _declared(headers: Mapping[bytes, bytes], name: bytes) -> int | None:
    """A length in a header; raises InvalidArgument unless it is plain decimal digits."""
    sent = headers.get(name)
    if sent is None:
        return None
    digits = sent.strip()
    if not digits.isdigit() or len(digits) > _LENGTH_DIGITS_MAX:
        raise InvalidArgument(ArgumentName=name.decode(), ArgumentValue=sent.decode("latin-1"))
    return int(digits)

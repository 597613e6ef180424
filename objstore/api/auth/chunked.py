"""ChunkedDecoder: takes the framing off an aws-chunked body. Pure: bytes in, payload out.

    body    := chunk* last trailer* CRLF
    chunk   := size signature? CRLF data CRLF        size: 1 to 16 hex digits
    last    := "0" signature? CRLF
    signature := ";chunk-signature=" 64 hex digits   in the signed modes, and only there
    trailer := name ":" value CRLF                   in the trailer modes, and only there

In the signed modes each signature covers its chunk and the signature before it, the first the request's own; the last
trailer is then ``x-amz-trailer-signature``, over the others.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html, …/sigv4-streaming-trailers.html
"""

import hmac
from collections.abc import Collection
from enum import Enum, auto
from hashlib import sha256

from objstore.api.auth.authenticator import ChunkSigning
from objstore.model.errors import (
    IncompleteBody,
    InvalidChunkSizeError,
    InvalidRequest,
    MalformedTrailerError,
    RequestError,
    SignatureDoesNotMatch,
)
from objstore.model.limits import CHUNK_BYTES_MIN, CHUNK_HEADER_BYTES_MAX

TRAILER_SIGNATURE = "x-amz-trailer-signature"

_EMPTY_SHA256 = sha256().hexdigest()
_HEX_DIGITS = b"0123456789abcdefABCDEF"
_EXTENSION = b"chunk-signature="


class _State(Enum):
    HEADER = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()
    DONE = auto()


class ChunkSigner:
    """The chain of signatures of one body."""

    def __init__(self, signing: ChunkSigning) -> None:
        self._key = signing.key
        self._middle = f"\n{signing.timestamp}\n{signing.scope}\n"
        self._previous = signing.seed

    def check_chunk(self, digest: str, provided: bytes) -> None:
        """Check and chain the signature of a chunk whose data has this SHA-256; raises SignatureDoesNotMatch."""
        self._check("AWS4-HMAC-SHA256-PAYLOAD", f"{_EMPTY_SHA256}\n{digest}", provided)

    def check_trailer(self, canonical: bytes, provided: bytes) -> None:
        """Check the signature of the trailers, one ``name:value\\n`` each; raises SignatureDoesNotMatch."""
        self._check("AWS4-HMAC-SHA256-TRAILER", sha256(canonical).hexdigest(), provided)

    def _check(self, kind: str, rest: str, provided: bytes) -> None:
        calculated = self._key.hex(f"{kind}{self._middle}{self._previous}\n{rest}".encode())
        if not hmac.compare_digest(calculated.encode(), provided):
            raise SignatureDoesNotMatch
        self._previous = calculated


class ChunkedDecoder:
    """Feed it the body as it comes; after an error it must not be fed again.

    ``length``: payload bytes that the client declared. ``trailer_mode``: trailers may come; ``declared``: names
    that must come, lower case. ``trailers``: those that came, once ``done``.
    """

    def __init__(
        self,
        length: int,
        *,
        signing: ChunkSigning | None = None,
        trailer_mode: bool = False,
        declared: Collection[str] = (),
    ) -> None:
        self.trailers: dict[str, str] = {}
        self._length = length
        self._signer = ChunkSigner(signing) if signing is not None else None
        self._trailer_mode = trailer_mode
        self._declared = frozenset(declared)
        self._state = _State.HEADER
        self._line = bytearray()
        self._decoded_bytes = 0
        self._data_left_bytes = 0
        self._last_chunk_bytes = CHUNK_BYTES_MIN
        self._trailer_bytes = 0
        self._signature = b""
        self._hash = sha256()

    @property
    def done(self) -> bool:
        """The body has ended as it should."""
        return self._state is _State.DONE

    def feed(self, data: bytes) -> list[bytes]:
        """Payload in ``data``, in order; a piece that is all payload is passed on uncopied.

        Raises IncompleteBody, InvalidRequest, InvalidChunkSizeError, MalformedTrailerError, SignatureDoesNotMatch.
        """
        pieces: list[bytes] = []
        at, end = 0, len(data)
        while at < end:
            if self._state is _State.DATA:
                piece = data[at : at + self._data_left_bytes]
                at += len(piece)
                self._take_data(piece)
                pieces.append(piece)
            elif self._state is _State.DONE:
                raise InvalidRequest("The request body goes on after its last chunk.")
            else:
                at = self._gather_line(data, at)
        return pieces

    def finish(self) -> None:
        """The client's bytes are at an end; raises IncompleteBody unless the body is."""
        if self._state is not _State.DONE:
            raise IncompleteBody("The request body terminated unexpectedly")

    def _take_data(self, piece: bytes) -> None:
        if self._signer is not None:
            self._hash.update(piece)
        self._data_left_bytes -= len(piece)
        if not self._data_left_bytes:
            self._state = _State.DATA_END

    def _gather_line(self, data: bytes, at: int) -> int:
        """Take bytes up to the end of the line at ``at`` and act on it if it is whole; returns where to go on."""
        limit = at + CHUNK_HEADER_BYTES_MAX
        feed = data.find(b"\n", at, limit)
        stop = min(limit, len(data)) if feed < 0 else feed + 1
        line = self._line
        line += data[at:stop]
        if (len(line) > 2 and self._state is _State.DATA_END) or len(line) >= CHUNK_HEADER_BYTES_MAX:
            raise self._broken()
        if line.endswith(b"\r\n"):
            self._line = bytearray()
            self._take_line(bytes(line[:-2]))
        return stop

    def _take_line(self, line: bytes) -> None:
        if self._state is _State.HEADER:
            self._take_header(line)
        elif self._state is _State.DATA_END:
            self._end_chunk(line)
        elif line:
            self._take_trailer(line)
        else:
            self._end_trailers()

    def _take_header(self, line: bytes) -> None:
        size_text, semicolon, extension = line.partition(b";")
        if not 1 <= len(size_text) <= 16 or size_text.translate(None, _HEX_DIGITS):
            raise self._broken()
        if self._signer is not None:
            if not extension.startswith(_EXTENSION):
                raise SignatureDoesNotMatch("Each chunk must carry its chunk-signature.")
            self._signature = extension[len(_EXTENSION) :]
        elif semicolon:
            raise self._broken()
        self._begin_chunk(int(size_text, 16))

    def _begin_chunk(self, size: int) -> None:
        if size and self._last_chunk_bytes < CHUNK_BYTES_MIN:
            raise InvalidChunkSizeError
        if size > self._length - self._decoded_bytes:
            raise InvalidRequest("The request body holds more bytes than x-amz-decoded-content-length declared.")
        self._decoded_bytes += size
        if size:
            self._last_chunk_bytes = self._data_left_bytes = size
            self._state = _State.DATA
            return
        if self._signer is not None:
            self._signer.check_chunk(_EMPTY_SHA256, self._signature)
        if self._decoded_bytes < self._length:
            raise IncompleteBody(
                "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header"
            )
        self._state = _State.TRAILER

    def _end_chunk(self, line: bytes) -> None:
        if line:
            raise self._broken()
        if self._signer is not None:
            self._signer.check_chunk(self._hash.hexdigest(), self._signature)
            self._hash = sha256()
        self._state = _State.HEADER

    def _take_trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line)
        # minio-go ends the line of a checksum with LF CR LF.
        raw_name, colon, raw_value = line.removesuffix(b"\n").partition(b":")
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip(" \t")
        expected = name in self._declared or (name == TRAILER_SIGNATURE and self._signer is not None)
        if not self._trailer_mode or not colon or not expected or name in self.trailers or "\n" in value:
            raise MalformedTrailerError
        if TRAILER_SIGNATURE in self.trailers or self._trailer_bytes > CHUNK_HEADER_BYTES_MAX:
            raise MalformedTrailerError
        self.trailers[name] = value

    def _end_trailers(self) -> None:
        provided = self.trailers.pop(TRAILER_SIGNATURE, None)
        if self.trailers.keys() != self._declared:
            raise MalformedTrailerError
        if self._signer is not None and (self.trailers or provided is not None):
            canonical = "".join(f"{name}:{value}\n" for name, value in self.trailers.items())
            self._signer.check_trailer(canonical.encode("latin-1"), (provided or "").encode())
        self._state = _State.DONE

    def _broken(self) -> RequestError:
        if self._state is _State.TRAILER:
            return MalformedTrailerError()
        return InvalidRequest("The request body is not framed as aws-chunked asks.")

"""The body of an HTML form (multipart/form-data): its fields, and then its file, as it comes.

The file has to be the last field: what follows it is not looked at.
"""

from collections import deque
from collections.abc import Mapping
from email.message import Message

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from objstore.api.auth.body import RequestBody
from objstore.api.auth.claims import Claims
from objstore.api.pieces import Pieces
from objstore.api.s3.errors import S3Error
from objstore.model.errors import EntityTooLarge, EntityTooSmall, IncompleteBody

FIELDS_MAX = 200
FIELDS_BYTES_MAX = 32 * 1024
PART_HEADERS_MAX = 16


def boundary_of(content_type: bytes) -> bytes:
    """The boundary of a multipart/form-data content type. Raises MalformedPOSTRequest."""
    message = Message()
    message["content-type"] = content_type.decode("latin-1")
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str) or not boundary or not boundary.isascii() or len(boundary) > 256:
        raise _malformed()
    return boundary.encode()


class FormBody(Pieces):
    """Reads a form: first ``fields``, then (as ``model.requests.Body``) the file.

    ``filename``: that of the file. ``low``, ``high``: bounds of its size, once they are known.
    """

    length: int | None = None

    def __init__(self, body: RequestBody, boundary: bytes) -> None:
        self._body = body
        self.algorithms: frozenset[str] = frozenset()
        self.filename = ""
        self.low: int | None = None
        self.high: int | None = None
        self._claims = Claims()
        self._fields: dict[str, str] = {}
        self._headers: dict[str, str] = {}
        self._name = self._value = ""
        self._taken = bytearray()
        self._pieces: deque[bytes] = deque()
        self._in_file = self._ended = False
        self._fields_bytes = self._size = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_header_name,
                "on_header_value": self._on_header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_part_end": self._end,
            },
            max_header_count=PART_HEADERS_MAX,
        )

    async def fields(self) -> dict[str, str]:
        """Every field before the file, by its lower-case name; the first of a name counts.

        Raises MalformedPOSTRequest, MaxPostPreDataLengthExceededError, IncorrectNumberOfFilesInPostRequest.
        """
        while not self._in_file and await self._more():
            pass
        if not self._in_file:
            raise S3Error("IncorrectNumberOfFilesInPostRequest", "POST requires exactly one file upload per request.")
        return self._fields

    def expect(self, claims: Claims) -> None:
        """What is claimed of the file's digests."""
        self._claims = claims
        self.algorithms = claims.algorithms

    async def read(self) -> bytes:
        """Next piece of the file; raises EntityTooLarge, EntityTooSmall, MalformedPOSTRequest, IncompleteBody."""
        while not self._pieces and not self._ended:
            if not await self._more():
                raise IncompleteBody
        if self._pieces:
            piece = self._pieces.popleft()
            self._size += len(piece)
            if self.high is not None and self._size > self.high:
                raise EntityTooLarge(ProposedSize=self._size, MaxSizeAllowed=self.high)
            return piece
        if self.low is not None and self._size < self.low:
            raise EntityTooSmall(ProposedSize=self._size, MinSizeAllowed=self.low)
        # What follows the file is read to its end, so that the connection can be used again.
        while await self._more():
            pass
        return b""

    def verify(self, digests: Mapping[str, bytes]) -> None:
        """See ``model.requests.Body``."""
        self._claims.verify(digests)

    def checksum_algorithm(self) -> str | None:
        """Algorithm of the checksum that a field gives."""
        return self._claims.algorithm

    async def _more(self) -> bool:
        piece = await self._body.read()
        if not piece:
            return False
        if not self._ended:
            try:
                self._parser.write(piece)
            except MultipartParseError:
                raise _malformed() from None
        return True

    def _begin(self) -> None:
        self._headers = {}
        self._name = self._value = ""
        self._taken.clear()

    def _on_header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end].decode("latin-1")

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end].decode("latin-1")

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = ""

    def _headers_end(self) -> None:
        message = Message()
        message["content-disposition"] = self._headers.get("content-disposition", "")
        name = message.get_param("name", header="content-disposition")
        filename = message.get_param("filename", header="content-disposition")
        if not isinstance(name, str):
            raise _malformed()
        self._name = _utf8(name).lower()
        if self._name == "file":
            self._in_file = True
            if isinstance(filename, str):
                self.filename = _utf8(filename).replace("\\", "/").rpartition("/")[2]

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._ended:
            return
        if self._in_file:
            self._pieces.append(data[start:end])
            return
        self._fields_bytes += end - start
        if self._fields_bytes > FIELDS_BYTES_MAX:
            raise S3Error(
                "MaxPostPreDataLengthExceededError",
                "Your POST request fields preceding the upload file were too large.",
                MaxPostPreDataLengthBytes=FIELDS_BYTES_MAX,
            )
        self._taken += data[start:end]

    def _end(self) -> None:
        if self._in_file:
            self._ended = True
            return
        try:
            value = self._taken.decode()
        except UnicodeDecodeError:
            raise _malformed() from None
        self._fields.setdefault(self._name, value)
        if len(self._fields) > FIELDS_MAX:
            raise _malformed()


def _utf8(text: str) -> str:
    """A parameter of a part's header: one character a byte, and meant as UTF-8 by every browser."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def _malformed() -> S3Error:
    return S3Error("MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")

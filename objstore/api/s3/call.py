"""Call: one authenticated request on its way through a handler, and the answer that comes back."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from objstore.api.auth.authenticator import Authenticated
from objstore.api.auth.body import RequestBody, body_of, read_document
from objstore.api.iam.desk import Desk
from objstore.api.iam.web_keys import WebKeys
from objstore.api.request import Request
from objstore.api.s3.verbs import Piece, Reader, Verbs
from objstore.identity.directory import Directory
from objstore.identity.principal import Principal
from objstore.model.limits import LARGE_BODY_BYTES
from objstore.model.objects import ObjectVersion

Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, Headers, Piece | Reader]

NO_CONTENT: tuple[bytes, bytes] = (b"content-length", b"0")
XML_TYPE: tuple[bytes, bytes] = (b"content-type", b"application/xml")
NO_QUERY: dict[str, str] = {}
# They may have to move terabytes before they can answer.
_MOVES_BYTES = frozenset({"CopyObject", "UploadPartCopy"})


@dataclass(frozen=True, slots=True)
class Site:
    """What a handler needs to know of the place that it serves.

    ``sse_c_over_http``: whether clients may send their keys over connections that others can read.
    ``directory``: who there is. ``object_ownership``, ``public_access_block``: of buckets that say nothing of it.
    ``desk`` changes them; ``web_keys``: of OpenID Connect providers. ``event_targets``: names of those that a
    notification may go to.
    ``lenient``: manners of other servers that suites expect, where AWS would refuse.
    ``warm_on_head_days``: for how long a HEAD of the first byte has an archived version restored; 0: it has nothing.
    """

    region: str
    warm_on_head_days: int = 0
    sse_c_over_http: bool = False
    directory: Directory = field(default_factory=lambda: Directory("", ""))
    object_ownership: str = "BucketOwnerEnforced"
    public_access_block: bool = True
    lenient: bool = False
    desk: Desk | None = None
    event_targets: frozenset[str] = frozenset()
    web_keys: WebKeys = field(default_factory=WebKeys)


class BatchEntry(NamedTuple):
    """One key of a list to be deleted, as access logs have it. ``size``: of the version that went; None: none did."""

    key: bytes
    version_id: str | None
    status: int
    code: str
    size: int | None


class Call:
    """A request, who sent it, and the verbs to serve it with.

    ``access_attrs``: owner and ACL that an object is to be made with, as its attributes keep them; ``found``: the
    version that was looked at to let the request through; ``asked``: more than ownership had to be looked at.

    ``status`` and ``sent_bytes``: of the answer, so far. ``begun``, ``admitted``, ``looked_up``, ``answered``: moments
    (monotonic seconds, 0: not come to) of the headers, of the end of authorization, of the metadata, and of the first
    byte of the answer; ``stages``: of a write, see ``PutResult``. ``source``: where its first byte came from.

    For access logs, and not there unless something is known: ``object_bytes``: size of the object that it was about;
    ``batch``: the keys of a list; ``acl_required``: the buckets where nothing but an ACL let it through;
    ``source_bytes``: size of the object that a copy has read.

    ``task``, ``late`` and ``since_seconds`` belong to the watch (objstore/api/lateness.py).
    """

    __slots__ = (
        "_body",
        "_document",
        "_document_read",
        "_document_wanted",
        "access_attrs",
        "acl_required",
        "admitted",
        "answered",
        "asked",
        "authenticated",
        "batch",
        "begun",
        "code",
        "found",
        "late",
        "looked_up",
        "object_bytes",
        "operation",
        "request",
        "sent_bytes",
        "since_seconds",
        "site",
        "source",
        "source_bytes",
        "stages",
        "status",
        "store",
        "task",
    )

    authenticated: Authenticated
    object_bytes: int
    batch: list[BatchEntry]
    acl_required: frozenset[str]
    source_bytes: int

    def __init__(self, request: Request, store: Verbs, site: Site) -> None:
        self.request = request
        self.store = store
        self.site = site
        self.operation = self.code = ""
        self._body: RequestBody | None = None
        self._document: bytes | None = None
        self._document_wanted = self._document_read = False
        self.access_attrs: dict[str, Any] | None = None
        self.asked = False
        self.found: ObjectVersion | None = None
        self.status = self.sent_bytes = 0
        self.begun = self.admitted = self.looked_up = self.answered = 0.0
        self.stages: tuple[float, ...] | None = None
        self.source = ""
        self.task: asyncio.Task[Any] | None = None
        self.late = False
        self.since_seconds = 0.0

    @property
    def query(self) -> dict[str, str]:
        """The decoded query."""
        return self.request.query if self.request.query_string else NO_QUERY

    @property
    def principal(self) -> Principal:
        """Who calls."""
        return self.authenticated.identity.principal

    @property
    def owner(self) -> tuple[str, str]:
        """Id and display name of who calls."""
        identity = self.authenticated.identity
        return identity.owner_id, identity.display_name

    @property
    def cause(self) -> tuple[str, str, str]:
        """Id of the principal, address, id of the request: see ``model.notification.Origin``."""
        client = self.request.scope.get("client")
        return self.authenticated.identity.owner_id, client[0] if client else "", self.request.request_id

    def has_body(self) -> bool:
        """Whether a payload follows the headers."""
        headers = self.request.headers
        return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers

    def body_left(self) -> bool:
        """Whether some of the payload is still to come: then the connection cannot be used again."""
        if self._document_read or (self._body is not None and self._body.consumed):
            return False
        return self.has_body()

    def waits_for_client(self) -> bool:
        """Whether the payload is being read: it takes the time that its sender takes."""
        if self._body is not None:
            return not self._body.consumed
        return self._document_wanted and not self._document_read

    def unhurried(self) -> bool:
        """Whether the answer may take its time: large payloads have to be flushed, by slow disks too."""
        if self._body is not None and self._body.received_bytes > LARGE_BODY_BYTES:
            return True
        return self.operation in _MOVES_BYTES

    def body(self, *, length_required: bool = True) -> RequestBody:
        """The payload, to be read once."""
        self._body = body_of(self.request, self.authenticated, length_required=length_required)
        return self._body

    async def document(self) -> bytes:
        """The whole payload of a request that carries XML, its digests verified; raises MalformedXML if too long."""
        if self._document is None:
            self._document_wanted = True
            self._document = await read_document(self.request, self.authenticated)
            self._document_read = True
        return self._document


def xml_answer(body: bytes, headers: Headers | None = None, status: int = 200) -> Answer:
    """An answer that is an XML document."""
    return status, [XML_TYPE, (b"content-length", b"%d" % len(body)), *(headers or ())], body

"""Gateway: the root ASGI application. Paths below ``/-/`` are ours (health, metrics, admin); all else is S3.

What it promises of every S3 answer: request ids; an XML error for whatever goes wrong; ``Connection: close`` when the
request's body was not read to its end (a server that keeps such a connection takes the rest for the next request);
and never a short success: once a body has begun, failure breaks the connection.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

import structlog

from objstore.api.audience import Audience
from objstore.api.audit import Note, audit_record
from objstore.api.auth.authenticator import Authenticator
from objstore.api.control.operations import PREFIX as CONTROL_PREFIX
from objstore.api.control.serve import is_control
from objstore.api.cycle import answer_of
from objstore.api.lateness import AnswerWatch
from objstore.api.ops import MINIO_PREFIX, OPS_PREFIX, is_ours
from objstore.api.request import Receive, Request, Scope, bucket_of_host
from objstore.api.s3.call import Answer, Call, Headers, Site
from objstore.api.s3.cors import add_cors
from objstore.api.s3.dispatch import Dispatcher
from objstore.api.s3.errors import RETRY_AFTER_SECONDS, as_request_error, is_known, is_routine, render_error, status_of
from objstore.api.s3.verbs import Piece, Reader, Verbs
from objstore.api.slow_log import SlowLog
from objstore.model import clock
from objstore.model.errors import NoSuchBucket, NoSuchKey, Overloaded, RequestError
from objstore.model.limits import ANSWER_SECONDS_MAX
from objstore.model.notification import ORIGIN

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Observe = Callable[[str, int, float, int, int], None]
FirstByte = Callable[[str, str, float], None]

_log = structlog.get_logger(__name__)
_APART = (OPS_PREFIX, MINIO_PREFIX, CONTROL_PREFIX)
_ORIGIN = b"origin"
_CLOSE = (b"connection", b"close")
_BODILESS = (204, 304)
# What is counted of an answer that did not go out whole, whatever status it began with.
_GONE = 499  # the client went away
_BROKEN = 500


class Answerer(Protocol):
    """What finds the answer to a call; raises what its refusal is to be."""

    async def answer(self, call: Call) -> Answer: ...


class AccessNotes(Protocol):
    """What is told of each answered request, and how many seconds it took."""

    def note(self, call: Call, seconds: float) -> None: ...


class ResponseBroken(Exception):
    """An answer's body could not be sent whole: the server must drop the connection."""


class Gateway:
    """The ASGI application of a gateway worker.

    ``ops`` serves ``/-/``; ``lifespan`` serves ASGI's lifespan protocol; ``observe`` is told of every S3 request:
    operation, status, seconds, bytes in (as declared), bytes out. An answer that breaks off counts as 499 when the
    client has gone, as 500 when reading failed. ``first_byte`` is told with what operation began its answer, where that
    byte came from (empty unless an object was read) and after how many seconds; ``slow`` of each request that was
    observed. ``answer_seconds``: see ``AnswerWatch``. ``access_log`` is told of each, if there is an ``observe``.
    ``audience`` counts by bucket and program what was answered without an error. ``audit`` takes a record of every S3
    request. ``website``: serves requests whose host is below ``website_domain``. ``control`` serves S3 Control.
    ``dispatcher`` answers in place of the one for S3. ``host_id``: what answers say in ``x-amz-id-2``, random if empty.
    """

    def __init__(
        self,
        store: Verbs,
        authenticator: Authenticator,
        site: Site,
        *,
        domain: str = "",
        ops: Application | None = None,
        lifespan: Application | None = None,
        observe: Observe | None = None,
        audit: Note | None = None,
        access_log: AccessNotes | None = None,
        first_byte: FirstByte | None = None,
        slow: SlowLog | None = None,
        audience: Audience | None = None,
        answer_seconds: float = ANSWER_SECONDS_MAX,
        website: Application | None = None,
        website_domain: str = "",
        control: Application | None = None,
        dispatcher: "Answerer | None" = None,
        host_id: str = "",
    ) -> None:
        self._store = store
        self._site = site
        self._domain = domain.lower().encode()
        self._website, self._website_domain = website, website_domain.lower().encode()
        self._dispatcher: Answerer = dispatcher or Dispatcher(authenticator)
        self._ops, self._control = ops, control
        self._lifespan = lifespan
        self._observe = observe
        self._audit, self._access_log = audit, access_log
        self._first_byte, self._slow, self._audience = first_byte, slow, audience
        self._watch = AnswerWatch(answer_seconds)
        self._host_id = host_id or clock.random_bytes(32).hex()
        self._host_id_header = (b"x-amz-id-2", self._host_id.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event of the ASGI server."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan" and self._lifespan is not None:
                await self._lifespan(scope, receive, send)
            return
        if self._website is not None and bucket_of_host(dict(scope["headers"]).get(b"host", b""), self._website_domain):
            await self._website(scope, receive, send)
            return
        request = Request(scope, receive, self._domain)
        path = request.raw_path
        if path.startswith(_APART) and await self._served_apart(request, send):
            return
        call = Call(request, self._store, self._site)
        ORIGIN.set(call)
        if self._audit is not None:
            await self._serve_audited(call, send, self._audit)
        elif self._observe is None:
            await self._serve(call, send)
        else:
            await self._serve_observed(call, send, self._observe)

    async def _served_apart(self, request: Request, send: Send) -> bool:
        """Whether the request was for somebody else, who has served it."""
        if self._ops is not None and not request.virtual_host and is_ours(request):
            await self._ops(request.scope, request.receive, send)
            return True
        if self._control is not None and is_control(request):
            await self._control(request.scope, request.receive, send)
            return True
        return False

    async def _serve_audited(self, call: Call, send: Send, note: Note) -> None:
        begun = clock.monotonic_seconds()
        try:
            await self._serve_observed(call, send, self._observe or _unobserved)
        finally:
            authenticated = getattr(call, "authenticated", None)
            identity = authenticated.identity if authenticated else None
            note(
                audit_record(
                    call.request,
                    identity,
                    call.operation,
                    call.status or _GONE,
                    code=call.code,
                    sent_bytes=call.sent_bytes,
                    begun=begun,
                )
            )

    async def _serve_observed(self, call: Call, send: Send, observe: Observe) -> None:
        call.begun = begun = clock.monotonic_seconds()
        try:
            await self._serve(call, send)
        finally:
            request, given = call.request, call.request.headers.get(b"content-length")
            received = int(given) if given and given.isdigit() else 0
            seconds = clock.monotonic_seconds() - begun
            if self._access_log is not None:
                self._access_log.note(call, seconds)
            if self._first_byte is not None and call.answered:
                self._first_byte(call.operation, call.source, call.answered - begun)
            if self._slow is not None:
                self._slow.note(call, seconds)
            if self._audience is not None and 0 < call.status < 400:
                self._audience.note(request.bucket, request.headers.get(b"user-agent"), received, call.sent_bytes)
            observe(call.operation, call.status or _GONE, seconds, received, call.sent_bytes)

    async def _serve(self, call: Call, send: Send) -> None:
        """Answer an S3 request."""
        status, headers, body = await self._answer(call)
        call.answered = clock.monotonic_seconds()
        call.status = status
        if _ORIGIN in call.request.headers:
            await add_cors(headers, call)
        headers.append((b"x-amz-request-id", call.request.request_id.encode()))
        headers.append(self._host_id_header)
        if call.body_left():
            headers.append(_CLOSE)
        if isinstance(body, (bytes, bytearray, memoryview)):
            answer = answer_of(send)
            if answer is None or not answer(status, headers, body):
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": body})
            call.sent_bytes = len(body)
        else:
            await self._stream(call, headers, body, send)

    async def _answer(self, call: Call) -> Answer:
        """The handler's answer, or what its failure is answered with: also that it has none in time."""
        self._watch.enter(call)
        try:
            return await self._dispatcher.answer(call)
        except Exception as error:
            return self._refuse(call, error)
        except asyncio.CancelledError:
            if not call.late or call.task is None or call.task.uncancel():
                raise
            _log.warning("answer_late", request_id=call.request.request_id, operation=call.operation)
            return self._refuse(call, Overloaded("no answer in time"))
        finally:
            self._watch.leave(call)

    async def _stream(self, call: Call, headers: Headers, reader: Reader, send: Send) -> None:
        """Send a body piece by piece; stops reading at once when the client goes away."""
        watcher: asyncio.Task[None] | None = None
        try:
            await send({"type": "http.response.start", "status": call.status, "headers": headers})
            watcher = asyncio.create_task(_disconnected(call.request.receive))
            async for piece in reader:
                if watcher.done():
                    call.status = _GONE
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                call.sent_bytes += len(piece)
            await send({"type": "http.response.body", "body": b""})
        except Exception as error:
            call.status = _BROKEN
            request_id = call.request.request_id
            _log.error("response_broken", request_id=request_id, sent=call.sent_bytes, error=repr(error))
            raise ResponseBroken(request_id) from None
        finally:
            if watcher is not None:
                watcher.cancel()
            await reader.aclose()

    def _refuse(self, call: Call, error: Exception) -> Answer:
        """The answer to an exception; the client learns of its own mistakes and of nothing else."""
        refusal, retry = as_request_error(error)
        call.code = refusal.code
        request = call.request
        if not is_routine(error):
            trace = None if is_known(error) else error
            _log.error(
                "request_failed",
                request_id=request.request_id,
                operation=call.operation,
                error=repr(error),
                exc_info=trace,
            )
        status = status_of(refusal)
        headers: Headers = []
        if retry:
            headers.append((b"retry-after", b"%d" % RETRY_AFTER_SECONDS))
        headers += [(name.encode(), value.encode()) for name, value in refusal.headers]
        if request.method == "HEAD" or status in _BODILESS:
            headers.append((b"content-type", b"application/xml"))
            return status, headers, b""
        _name(refusal, request)
        resource = request.raw_path.decode("latin-1")
        body = render_error(refusal, resource, request.request_id, self._host_id)
        headers += [(b"content-type", b"application/xml"), (b"content-length", b"%d" % len(body))]
        if status == 416 and "ActualObjectSize" in refusal.details:
            headers.append((b"content-range", b"bytes */%d" % refusal.details["ActualObjectSize"]))
        return status, headers, body


def _name(error: RequestError, request: Request) -> None:
    """What is missing is named in the answer."""
    if isinstance(error, NoSuchBucket):
        error.details.setdefault("BucketName", request.bucket)
    elif isinstance(error, NoSuchKey):
        error.details.setdefault("Key", request.key.decode())


def _unobserved(operation: str, status: int, seconds: float, received: int, sent: int) -> None:
    """Nobody wants to know."""


async def _disconnected(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


__all__ = ["Application", "Gateway", "Observe", "Piece", "ResponseBroken"]

"""From a request to its handler: authentication first, then the operation, then what holds for all of them."""

import re

from objstore.api.auth.authenticator import Authenticator
from objstore.api.iam.serve import is_query, serve_query
from objstore.api.s3.authorizer import authorize, authorize_key, concealed, settled
from objstore.api.s3.call import Answer, Call
from objstore.api.s3.cors import preflight
from objstore.api.s3.handlers import HANDLERS, not_implemented
from objstore.api.s3.names import is_plausible
from objstore.api.s3.owners import EXPECTED, check_expected_owner
from objstore.api.s3.post_form import is_form, post_object
from objstore.api.s3.router import router
from objstore.model import clock
from objstore.model.errors import (
    AccessDenied,
    InvalidURI,
    MethodNotAllowed,
    NoSuchBucket,
    NoSuchKey,
    NoSuchVersion,
    PreconditionFailed,
    RequestError,
)

_COPY_SOURCE = b"x-amz-copy-source"
# Control characters that no keyboard has (U+0080 to U+009F), in UTF-8.
_CONTROLS = re.compile(rb"\xc2[\x80-\x9f]")


class Dispatcher:
    """Answers calls. The usual requests find their operation in one dict; all others ask the router."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._authenticate = authenticator.authenticate
        self._router = router()
        self._plain = {
            ("GET", True): "GetObject",
            ("PUT", True): "PutObject",
            ("HEAD", True): "HeadObject",
            ("DELETE", True): "DeleteObject",
        }

    async def answer(self, call: Call) -> Answer:
        """Authenticate and serve; raises what the request's refusal is to be."""
        request = call.request
        if request.method == "OPTIONS":
            return await preflight(call)
        if is_form(request):
            return await post_object(call, self._authenticator, authorize_key)
        if request.method == "POST" and is_query(call):
            return await serve_query(call, self._authenticator)
        call.authenticated = self._authenticate(request)
        try:
            call.operation = operation = self._operation(call)
        except RequestError:
            if call.principal.anonymous:
                raise AccessDenied from None
            raise
        handler = HANDLERS.get(operation)
        if handler is None and not call.principal.anonymous:
            return await not_implemented(call)
        if not settled(call):
            await self._admit(call)
        call.admitted = clock.monotonic_seconds()
        if EXPECTED in request.headers and request.bucket and operation != "CreateBucket":
            await check_expected_owner(call)
        try:
            return await (handler or not_implemented)(call)
        except (NoSuchKey, NoSuchVersion):
            if await concealed(call):
                raise AccessDenied from None
            _check_readable(call)
            raise

    async def _admit(self, call: Call) -> None:
        """Authorize; who has no credentials does not learn which buckets there are."""
        bucket = call.request.bucket
        try:
            if bucket and not is_plausible(bucket) and call.operation != "CreateBucket":
                raise NoSuchBucket(BucketName=bucket)
            await authorize(call)
        except NoSuchKey:
            _check_readable(call)
            raise
        except NoSuchBucket:
            if call.principal.anonymous and not call.site.lenient:
                raise AccessDenied from None
            raise

    def _operation(self, call: Call) -> str:
        request, headers = call.request, call.request.headers
        query = call.query
        if _COPY_SOURCE not in headers and (not query or self._router.is_plain(query)):
            operation = self._plain.get((request.method, request.key != b""))
            if operation is not None:
                return operation
        try:
            return self._router.resolve(request.method, request.bucket, request.key != b"", query, headers)
        except MethodNotAllowed:
            if request.method == "POST" and request.bucket and not request.key:
                raise PreconditionFailed(
                    Condition="Bucket POST must be of the enclosure-type multipart/form-data"
                ) from None
            raise


def _check_readable(call: Call) -> None:
    """Raise InvalidURI for a key that is not there, and that others do not take for one."""
    if call.site.lenient and _CONTROLS.search(call.request.key):
        raise InvalidURI from None

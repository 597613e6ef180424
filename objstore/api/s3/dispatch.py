"""From a request to its handler: authentication first, then the operation, then what holds for all of them."""

from objstore.api.auth.authenticator import Authenticator
from objstore.api.s3.call import Answer, Call
from objstore.api.s3.errors import S3Error
from objstore.api.s3.handlers import HANDLERS, not_implemented
from objstore.api.s3.names import is_plausible
from objstore.api.s3.owners import EXPECTED, check_expected_owner
from objstore.api.s3.router import router
from objstore.model.errors import MethodNotAllowed, NoSuchBucket, NotImplementedS3, PreconditionFailed

_COPY_SOURCE = b"x-amz-copy-source"


class Dispatcher:
    """Answers calls. The usual requests find their operation in one dict; all others ask the router."""

    def __init__(self, authenticator: Authenticator) -> None:
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
            raise _preflight(call)
        call.authenticated = self._authenticate(request)
        call.operation = operation = self._operation(call)
        handler = HANDLERS.get(operation, not_implemented)
        bucket = request.bucket
        if bucket and not is_plausible(bucket) and operation in HANDLERS and operation != "CreateBucket":
            raise NoSuchBucket(BucketName=bucket)
        if bucket and EXPECTED in request.headers and operation in HANDLERS and operation != "CreateBucket":
            await check_expected_owner(call)
        return await handler(call)

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
                raise _form_post(headers.get(b"content-type", b"")) from None
            raise


def _preflight(call: Call) -> S3Error:
    """OPTIONS carries no credentials; no bucket has a CORS configuration, so the answer is the same for all."""
    if b"origin" not in call.request.headers:
        return S3Error("BadRequest", "Insufficient information. Origin request header needed.")
    method = call.request.header(b"access-control-request-method")
    return S3Error("AccessForbidden", Method=method[:20], ResourceType="OBJECT" if call.request.key else "BUCKET")


def _form_post(content_type: bytes) -> Exception:
    if content_type.lower().startswith(b"multipart/form-data"):
        return NotImplementedS3("POST of an object by an HTML form is not implemented")
    return PreconditionFailed(Condition="Bucket POST must be of the enclosure-type multipart/form-data")

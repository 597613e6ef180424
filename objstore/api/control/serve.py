"""From a request to S3 Control to its handler: who sent it, for which account, whether they may.

Clients put the account in front of the host's name; who it is for is said by a header, which is signed.
"""

from collections.abc import Awaitable, Callable

from objstore.api.auth.authenticator import Authenticator
from objstore.api.control import public_access
from objstore.api.control.operations import PREFIX, operation_of
from objstore.api.request import Request
from objstore.api.s3.call import XML_TYPE, Answer, Call
from objstore.api.s3.errors import as_request_error, is_routine, status_of
from objstore.api.s3.request_context import RequestContext
from objstore.api.s3.text import readable_text
from objstore.api.s3.xml_out import DECLARATION
from objstore.identity.evaluate import may_manage
from objstore.identity.policy import Ask
from objstore.model.errors import AccessDenied, MethodNotAllowed, NotImplementedS3, RequestError

Handler = Callable[[Call], Awaitable[Answer]]

ACCOUNT, _OUTPOST = b"x-amz-account-id", b"x-amz-outpost-id"
# The action that each needs, of no resource of its own: a policy has to say "*".
HANDLERS: dict[str, tuple[str, Handler]] = {
    "DeletePublicAccessBlock": ("s3:PutAccountPublicAccessBlock", public_access.delete_public_access_block),
    "GetPublicAccessBlock": ("s3:GetAccountPublicAccessBlock", public_access.get_public_access_block),
    "PutPublicAccessBlock": ("s3:PutAccountPublicAccessBlock", public_access.put_public_access_block),
}


def is_control(request: Request) -> bool:
    """Whether a request is for here, and not for an object of a bucket that is called as the API's version is."""
    headers = request.headers
    return request.raw_path.startswith(PREFIX) and (ACCOUNT in headers or _OUTPOST in headers)


class Control:
    """Answers requests to S3 Control; see ``Dispatcher``. Refusals are documents of its own form."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def answer(self, call: Call) -> Answer:
        """Authenticate, authorize, serve; what cannot be told the client for sure is raised."""
        request = call.request
        try:
            call.authenticated = self._authenticator.authenticate(request)
            return await _served(call)
        except Exception as error:
            refusal, retry = as_request_error(error)
            if retry or not is_routine(error):
                raise
            call.code = refusal.code
            body = _refusal(refusal, call)
            return status_of(refusal), [XML_TYPE, (b"content-length", b"%d" % len(body))], body
        finally:
            request.bucket, request.key = "", b""  # its path is none of a bucket: not in the audit log either


async def _served(call: Call) -> Answer:
    request, principal = call.request, call.principal
    if principal.anonymous:
        raise AccessDenied
    operation = operation_of(request.method, request.raw_path.decode("latin-1"))
    if operation is None:
        raise MethodNotAllowed(Method=request.method, ResourceType="ACCOUNT")
    call.operation = f"s3control:{operation}"
    if request.header(ACCOUNT) != principal.account:
        raise AccessDenied
    action, handler = HANDLERS.get(operation, (f"s3:{operation}", None))
    ask = Ask(action.lower(), "*", RequestContext(request, principal, region=call.site.region))
    if not may_manage(principal, ask):
        raise AccessDenied(f"User: {principal.arn} is not authorized to perform: {action}")
    if handler is None:
        raise NotImplementedS3(f"{operation} is not implemented")
    return await handler(call)


def _refusal(error: RequestError, call: Call) -> bytes:
    account = readable_text(call.request.header(ACCOUNT)[:64])
    fields = {"Code": error.code, "Message": readable_text(str(error)), "AccountId": account}
    inner = "".join(f"<{name}>{text}</{name}>" for name, text in fields.items())
    request_id = f"<RequestId>{call.request.request_id}</RequestId>"
    return f"{DECLARATION}<ErrorResponse><Error>{inner}</Error>{request_id}</ErrorResponse>".encode()

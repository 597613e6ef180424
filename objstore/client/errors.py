"""Why a call of the client has failed."""


class ClientError(Exception):
    """A call has failed; the message says why, in words for the person who asked."""


class ApiError(ClientError):
    """The server refused. ``status``: of HTTP; ``code``: the server's own, such as AccessDenied, or empty."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})" if code else message)
        self.status, self.code, self.message = status, code, message


class Unreachable(ClientError):
    """No answer: there is no server, it took too long, or the connection broke."""


class NoCredentials(ClientError):
    """No access key was given, and none is where awscli would look."""

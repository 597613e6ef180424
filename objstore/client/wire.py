"""Requests as they are signed and sent, and answers as they are read: what both clients share."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials

from objstore.client.errors import ApiError, ClientError, NoCredentials

ADMIN = "/-/admin/v1"
ERROR_BYTES_SHOWN = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Access:
    """A server, and who asks. ``endpoint``: http(s)://HOST:PORT."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def access(
    endpoint: str, access_key: str | None, secret_key: str | None, region: str, session_token: str | None = None
) -> Access:
    """Check what was given; without keys, those that awscli would find. Raises ClientError."""
    if not re.match(r"https?://[^/]+/?$", endpoint):
        raise ClientError(f"{endpoint!r} is no endpoint: write http://HOST:PORT")
    if access_key is None or secret_key is None:
        from botocore.session import Session

        found = Session().get_credentials()
        if found is None:
            raise NoCredentials("no credentials: give access_key and secret_key, or set AWS_ACCESS_KEY_ID and its like")
        frozen = found.get_frozen_credentials()
        access_key, secret_key, session_token = frozen.access_key, frozen.secret_key, frozen.token
    return Access(endpoint.rstrip("/"), region, access_key, secret_key, session_token)


def segment(text: str) -> str:
    """A part of a path."""
    return quote(text, safe="")


def encode(body: Any) -> bytes:
    """The JSON of a body; structs leave out what is as by default."""
    return b"" if body is None else msgspec.json.encode(body)


def signed(
    who: Access,
    method: str,
    path: str,
    query: Mapping[str, Any] | None = None,
    body: bytes = b"",
    content_type: str = "application/json",
) -> AWSPreparedRequest:
    """A request of who asks, ready to be sent; parameters that are None are left out."""
    given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
    url = who.endpoint + path + (f"?{urlencode(given, quote_via=quote)}" if given else "")
    request = AWSRequest(method, url, data=body, headers={"content-type": content_type} if body else {})
    S3SigV4Auth(Credentials(who.access_key, who.secret_key, who.session_token), "s3", who.region).add_auth(request)
    return request.prepare()


def decode(answer: bytes, type_: type[T]) -> T:
    """What the server says, as its type. Raises ClientError for what does not fit: another version, or no objstore."""
    try:
        return msgspec.json.decode(answer, type=type_)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ClientError(f"the answer is not understood: {error}; is it an objstore of this version?") from None


def check(status: int, answer: bytes) -> None:
    """Raises ApiError for a refusal."""
    if status < 400:
        return
    try:
        told = msgspec.json.decode(answer)
    except msgspec.DecodeError:
        text = answer[:ERROR_BYTES_SHOWN].decode("utf-8", "replace")
        raise ApiError(status, _element(text, "Code"), _element(text, "Message") or _bare(status, text)) from None
    if isinstance(told, dict) and isinstance(told.get("error"), dict):
        raise ApiError(status, str(told["error"].get("code", "")), str(told["error"].get("message", "")))
    detail = told.get("detail", told) if isinstance(told, dict) else told
    if isinstance(detail, list):
        raise ApiError(status, "", "\n".join(_problem(one) for one in detail))
    raise ApiError(status, "", str(detail))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bare(status: int, text: str) -> str:
    return f"the server answered {status}: {text}" if text else f"the server answered {status}"


def _element(document: str, name: str) -> str:
    found = re.search(rf"<{name}>(.*?)</{name}>", document, re.DOTALL)
    return found[1] if found else ""


def _problem(one: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in one["loc"] if part not in ("body", "query"))
    text = "there is no such element" if one["type"] == "extra_forbidden" else one["msg"].removeprefix("Value error, ")
    return f"{place}: {text}" if place else str(text)

"""What a request says of itself to the conditions of policies; each key is found out when it is asked for.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import unquote_plus

from objstore.api.auth import sigv4
from objstore.api.cycle import tls_of
from objstore.api.request import Request
from objstore.identity.principal import Principal
from objstore.model import clock

Tags = Mapping[str, str]
Values = Sequence[str]

_TYPES = {"root": "Account", "user": "User", "role": "AssumedRole", "anonymous": "Anonymous"}
_HEADERS = frozenset(
    {
        "x-amz-acl", "x-amz-content-sha256", "x-amz-grant-full-control", "x-amz-grant-read", "x-amz-grant-read-acp",
        "x-amz-grant-write", "x-amz-grant-write-acp", "x-amz-metadata-directive", "x-amz-object-ownership",
        "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-customer-algorithm", "x-amz-storage-class", "x-amz-website-redirect-location",
        "if-match", "if-none-match",
    }
)  # fmt: skip
_QUERY = {"s3:prefix": "prefix", "s3:delimiter": "delimiter", "s3:max-keys": "max-keys", "s3:versionid": "versionId"}
_LOCK = {
    "s3:object-lock-mode": b"x-amz-object-lock-mode",
    "s3:object-lock-retain-until-date": b"x-amz-object-lock-retain-until-date",
    "s3:object-lock-legal-hold": b"x-amz-object-lock-legal-hold",
}


class RequestContext:
    """The condition keys of one request by one principal.

    ``existing_tags``: of the object that is asked about; ``given_tags``: that the request wants to set, None to take
    the header's; ``resource_account``: whose the resource is. ``more``: further keys, lower case (None: not there).
    """

    def __init__(
        self,
        request: Request,
        principal: Principal,
        *,
        region: str = "",
        resource_account: str = "",
        existing_tags: Tags | None = None,
        given_tags: Tags | None = None,
        more: Mapping[str, Values | None] | None = None,
    ) -> None:
        self._request, self._principal, self._region = request, principal, region
        self._account, self._existing, self._given = resource_account, existing_tags, given_tags
        self._known: dict[str, Values | None] = dict(more or {})

    def values(self, key: str) -> Values | None:
        """See ``identity.policy.Context``."""
        if key not in self._known:
            self._known[key] = self._find(key)
        return self._known[key]

    def _find(self, key: str) -> Values | None:
        getter = _GETTERS.get(key)
        if getter is not None:
            value = getter(self)
            return None if value is None else [value]
        if key.startswith("s3:"):
            return self._find_s3(key)
        if key.startswith("aws:principaltag/"):
            return _tag(self._principal.tags, key[17:])
        return None

    def _find_s3(self, key: str) -> Values | None:
        if key in _QUERY:
            found = self._request.query.get(_QUERY[key]) if self._request.query_string else None
            return None if found is None else [found]
        name = key[3:]
        if name in _HEADERS or key in _LOCK:
            header = self._request.headers.get(_LOCK.get(key, name.encode()))
            return None if header is None else [header.decode("latin-1").strip()]
        if key.startswith("s3:existingobjecttag/"):
            return _tag(self._existing or {}, key[21:])
        if key.startswith("s3:requestobjecttag/"):
            return _tag(self._given_tags(), key[20:])
        if key == "s3:requestobjecttagkeys":
            return list(self._given_tags()) or None
        return None

    def _given_tags(self) -> Tags:
        if self._given is None:
            self._given = _header_tags(self._request.headers.get(b"x-amz-tagging", b""))
        return self._given

    def address(self) -> str | None:
        """Of the peer of the connection: never what a header says of it."""
        client = self._request.scope.get("client")
        return str(client[0]) if client else None

    def principal_arn(self) -> str | None:
        """ARN of who asks; the role's, for a session of one."""
        principal = self._principal
        return (principal.arns[1] if principal.kind == "role" and len(principal.arns) > 1 else principal.arn) or None

    def copy_source(self) -> str | None:
        """Bucket and key that are copied, decoded."""
        header = self._request.headers.get(b"x-amz-copy-source")
        return None if header is None else unquote_plus(header.decode("latin-1").strip()).removeprefix("/")

    def signature_version(self) -> str | None:
        """Of the request's signature."""
        if self._principal.anonymous:
            return None
        return "AWS" if self._request.query_string and "AWSAccessKeyId" in self._request.query else sigv4.ALGORITHM

    def auth_type(self) -> str | None:
        """Where the signature was."""
        if self._principal.anonymous:
            return None
        return "REST-HEADER" if b"authorization" in self._request.headers else "REST-QUERY-STRING"

    def signature_age(self) -> str | None:
        """Of a presigned URL, milliseconds."""
        sent = self._request.query.get("X-Amz-Date") if self._request.query_string else None
        begun = sigv4.seconds_of(sent) if sent else None
        return None if begun is None else str(int((clock.now_seconds() - begun) * 1000))

    def tls_version(self) -> str | None:
        """Of the connection, as ``1.3``; None where it is not encrypted, or was by somebody before us."""
        found = tls_of(self._request.receive)
        return found[0].removeprefix("TLSv") if found else None

    def header(self, name: bytes) -> str | None:
        """A header's value."""
        value = self._request.headers.get(name)
        return None if value is None else value.decode("latin-1").strip()

    @property
    def who(self) -> Principal:
        """Who asks."""
        return self._principal

    @property
    def region(self) -> str | None:
        """The region that is asked."""
        return self._region or None

    @property
    def account(self) -> str | None:
        """Whose the resource is."""
        return self._account or None

    @property
    def secure(self) -> bool:
        """Whether the request came over TLS."""
        return bool(self._request.scope.get("scheme") == "https")


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tag(tags: Tags, name: str) -> Values | None:
    return [tags[name]] if name in tags else None


def _header_tags(header: bytes) -> Tags:
    pairs = [pair.partition("=") for pair in header.decode("latin-1").split("&") if pair]
    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


def _mfa(context: RequestContext) -> str | None:
    return None if context.who.mfa is None else str(context.who.mfa).lower()


_GETTERS: dict[str, Callable[[RequestContext], str | None]] = {
    "aws:sourceip": RequestContext.address,
    "aws:securetransport": lambda context: str(context.secure).lower(),
    "aws:useragent": lambda context: context.header(b"user-agent"),
    "aws:referer": lambda context: context.header(b"referer"),
    "aws:currenttime": lambda context: _iso(clock.now_seconds()),
    "aws:epochtime": lambda context: str(int(clock.now_seconds())),
    "aws:principalarn": RequestContext.principal_arn,
    "aws:principalaccount": lambda context: context.who.account or None,
    "aws:principaltype": lambda context: _TYPES[context.who.kind],
    "aws:userid": lambda context: context.who.unique_id or None,
    "aws:username": lambda context: context.who.name or None,
    "aws:requestedregion": lambda context: context.region,
    "aws:resourceaccount": lambda context: context.account,
    "aws:tokenissuetime": lambda context: _iso(context.who.issued) if context.who.issued else None,
    "aws:multifactorauthpresent": _mfa,
    "sts:authentication": lambda context: "true" if context.who.issued else "false",
    "s3:resourceaccount": lambda context: context.account,
    "s3:x-amz-copy-source": RequestContext.copy_source,
    "s3:signatureversion": RequestContext.signature_version,
    "s3:authtype": RequestContext.auth_type,
    "s3:signatureage": RequestContext.signature_age,
    "s3:tlsversion": RequestContext.tls_version,
}

"""Presigned URLs by the hundred thousand: SigV4 in the query, payload not signed.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

botocore signs some 8,000 URLs a second; a run needs 200,000. ``check_against_botocore`` proves that both agree.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, urlsplit

from benchmarks.figures import BenchmarkError

EXPIRES_SECONDS = 86400


class Presigner:
    """Signs request targets for one endpoint. ``host`` is the Host header: ``127.0.0.1:9000``."""

    def __init__(
        self, access_key: str, secret_key: str, host: str, region: str = "us-east-1", when: datetime | None = None
    ) -> None:
        self.host = host
        stamp = (when or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{stamp[:8]}/{region}/s3/aws4_request"
        self._query = (
            "X-Amz-Algorithm=AWS4-HMAC-SHA256"
            f"&X-Amz-Credential={quote(f'{access_key}/{scope}', safe='')}"
            f"&X-Amz-Date={stamp}&X-Amz-Expires={EXPIRES_SECONDS}&X-Amz-SignedHeaders=host"
        )
        self._to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n"
        key = b"AWS4" + secret_key.encode()
        for piece in (stamp[:8], region, "s3", "aws4_request"):
            key = hmac.digest(key, piece.encode(), "sha256")
        self._key = key

    def target(self, method: str, path: str, query: Mapping[str, str] | None = None) -> str:
        """Request target for ``path`` (percent-encoded already) and further query fields."""
        fields = self._query
        if query:
            pairs = [f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in query.items()]
            fields = "&".join(sorted([*fields.split("&"), *pairs]))
        canonical = f"{method}\n{path}\n{fields}\nhost:{self.host}\n\nhost\nUNSIGNED-PAYLOAD"
        text = self._to_sign + hashlib.sha256(canonical.encode()).hexdigest()
        return f"{path}?{fields}&X-Amz-Signature={hmac.digest(self._key, text.encode(), 'sha256').hex()}"


def check_against_botocore() -> None:
    """Sign the same requests here and with botocore; raises BenchmarkError where they differ."""
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    host = "127.0.0.1:9000"
    cases: list[tuple[str, str, dict[str, str]]] = [
        ("PUT", "/bench/a/000001", {}),
        ("GET", "/bench", {"list-type": "2", "start-after": "p/k", "delimiter": "/"}),
    ]
    for method, path, query in cases:
        request = AWSRequest(method=method, url=f"http://{host}{path}", params=query)
        S3SigV4QueryAuth(Credentials("id", "secret"), "s3", "us-east-1", expires=EXPIRES_SECONDS).add_auth(request)
        theirs = parse_qs(urlsplit(request.url).query)
        when = datetime.strptime(theirs["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ")
        ours = parse_qs(urlsplit(Presigner("id", "secret", host, when=when).target(method, path, query)).query)
        if ours != theirs:
            raise BenchmarkError(f"the bench's signer and botocore disagree on {method} {path}")

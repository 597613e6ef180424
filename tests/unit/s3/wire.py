"""Signed requests as raw as one likes: botocore's own signer over http.client."""

import http.client
import re
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_NAMESPACE = re.compile(rb' xmlns="[^"]*"')


@dataclass
class Reply:
    """``headers``: lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def xml(self) -> Element:
        """The document, its default namespace taken off."""
        return fromstring(_NAMESPACE.sub(b"", self.body))

    @property
    def code(self) -> str | None:
        """S3 error code."""
        return self.xml.findtext("Code")

    @property
    def outcome(self) -> tuple[int, str | None]:
        return self.status, self.code if self.body else None


class Wire:
    """One keep-alive connection."""

    def __init__(self, port: int, access_key: str, secret_key: str) -> None:
        self._host = f"127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._signer = S3SigV4Auth(Credentials(access_key, secret_key), "s3", "us-east-1")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __call__(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        signed: bool = True,
    ) -> Reply:
        """Send ``target`` (path and query, percent-encoded already) and read the whole reply."""
        request = AWSRequest(method, f"http://{self._host}{target}", headers=headers, data=body)
        if signed:
            self._signer.add_auth(request)
        else:
            request.headers["Host"] = self._host
        prepared = request.prepare()
        sent: dict[str, Any] = {name: _sent(value) for name, value in prepared.headers.items()}
        self._connection.request(method, target, body=body, headers=sent)
        response = self._connection.getresponse()
        content = response.read()
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, content)


def _sent(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()

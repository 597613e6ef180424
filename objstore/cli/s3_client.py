"""A client of S3 for commands, and its errors in words that say what to do next."""

import contextlib
import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.session import Session

from objstore.cli.problem import CommandError
from objstore.cli.target import Target, find_source, find_target

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 10, 120, 5
_NEXT = {
    "NoSuchBucket": "`objstore ls` shows the buckets, `objstore bucket create NAME` makes one",
    "NoSuchKey": "`objstore ls s3://BUCKET/` shows what is there",
    "AccessDenied": "another key may, or a policy of this one's user is missing",
    "InvalidAccessKeyId": "the server has no such key: set OBJSTORE_ACCESS_KEY and _SECRET_KEY, or --credentials",
    "SignatureDoesNotMatch": "the secret key is not that of this access key",
    "RequestTimeTooSkewed": "this machine's clock and the server's differ: see `objstore doctor`",
    "BucketNotEmpty": "`objstore rm --recursive s3://BUCKET/` empties it, with --versions of every version",
    "BucketAlreadyExists": "choose another name: this one is somebody else's",
    "InvalidBucketName": "3 to 63 of a-z, 0-9, . and -",
    "SlowDown": "the server is busy: try again, with a smaller --parallel",
    "ServiceUnavailable": "the server cannot do it now: `objstore status` says what is wrong",
    "InvalidObjectState": "it is archived: `objstore object restore` brings it back, `objstore warm` many",
}  # fmt: skip
_STATUS = {"404": "there is no such bucket or key", "403": "access is denied"}  # of answers without a body
_SILENT = (ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError)


def s3_client(target: Target, connections: int = 16) -> Any:
    """A botocore client; threads may share it."""
    host = urlsplit(target.endpoint).hostname or ""
    config = Config(
        signature_version="s3v4",  # of links too
        s3={"addressing_style": "path" if _is_plain(host) else "auto"},
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=connections,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        tcp_keepalive=True,
        user_agent_extra="objstore",
    )
    return Session().create_client(
        "s3",
        region_name=target.region,
        endpoint_url=target.endpoint,
        aws_access_key_id=target.access_key,
        aws_secret_access_key=target.secret_key,
        aws_session_token=target.session_token,
        config=config,
        verify=target.ca_bundle,
    )


@contextlib.contextmanager
def s3(endpoint: str | None, credentials: Path | None, connections: int = 16) -> Iterator[Any]:
    """A client for the options of a command. Raises CommandError, for whatever fails within too."""
    try:
        target = find_target(endpoint, credentials, dict(os.environ))
        yield s3_client(target, connections)
    except (ClientError, BotoCoreError) as error:
        raise CommandError(reason(error)) from None


def s3_source(endpoint: str | None, profile: str | None, credentials: Path | None, connections: int = 16) -> Any:
    """A client of the other server that objects are copied from; None if none is named. Raises CommandError."""
    source = find_source(endpoint, profile, credentials, dict(os.environ))
    return None if source is None else s3_client(source, connections)


@contextlib.contextmanager
def at_source() -> Iterator[None]:
    """Whatever fails within was said by the server that objects are copied from. Raises CommandError."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise CommandError(f"the source: {reason(error)}") from None


def reason(error: Exception) -> str:
    """Why a request has failed, and what to do next."""
    if isinstance(error, ClientError):
        told = error.response.get("Error", {})
        code = str(told.get("Code", ""))
        text = f"{_STATUS.get(code) or told.get('Message') or 'the request failed'} ({code})"
        return f"{text}: {_NEXT[code]}" if code in _NEXT else text
    if isinstance(error, _SILENT):
        return f"{error}: is the server running? `--endpoint URL` names another one"
    return str(error) or repr(error)


def code_of(error: ClientError) -> str:
    """The server's code; of an answer without a body its status."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _is_plain(host: str) -> bool:
    """A host that has no BUCKET.HOST beside it."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." not in host
    return True

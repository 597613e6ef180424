"""RemoteBucket: a bucket on somebody's S3 server, through botocore. Blocking; called from a drive's own threads.

Of S3 it asks for what every server has: PUT with Content-MD5, ranged GET, DELETE, ListObjectsV2, Signature Version 4.
"""

import hashlib
import os
from base64 import b64encode
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from urllib3.exceptions import HTTPError

from objstore.model.errors import DriveError, RemoteUnavailable, ShardMissing

CONNECT_SECONDS = 3.0
SOCKET_SECONDS = 30.0  # without a byte moving
ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """Where a bucket is. ``endpoint``: URL, "" for AWS itself; ``prefix``: before every key."""

    endpoint: str
    bucket: str
    prefix: str
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    path_style: bool = True

    @property
    def address(self) -> str:
        """For people."""
        return f"{self.endpoint or 's3://'}/{self.bucket}/{self.prefix}".rstrip("/")


class RemoteBucket:
    """Objects of one bucket by key. Methods raise ShardMissing where the object is not there (and the bucket is),
    RemoteUnavailable where nobody can say.
    """

    def __init__(self, place: BucketPlace, connections: int) -> None:
        self._bucket = place.bucket
        session = Session()
        # What lies in somebody's home directory has no say here.
        session.set_config_variable("config_file", os.devnull)
        session.set_config_variable("credentials_file", os.devnull)
        self._s3: Any = session.create_client(
            "s3",
            region_name=place.region,
            endpoint_url=place.endpoint or None,
            aws_access_key_id=place.access_key,
            aws_secret_access_key=place.secret_key,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if place.path_style else "virtual"},
                connect_timeout=CONNECT_SECONDS,
                read_timeout=SOCKET_SECONDS,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                max_pool_connections=connections,
                # Checksum headers of newer SDKs are refused by some servers; Content-MD5 by none.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def put(self, key: str, file: BufferedReader) -> None:
        """Store all of a file; the server refuses bytes that do not have the MD5 that was sent before them."""
        file.seek(0)
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
        file.seek(0)
        self._call("put_object", Key=key, Body=file, ContentMD5=b64encode(digest).decode())

    def get(self, key: str, start: int, size: int) -> bytes:
        """``size`` bytes from ``start``; an object that ends before is a DriveError."""
        answer = self._call("get_object", Key=key, Range=f"bytes={start}-{start + size - 1}")
        content = _drain(answer["Body"], size)
        if len(content) != size or answer["ResponseMetadata"]["HTTPStatusCode"] != 206:
            raise DriveError(f"{len(content)} bytes of {key} came, {size} were asked for")
        return content

    def size(self, key: str) -> int:
        """Bytes of an object. Not by HEAD: its 404 does not say whether object or bucket is what is missing."""
        answer = self._call("get_object", Key=key, Range="bytes=0-0")
        _drain(answer["Body"], 1)
        size: str = answer.get("ContentRange", "").rpartition("/")[2]
        if not size.isdigit():
            raise RemoteUnavailable("the server knows no ranges")
        return int(size)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        try:
            self._call("delete_object", Key=key)
        except ShardMissing:
            return

    def list(self, prefix: str, after: str, limit: int) -> list[str]:
        """Keys with a prefix, ascending, greater than ``after``; at most 1000."""
        answer = self._call("list_objects_v2", Prefix=prefix, StartAfter=after, MaxKeys=limit)
        return [entry["Key"] for entry in answer.get("Contents", ())]

    def close(self) -> None:
        """Let go of connections."""
        self._s3.close()

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._s3, operation)(Bucket=self._bucket, **arguments)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == "NoSuchKey":
                raise ShardMissing(f"{arguments.get('Key')}: {code}") from None
            if code == "InvalidRange":
                raise DriveError(f"{arguments.get('Key')}: {code}") from None
            raise RemoteUnavailable(f"{operation}: {code}") from None
        except (BotoCoreError, HTTPError) as error:
            raise RemoteUnavailable(f"{operation}: {type(error).__name__}") from error


def _drain(body: Any, most: int) -> bytes:
    """At most so many bytes of an answer: one that has more (a server that knows no ranges) is not read on."""
    try:
        content: bytes = body.read(most)
        if len(content) == most:
            body.read(1)  # sees the end, so that the connection can be used again
        return content
    except (BotoCoreError, HTTPError) as error:
        raise RemoteUnavailable(f"reading: {type(error).__name__}") from error
    finally:
        body.close()

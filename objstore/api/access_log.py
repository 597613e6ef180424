"""Access logs of buckets: lines as AWS writes them, gathered here and put into the bucket that the configuration names.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html

As on AWS it is a best effort: what a process has gathered and not yet put is lost if it is killed. Its memory is
bounded: beyond that lines are dropped, and counted.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from objstore.api.access_line import lines_of
from objstore.api.pieces import Pieces
from objstore.api.s3.access_settings import LOGGING as SETTING
from objstore.api.s3.call import Call
from objstore.api.s3.verbs import Verbs
from objstore.model import clock
from objstore.model.errors import ObjstoreError
from objstore.model.objects import Bucket
from objstore.model.requests import PutRequest

LINES_MAX = 50_000

log = structlog.get_logger(__name__)


class _Text(Pieces):
    """A body that is there already."""

    algorithms: frozenset[str] = frozenset()

    def __init__(self, content: bytes) -> None:
        self.length: int | None = len(content)
        self._content = content

    async def read(self) -> bytes:
        content, self._content = self._content, b""
        return content

    def verify(self, digests: Mapping[str, bytes]) -> None:
        return None

    def checksum_algorithm(self) -> str | None:
        return None


class AccessLog:
    """Gathers lines by source bucket; ``run`` puts them every ``seconds``. ``account_of``: of a canonical id."""

    def __init__(self, store: Verbs, seconds: float, account_of: Callable[[str], str]) -> None:
        self._store, self._seconds, self._account_of = store, seconds, account_of
        self._lines: dict[str, list[str]] = {}
        self._count = 0
        self.dropped = 0

    def note(self, call: Call, seconds: float, source: str = "REST") -> None:
        """Remember a request that was answered, if its bucket wants to have it logged. ``source``: see ``lines_of``."""
        bucket = self._store.known_bucket(call.request.bucket) if call.request.bucket else None
        if bucket is None or SETTING not in bucket.settings:
            return
        if self._count >= LINES_MAX:
            self.dropped += 1
            return
        lines = lines_of(call, bucket, seconds, source)
        self._count += len(lines)
        self._lines.setdefault(bucket.name, []).extend(lines)

    def of(self, source: str) -> "SourceLog":
        """The same, for requests that come to another place than S3 itself."""
        return SourceLog(self, source)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``, and once more then."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._seconds)
            await self.flush()

    async def flush(self) -> None:
        """Put what was gathered: one object a source bucket."""
        gathered, self._lines, self._count = self._lines, {}, 0
        for name, lines in gathered.items():
            try:
                await self._put(name, lines)
            except ObjstoreError as error:
                log.warning("access_log_lost", bucket=name, lines=len(lines), error=repr(error))

    async def _put(self, name: str, lines: list[str]) -> None:
        source = await self._store.get_bucket(name)
        wanted = source.settings.get(SETTING, {})
        if wanted:
            key = key_of(wanted, source, self._account_of(source.owner)).encode()
            content = "".join(f"{line}\n" for line in lines).encode()
            attrs = {"h": {"content-type": "text/plain"}}
            await self._store.put(PutRequest(wanted["TargetBucket"], key, attrs=attrs), _Text(content))


class SourceLog:
    """Notes requests as of their source."""

    def __init__(self, log: AccessLog, source: str) -> None:
        self._log, self._source = log, source

    def note(self, call: Call, seconds: float) -> None:
        """See ``AccessLog``."""
        self._log.note(call, seconds, self._source)


def key_of(wanted: Mapping[str, Any], source: Bucket, account: str) -> str:
    """The key of a log object, in the format that the configuration asks for."""
    now = clock.now()
    stamp = f"{now:%Y-%m-%d-%H-%M-%S}-{clock.random_bytes(8).hex().upper()}"
    prefix: str = wanted.get("TargetPrefix", "")
    if "PartitionedPrefix" in wanted.get("TargetObjectKeyFormat", {}):
        return f"{prefix}{account}/{source.region}/{source.name}/{now:%Y/%m/%d}/{stamp}"
    return f"{prefix}{stamp}"

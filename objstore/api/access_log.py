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

from objstore.api.access_line import COPIES, lines_of, source_line, source_of
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
    """Gathers lines by source bucket; ``run`` puts them ``seconds`` after the first one came.

    ``account_of``: of a canonical id. ``host_id``: what answers say in ``x-amz-id-2``.
    """

    def __init__(self, store: Verbs, seconds: float, account_of: Callable[[str], str], host_id: str) -> None:
        self._store, self._seconds, self._account_of, self.host_id = store, seconds, account_of, host_id
        self._lines: dict[str, list[str]] = {}
        self._due: dict[str, float] = {}  # monotonic seconds, of each bucket that has lines
        self._count = 0
        self.dropped = 0

    def note(self, call: Call, seconds: float, source: str = "REST") -> None:
        """Remember a request that was answered, if its bucket wants to have it logged. ``source``: see ``lines_of``."""
        bucket = self._store.known_bucket(call.request.bucket) if call.request.bucket else None
        if bucket is not None and SETTING in bucket.settings:
            self._gather(bucket, lines_of(call, bucket, seconds, source, self.host_id))
        if call.operation in COPIES:
            self._note_source(call, seconds)

    def _note_source(self, call: Call, seconds: float) -> None:
        """What a copy reads from is told of it too: of nothing that nobody has signed or may sign."""
        read = source_of(call) if hasattr(call, "authenticated") else None
        bucket = self._store.known_bucket(read[0]) if read else None
        if read and bucket is not None and SETTING in bucket.settings:
            self._gather(bucket, [source_line(call, bucket, *read[1:], seconds, self.host_id)])

    def _gather(self, bucket: Bucket, lines: list[str]) -> None:
        if self._count >= LINES_MAX:
            self.dropped += 1
            return
        self._count += len(lines)
        gathered = self._lines.get(bucket.name)
        if gathered is None:
            gathered = self._lines[bucket.name] = []
            self._due[bucket.name] = clock.monotonic_seconds() + self._seconds
        gathered.extend(lines)

    def of(self, source: str) -> "SourceLog":
        """The same, for requests that come to another place than S3 itself."""
        return SourceLog(self, source)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``, and once more for all then."""
        while not stop.is_set():
            due = min(self._due.values(), default=None)
            # What comes first while nothing is due is not due before ``seconds`` are over.
            pause = self._seconds if due is None else max(due - clock.monotonic_seconds(), 0.0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            now = clock.monotonic_seconds()
            await self._flush([name for name, due in self._due.items() if due <= now or stop.is_set()])

    async def _flush(self, names: list[str]) -> None:
        """Put what was gathered of these source buckets: an object each."""
        for name in names:
            lines = self._lines.pop(name)
            del self._due[name]
            self._count -= len(lines)
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

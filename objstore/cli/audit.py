"""Where audit records go: a file of JSON lines, a webhook, or both. Requests never wait for it.

What cannot be written in time is dropped and counted, and a record says how many were.
"""

import asyncio
import os
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import structlog
import urllib3

from objstore.api.audit import Record

QUEUE_MAX = 50_000
BATCH_MAX = 1000
PAUSE_SECONDS = 0.2
WEBHOOK_SECONDS = 10.0
TRIES = 5
TAIL_BYTES = 4 * 1024 * 1024

log = structlog.get_logger(__name__)


class AuditLog:
    """``note`` takes records; ``run`` writes them until it is cancelled, ``close`` what is left then."""

    def __init__(self, file: str, webhook: str) -> None:
        self._file, self._webhook = Path(file) if file else None, webhook
        self._queue: deque[Record] = deque()
        self._dropped = 0
        self._pool = urllib3.PoolManager(timeout=WEBHOOK_SECONDS, retries=False, maxsize=1)

    def note(self, record: Record) -> None:
        """Have a record written soon."""
        if len(self._queue) >= QUEUE_MAX:
            self._dropped += 1
            return
        self._queue.append(record)

    async def run(self) -> None:
        """Write what is noted, again and again."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write all that is noted now."""
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH_MAX, len(self._queue)))]
            dropped, self._dropped = self._dropped, 0
            lines = b"".join(orjson.dumps(record) + b"\n" for record in batch)
            if dropped:
                lines += orjson.dumps({"dropped": dropped}) + b"\n"
            await asyncio.to_thread(self._write, lines)

    async def tail(self, limit: int, contains: str = "", denied: bool = False) -> list[Mapping[str, Any]]:
        """The newest records of the file's end that hold a text, or were denied; the newest first."""
        return await asyncio.to_thread(self._tail, limit, contains, denied)

    def _tail(self, limit: int, contains: str, denied: bool) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        wanted = contains.casefold()
        for line in reversed(self._last_lines()):
            if wanted and wanted not in line.decode("utf-8", "replace").casefold():
                continue
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:  # the first line is cut, or somebody else wrote there
                continue
            if not isinstance(record, dict) or "operation" not in record or (denied and record.get("allowed", True)):
                continue
            found.append(record)
            if len(found) == limit:
                break
        return found

    def _last_lines(self) -> list[bytes]:
        if self._file is None:
            return []
        try:
            with self._file.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - TAIL_BYTES))
                return file.read(TAIL_BYTES).splitlines()
        except OSError:  # nothing has been written yet, or it has just been rotated
            return []

    def _write(self, lines: bytes) -> None:
        if self._file is not None:
            try:
                self._append(self._file, lines)
            except OSError as error:
                log.error("audit_lost", file=str(self._file), error=repr(error), records=lines.count(b"\n"))
        if self._webhook:
            self._post(lines)

    def _append(self, file: Path, lines: bytes) -> None:
        """One write at the end of the file, whoever else writes there; opened each time, so that it may be rotated."""
        fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            left = memoryview(lines)
            while left:
                left = left[os.write(fd, left) :]
        finally:
            os.close(fd)

    def _post(self, lines: bytes) -> None:
        headers = {"content-type": "application/x-ndjson"}
        problem: Any = None
        for _ in range(TRIES):
            try:
                answer = self._pool.request("POST", self._webhook, body=lines, headers=headers, redirect=False)
                if answer.status < 300:
                    return
                problem = answer.status
            except urllib3.exceptions.HTTPError as error:
                problem = repr(error)
        log.error("audit_lost", webhook=True, error=str(problem), records=lines.count(b"\n"))

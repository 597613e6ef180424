"""Transfers: files and objects, many at a time, each whole or not at all at its place."""

import contextlib
import mimetypes
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from s3transfer.manager import TransferConfig, TransferManager
from s3transfer.subscribers import BaseSubscriber

from objstore.cli.crossing import Crossing, Room
from objstore.cli.places import Remote
from objstore.cli.problem import CommandError
from objstore.cli.resumable import Part, download, persistently, receive, upload
from objstore.cli.s3_client import reason
from objstore.cli.transfer_report import Report
from objstore.cli.trees import PART_SUFFIX, Entry

PARTS_FROM_BYTES = 2  # as a multiple of a part's size: smaller files go whole
COPY_BYTES_MAX = 5 * 2**30  # of one CopyObject
DELETED_AT_ONCE = 1000


class Stopped(Exception):
    """The person has had enough."""


@dataclass(frozen=True)
class Manner:
    """How: ``parallel`` files and as many parts at a time; ``extra``: headers of what is put."""

    parallel: int = 8
    part_bytes: int = 16 * 2**20
    dry_run: bool = False
    extra: dict[str, str] = field(default_factory=dict)


class Transfers:
    """Takes transfers as they are found, no more at a time than fit; failures are counted, and the others go on."""

    def __init__(self, client: Any, report: Report, manner: Manner, origin: Any = None) -> None:
        """``origin``: a client of the server that objects are copied from, if it is another."""
        self._client, self._report, self._manner, self._origin = client, report, manner, origin
        self._files = ThreadPoolExecutor(manner.parallel, "file")
        self._parts: Executor = ThreadPoolExecutor(manner.parallel, "part")
        self._room = threading.BoundedSemaphore(manner.parallel * 4)
        self._stopped = threading.Event()
        config = TransferConfig(multipart_threshold=COPY_BYTES_MAX, multipart_chunksize=COPY_BYTES_MAX // 10)
        self._manager = TransferManager(client, config)
        self._memory = Room(manner.parallel * manner.part_bytes)
        self._doomed: list[dict[str, str]] = []

    def __enter__(self) -> "Transfers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stopped.set()
        if kind is KeyboardInterrupt:
            self._report.say("interrupted: run the same command again, and it goes on where it was")
        self._files.shutdown(cancel_futures=kind is not None)
        self._parts.shutdown(cancel_futures=kind is not None)
        self._manager.shutdown(cancel=kind is not None)

    def upload(self, path: Path, size: int, to: Remote) -> None:
        """A file to a key."""
        self._take(str(path), size, lambda: self._upload(path, to))

    def download(self, place: Remote, entry: Entry, path: Path) -> None:
        """An object to a file; ``place`` is its key."""
        self._take(str(place), entry.size, lambda: self._download(place, entry, path))

    def copy(self, source: Remote, entry: Entry, to: Remote) -> None:
        """An object to another key, by the server itself; through here from another server."""
        copy = self._copy if self._origin is None else self._copy_across
        self._take(str(source), entry.size, lambda: copy(source, entry, to))

    def delete(self, bucket: str, key: str, version_id: str = "") -> None:
        """An object, or a version; a thousand at a time: see ``flush``."""
        one = {"Key": key, "VersionId": version_id} if version_id else {"Key": key}
        self._doomed.append({**one, "Bucket": bucket})
        if len(self._doomed) >= DELETED_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Delete what waits for it."""
        doomed, self._doomed = self._doomed, []
        for bucket in {one["Bucket"] for one in doomed}:
            mine = [{name: one[name] for name in ("Key", "VersionId") if name in one} for one in doomed
                    if one["Bucket"] == bucket]  # fmt: skip
            if self._manner.dry_run:
                self._report.removed(len(mine))
            else:
                self._submit(bucket, lambda bucket=bucket, mine=mine: self._delete(bucket, mine))  # type: ignore[misc]

    def finish(self) -> None:
        """Wait for all of them: before the end of the block, so that Ctrl-C meanwhile is seen there."""
        self.flush()
        self._files.shutdown()

    def upload_stream(self, stream: Any, to: Remote) -> None:
        """What comes from a pipe, in parts that are held in memory."""
        self._report.plan(0)
        extra = {"ChecksumAlgorithm": "CRC64NVME", **self._manner.extra}
        counting = _Counting(self._report)
        self._manager.upload(stream, to.bucket, to.key, extra_args=extra, subscribers=[counting]).result()
        self._report.done()

    def _take(self, name: str, size: int, work: Callable[[], None]) -> None:
        self._report.plan(size)
        if self._manner.dry_run:
            self._report.done()
        else:
            self._submit(name, work)

    def _submit(self, name: str, work: Callable[[], None]) -> None:
        self._room.acquire()

        def run() -> None:
            try:
                if not self._stopped.is_set():
                    work()
            except Stopped:
                pass
            except OSError as error:
                self._report.fail(name, error.strerror or str(error))
            except Exception as error:  # whatever it was, this file is not there
                self._report.fail(name, reason(error))
            finally:
                self._room.release()

        self._files.submit(run)

    def _check(self) -> None:
        if self._stopped.is_set():
            raise Stopped

    def _upload(self, path: Path, to: Remote) -> None:
        target = {"Bucket": to.bucket, "Key": to.key}
        extra = {"ContentType": mimetypes.guess_type(path.name)[0] or "application/octet-stream", **self._manner.extra}
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            if before.st_size >= PARTS_FROM_BYTES * self._manner.part_bytes:
                upload(self._client, file.fileno(), before.st_size, target, extra, self._manner.part_bytes,
                       self._parts, self._report, self._check)  # fmt: skip
            else:
                self._client.put_object(**target, **extra, Body=file, ChecksumAlgorithm="CRC64NVME")
                self._report.moved(before.st_size)
            after = os.fstat(file.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise CommandError("it was changed while it was read: run it again")
        self._report.done()

    def _download(self, place: Remote, entry: Entry, path: Path) -> None:
        if entry.name.endswith("/") and not entry.size:
            path.mkdir(parents=True, exist_ok=True)
            self._report.done()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        source = {"Bucket": place.bucket, "Key": place.key} | (
            {"VersionId": entry.version_id} if entry.version_id else {})  # fmt: skip
        if entry.size >= PARTS_FROM_BYTES * self._manner.part_bytes:
            about = self._client.head_object(**source, ChecksumMode="ENABLED")
            verified = download(self._client, source, about, path, self._manner.part_bytes, self._parts,
                                self._report, self._check)  # fmt: skip
        else:
            verified = self._get_whole(source, entry, path)
        stamp = entry.modified.timestamp()  # as it was listed: a newer one is seen to be newer
        os.utime(path, (stamp, stamp))
        self._report.done(verified=verified)

    def _get_whole(self, source: dict[str, str], entry: Entry, path: Path) -> bool:
        """One GET, whose checksum botocore compares at the end of the body."""
        partial = path.with_name(f".{path.name}.{threading.get_ident():x}{PART_SUFFIX}")
        fd = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            request = {**source, "ChecksumMode": "ENABLED"}
            part = Part(1, 0, entry.size)
            answer = persistently(lambda: receive(self._client, request, fd, part, self._report, self._check))
            os.rename(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
        return answer.get("ChecksumType") == "FULL_OBJECT"

    def _copy(self, source: Remote, entry: Entry, to: Remote) -> None:
        origin = {"Bucket": source.bucket, "Key": source.key}
        extra = {"MetadataDirective": "COPY", **self._manner.extra} if self._manner.extra else {}
        self._manager.copy(origin, to.bucket, to.key, extra_args=extra or None).result()
        self._report.moved(entry.size)
        self._report.done()

    def _copy_across(self, source: Remote, entry: Entry, to: Remote) -> None:
        manner = self._manner
        crossing = Crossing(self._origin, self._client, manner.extra, manner.part_bytes, self._parts, self._memory,
                            self._report, self._check)  # fmt: skip
        places = [{"Bucket": one.bucket, "Key": one.key} for one in (source, to)]
        in_parts = entry.size >= PARTS_FROM_BYTES * manner.part_bytes
        self._report.done(verified=crossing.copy(places[0], entry, places[1], in_parts=in_parts))

    def _delete(self, bucket: str, mine: list[dict[str, str]]) -> None:
        answer = self._client.delete_objects(
            Bucket=bucket, Delete={"Objects": mine, "Quiet": True}, ChecksumAlgorithm="CRC64NVME"
        )
        errors = answer.get("Errors", ())
        self._report.removed(len(mine) - len(errors))
        for error in errors:
            self._report.fail(f"s3://{bucket}/{error['Key']}", f"{error.get('Message', '')} ({error.get('Code', '')})")


class _Counting(BaseSubscriber):  # type: ignore[misc]  # without types
    """Counts what s3transfer sends."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def on_progress(self, bytes_transferred: int, **_: Any) -> None:
        """Some bytes more."""
        self._report.moved(bytes_transferred)


@contextlib.contextmanager
def transferring(client: Any, verb: str, manner: Manner, origin: Any = None) -> Iterator[tuple[Transfers, Report]]:
    """Transfers and their report; at the end of the block all of them have ended."""
    with Report(verb) as report, Transfers(client, report, manner, origin) as transfers:
        yield transfers, report
        transfers.finish()

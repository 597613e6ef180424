"""Two trees side by side, in the order of keys: what is in one and not, or not the same, in the other."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from objstore.cli.places import Place, Remote, below
from objstore.cli.problem import CommandError
from objstore.cli.resumable import file_checksum
from objstore.cli.s3_client import at_source
from objstore.cli.transfer_report import Report
from objstore.cli.transfers import Transfers
from objstore.cli.trees import Entry, local_tree, remote_tree

COMPARED_AT_ONCE = 8


def send(transfers: Transfers, report: Report, source: Place, target: Place, entry: Entry) -> None:
    """Transfer one entry of ``source`` to its place in ``target``."""
    if isinstance(source, Path):
        assert isinstance(target, Remote)
        transfers.upload(below(source, entry.name), entry.size, Remote(target.bucket, target.key + entry.name))
        return
    origin = Remote(source.bucket, source.key + entry.name)
    if isinstance(target, Remote):
        transfers.copy(origin, entry, Remote(target.bucket, target.key + entry.name))
        return
    try:
        path = below(target, entry.name.removesuffix("/"))
    except CommandError as error:
        report.plan(0)
        report.fail(str(origin), str(error))
        return
    transfers.download(origin, entry, path)


def mirror_trees(
    client: Any, transfers: Transfers, report: Report, source: Place, target: Place, *, delete: bool, checksum: bool,
    dry_run: bool, wanted: Callable[[str], bool], origin: Any = None,
) -> None:  # fmt: skip
    """``origin``: the client of what ``source`` is on, if it is another server.

    Raises CommandError, ClientError where a tree cannot be read: nothing is deleted then that was not seen to be
    superfluous.
    """
    origin = origin or client
    if isinstance(source, Path) and not source.is_dir():
        raise CommandError(f"{source}: there is no such directory")
    if isinstance(source, Remote):
        with at_source():
            origin.head_bucket(Bucket=source.bucket)
    if isinstance(target, Path) and not dry_run:
        target.mkdir(parents=True, exist_ok=True)
    same = Comparison(origin, client, source, target) if checksum else None
    pairs = _pairs(_tree(origin, source, report), _tree(client, target, report))
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(COMPARED_AT_ONCE, "compare")) if same else None
        waiting: list[tuple[Entry, Future[bool]]] = []

        def settle(until: int) -> None:
            while len(waiting) > until:
                entry, answer = waiting.pop(0)
                if answer.result():
                    report.same()
                else:
                    send(transfers, report, source, target, entry)

        for ours, theirs in pairs:
            if not wanted((ours or theirs).name):  # type: ignore[union-attr]
                continue
            if ours is None:
                assert theirs is not None
                if delete:
                    _delete(transfers, report, target, theirs, dry_run)
            elif theirs is not None and same is not None and pool is not None and ours.size == theirs.size:
                waiting.append((ours, pool.submit(same.is_same, ours.name)))
                settle(COMPARED_AT_ONCE * 4)
            elif theirs is not None and same is None and _looks_same(source, target, ours, theirs):
                report.same()
            else:
                send(transfers, report, source, target, ours)
        settle(0)


class Comparison:
    """Compares bytes by their checksums: a file's is computed, an object's is asked for."""

    def __init__(self, origin: Any, client: Any, source: Place, target: Place) -> None:
        self._origin, self._client, self._source, self._target = origin, client, source, target

    def is_same(self, name: str) -> bool:
        """Whether both have the same bytes, as far as there is a checksum of them."""
        if isinstance(self._source, Remote) and isinstance(self._target, Remote):
            ours, theirs = (self._sums(place, name) for place in (self._source, self._target))
            return any(ours[kind] == theirs[kind] for kind in ours.keys() & theirs.keys())
        path, place = (self._source, self._target) if isinstance(self._source, Path) else (self._target, self._source)
        assert isinstance(path, Path)
        assert isinstance(place, Remote)
        for kind, value in self._sums(place, name).items():
            if kind == "ETag":
                with below(path, name).open("rb") as file:
                    return hashlib.file_digest(file, "md5").hexdigest() == value
            return file_checksum(below(path, name), kind) == value
        return False

    def _sums(self, place: Remote, name: str) -> dict[str, str]:
        """Of the whole object, by kind, the best first; an ETag that is an MD5 among them."""
        client = self._origin if place is self._source else self._client
        about = client.head_object(Bucket=place.bucket, Key=place.key + name, ChecksumMode="ENABLED")
        found = {}
        if about.get("ChecksumType") == "FULL_OBJECT":
            kinds = ("ChecksumCRC64NVME", "ChecksumCRC32C", "ChecksumCRC32")
            found = {kind: str(about[kind]) for kind in kinds if kind in about}
        etag = about["ETag"].strip('"')
        if len(etag) == 32 and "ServerSideEncryption" not in about and "SSECustomerAlgorithm" not in about:
            found["ETag"] = etag
        return found


def _tree(client: Any, place: Place, report: Report) -> Iterator[Entry]:
    if isinstance(place, Remote):
        # Markers of folders are no files.
        return (
            entry for entry in remote_tree(client, place) if entry.name and (entry.size or not entry.name.endswith("/"))
        )
    return local_tree(place, report.leave_out) if place.is_dir() else iter(())


def _pairs(ours: Iterator[Entry], theirs: Iterator[Entry]) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Entries of the same name side by side; both come in the order of their names."""
    one, other = next(ours, None), next(theirs, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.name < other.name):
            yield one, None
            one = next(ours, None)
        elif one is None or other.name < one.name:
            yield None, other
            other = next(theirs, None)
        else:
            yield one, other
            one, other = next(ours, None), next(theirs, None)


def _looks_same(source: Place, target: Place, ours: Entry, theirs: Entry) -> bool:
    if ours.size != theirs.size:
        return False
    if isinstance(source, Remote) and isinstance(target, Remote) and ours.etag and theirs.etag:
        return ours.etag == theirs.etag or ours.modified <= theirs.modified
    return ours.modified <= theirs.modified


def _delete(transfers: Transfers, report: Report, target: Place, entry: Entry, dry_run: bool) -> None:
    if isinstance(target, Remote):
        transfers.delete(target.bucket, target.key + entry.name)
        return
    path = below(target, entry.name)
    if not dry_run:
        try:
            path.unlink()
        except OSError as error:
            report.fail(str(path), error.strerror or str(error))
            return
        with contextlib.suppress(OSError):  # not empty
            for parent in path.parents:
                if parent == target:
                    break
                parent.rmdir()
    report.removed(1)

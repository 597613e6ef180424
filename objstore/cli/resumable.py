"""Large files in parts, many at a time, that go on where an interrupted run has stopped.

An upload leaves its parts in the store: the next run finds them by key, and keeps those whose checksum is that of the
file's bytes. A download leaves a file beside its target, with a mark behind the bytes for each part that is whole.
"""

import base64
import contextlib
import hashlib
import mmap
import os
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from io import SEEK_CUR, SEEK_END, SEEK_SET, RawIOBase
from pathlib import Path
from typing import Any, TypeVar

from awscrt.checksums import combine_crc64nvme, crc32, crc32c, crc64nvme
from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

from objstore.cli.problem import CommandError
from objstore.cli.s3_client import ATTEMPTS, code_of
from objstore.cli.transfer_report import Report
from objstore.cli.trees import PART_SUFFIX

PARTS_MAX = 10_000
CHUNK_BYTES = 1024 * 1024
Check = Callable[[], None]
Buffer = bytes | bytearray | mmap.mmap
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part:
    """``number`` from 1."""

    number: int
    offset: int
    size: int


def parts_of(size: int, part_bytes: int) -> list[Part]:
    """Equal ones, as large as is needed for no more than S3 allows."""
    while -(-size // part_bytes) > PARTS_MAX:
        part_bytes *= 2
    return [Part(i + 1, at, min(part_bytes, size - at)) for i, at in enumerate(range(0, size, part_bytes))]


class Slice(RawIOBase):
    """A part of a file, as a file to read."""

    def __init__(self, fd: int, part: Part) -> None:
        self._fd, self._part, self._at = fd, part, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """Retries begin anew."""
        return True

    def tell(self) -> int:
        """Where it is read next."""
        return self._at

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """As of any file."""
        self._at = offset + {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._part.size}[whence]
        return self._at

    def __len__(self) -> int:
        return self._part.size

    def readinto(self, buffer: Any) -> int:
        """Up to as many bytes as there is room for."""
        room = memoryview(buffer).cast("B")[: self._part.size - self._at]
        found = os.preadv(self._fd, [room], self._part.offset + self._at) if room else 0
        self._at += found
        return found


def upload(
    client: Any, fd: int, size: int, target: dict[str, str], extra: dict[str, str], part_bytes: int,
    pool: Executor, report: Report, check: Check,
) -> None:  # fmt: skip
    """Put an open file as ``target`` (Bucket, Key), part by part. Raises ClientError, BotoCoreError, CommandError."""
    parts = parts_of(size, part_bytes)
    upload_id, there = _unfinished(client, fd, target, parts)
    if upload_id is None:
        made = client.create_multipart_upload(
            **target, **extra, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT"
        )
        upload_id = made["UploadId"]
    report.resumed(sum(part.size for part in parts if part.number in there))

    def put(part: Part) -> tuple[int, dict[str, Any]]:
        check()
        answer = client.upload_part(
            **target, UploadId=upload_id, PartNumber=part.number, Body=Slice(fd, part), ChecksumAlgorithm="CRC64NVME"
        )
        report.moved(part.size)
        if "ChecksumCRC64NVME" not in answer:  # a server that does not tell
            answer["ChecksumCRC64NVME"] = _crc_of(fd, part)
        return part.number, answer

    done = dict(in_parallel(pool, put, [part for part in parts if part.number not in there])) | there
    whole = 0
    for part in parts:
        whole = combine_crc64nvme(whole, _crc(done[part.number]["ChecksumCRC64NVME"]), part.size)
    listed = [
        {"PartNumber": number, "ETag": one["ETag"], "ChecksumCRC64NVME": one["ChecksumCRC64NVME"]}
        for number, one in sorted(done.items())
    ]
    client.complete_multipart_upload(
        **target, UploadId=upload_id, MultipartUpload={"Parts": listed}, ChecksumType="FULL_OBJECT",
        ChecksumCRC64NVME=sum_text("ChecksumCRC64NVME", whole), MpuObjectSize=size,
    )  # fmt: skip


def download(
    client: Any, source: dict[str, str], about: dict[str, Any], path: Path, part_bytes: int,
    pool: Executor, report: Report, check: Check,
) -> bool:  # fmt: skip
    """Get an object of which HEAD said ``about``; whether a checksum of the whole was compared.

    Raises ClientError, BotoCoreError, OSError, CommandError.
    """
    size, parts = about["ContentLength"], parts_of(about["ContentLength"], part_bytes)
    name = hashlib.sha256(f"{about['ETag']} {size} {parts[0].size}".encode()).hexdigest()[:12]
    partial = path.with_name(f".{path.name}.{name}{PART_SUFFIX}")
    fd = os.open(partial, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        marks = os.pread(fd, len(parts), size).ljust(len(parts), b"\0")
        os.ftruncate(fd, size + len(parts))
        report.resumed(sum(part.size for part in parts if marks[part.number - 1]))

        def get(part: Part) -> None:
            check()
            span = f"bytes={part.offset}-{part.offset + part.size - 1}"
            persistently(
                lambda: receive(client, {**source, "Range": span, "IfMatch": about["ETag"]}, fd, part, report, check)
            )
            os.pwrite(fd, b"\1", size + part.number - 1)

        in_parallel(pool, get, [part for part in parts if not marks[part.number - 1]])
        verified = _verify(fd, size, about)
        if verified is False:
            partial.unlink()
            raise CommandError("what came is not what was stored (checksum): run it again")
        os.ftruncate(fd, size)
    finally:
        os.close(fd)
    partial.rename(path)
    return verified is True


def receive(client: Any, request: dict[str, Any], fd: int, part: Part, report: Report, check: Check) -> dict[str, Any]:
    """One GET of which the body goes into a file. Raises ClientError, BotoCoreError, OSError."""
    answer: dict[str, Any] = client.get_object(**request)
    at = part.offset
    try:
        with contextlib.closing(answer["Body"]) as body:
            for chunk in body.iter_chunks(CHUNK_BYTES):
                check()
                at += os.pwrite(fd, chunk, at)
                report.moved(len(chunk))
        if at != part.offset + part.size:
            raise IncompleteReadError(actual_bytes=at - part.offset, expected_bytes=part.size)
    except BaseException:
        report.moved(part.offset - at)
        raise
    return answer


def persistently(work: Callable[[], T]) -> T:
    """A body that breaks off is asked for again; botocore does that for answers that have not begun."""
    for _ in range(ATTEMPTS - 1):
        with contextlib.suppress(IncompleteReadError, ReadTimeoutError, ResponseStreamingError):
            return work()
    return work()


def _unfinished(
    client: Any, fd: int, target: dict[str, str], parts: list[Part]
) -> tuple[str | None, dict[int, dict[str, Any]]]:
    """The newest upload to a key that is made as we make them, and which of its parts hold the file's bytes."""
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=target["Bucket"], Prefix=target["Key"])
    found = [
        one for page in pages for one in page.get("Uploads", ())
        if one["Key"] == target["Key"] and one.get("ChecksumType") == "FULL_OBJECT"
        and one.get("ChecksumAlgorithm") == "CRC64NVME"
    ]  # fmt: skip
    sizes = {part.number: part for part in parts}
    for one in sorted(found, key=lambda one: one["Initiated"], reverse=True):
        try:
            listed = list(_listed(client, target, one["UploadId"]))
        except ClientError as error:
            if code_of(error) != "NoSuchUpload":
                raise
            continue
        if all(part["PartNumber"] in sizes and part["Size"] == sizes[part["PartNumber"]].size for part in listed):
            there = {
                part["PartNumber"]: part for part in listed
                if _crc_of(fd, sizes[part["PartNumber"]]) == part.get("ChecksumCRC64NVME")
            }  # fmt: skip
            return one["UploadId"], there
    return None, {}


def _listed(client: Any, target: dict[str, str], upload_id: str) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("list_parts").paginate(**target, UploadId=upload_id):
        yield from page.get("Parts", ())


def in_parallel(pool: Executor, work: Callable[[Part], T], parts: list[Part]) -> list[T]:
    """Results by part; the first failure, once none is under way any more."""
    futures: list[Future[T]] = [pool.submit(work, part) for part in parts]
    try:
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()
        wait(futures)


def _crc_of(fd: int, part: Part) -> str:
    return _sum(fd, part.offset, part.offset + part.size, "ChecksumCRC64NVME")


def _crc(text: str) -> int:
    return int(struct.unpack(">Q", base64.b64decode(text))[0])


SUMS: dict[str, tuple[Callable[[Buffer, int], int], str]] = {
    "ChecksumCRC64NVME": (crc64nvme, ">Q"),
    "ChecksumCRC32C": (crc32c, ">I"),
    "ChecksumCRC32": (crc32, ">I"),
}


def file_checksum(path: Path, kind: str) -> str:
    """As S3 writes it. ``kind``: a key of ``SUMS``. Raises OSError."""
    with path.open("rb") as file:
        return _sum(file.fileno(), 0, os.fstat(file.fileno()).st_size, kind)


def _sum(fd: int, at: int, end: int, kind: str) -> str:
    add, found = SUMS[kind][0], 0
    while at < end and (chunk := os.pread(fd, min(CHUNK_BYTES, end - at), at)):
        found, at = add(chunk, found), at + len(chunk)
    return sum_text(kind, found)


def sum_text(kind: str, found: int) -> str:
    """A checksum as S3 writes it. ``kind``: a key of ``SUMS``."""
    return base64.b64encode(struct.pack(SUMS[kind][1], found)).decode()


def _verify(fd: int, size: int, about: dict[str, Any]) -> bool | None:
    """Whether the bytes are those of the object's checksum; None if it has none of the whole."""
    for kind in SUMS:
        if kind in about and about.get("ChecksumType") == "FULL_OBJECT":
            return _sum(fd, 0, size, kind) == str(about[kind])
    return None

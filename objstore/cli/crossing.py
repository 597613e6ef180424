"""An object from one server to another: through memory, a piece at a time, and no file between.

Each piece is read whole, added to the checksums, and sent with one of its own, so that either end may be asked again.
The object appears when the checksum of the whole is seen to be that which the source has of it. What was sent until
then is taken back if it comes to nothing: an interrupted copy of a large object begins anew.
"""

import contextlib
import hashlib
import mmap
import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from awscrt.checksums import combine_crc32, combine_crc32c, combine_crc64nvme
from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError

from objstore.cli.problem import CommandError
from objstore.cli.resumable import CHUNK_BYTES, SUMS, Check, Part, in_parallel, parts_of, persistently, sum_text
from objstore.cli.s3_client import at_source, code_of
from objstore.cli.transfer_report import Report
from objstore.cli.trees import Entry

COMBINE = {"ChecksumCRC64NVME": combine_crc64nvme, "ChecksumCRC32C": combine_crc32c, "ChecksumCRC32": combine_crc32}
OURS = "ChecksumCRC64NVME"  # sent with every piece, and with the whole
KEPT = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires", "Metadata",
    "WebsiteRedirectLocation",
)  # fmt: skip
MAPPED_FROM = 256 * 1024  # larger pieces are given back to the system at once; the allocator of each thread keeps them
Content = bytearray | mmap.mmap
WRONG = "what came is not what was stored (checksum): run it again"
CHANGED = "it was changed while it was read: run it again"


class Room:
    """Bytes that may be in memory at a time; whoever comes first has room first. More than all of it goes alone."""

    def __init__(self, most: int) -> None:
        self._most, self._used = most, 0
        self._turn, self._left = threading.Lock(), threading.Condition()

    @contextlib.contextmanager
    def taken(self, count: int) -> Iterator[None]:
        """Waits for so many bytes, and holds them in the block."""
        with self._turn, self._left:
            self._left.wait_for(lambda: not self._used or self._used + count <= self._most)
            self._used += count
        try:
            yield
        finally:
            with self._left:
                self._used -= count
                self._left.notify_all()


@dataclass(frozen=True)
class Crossing:
    """Two clients of S3, and how. ``extra``: headers of what is put; ``pool``: of parts; ``room``: for pieces."""

    origin: Any
    client: Any
    extra: dict[str, str]
    part_bytes: int
    pool: Executor
    room: Room
    report: Report
    check: Check

    def copy(self, source: dict[str, str], entry: Entry, target: dict[str, str], *, in_parts: bool) -> bool:
        """``source`` and ``target``: Bucket and Key. Whether a checksum of the whole was compared.

        Raises ClientError, BotoCoreError, CommandError.
        """
        return self._in_parts(source, target) if in_parts else self._whole(source, entry, target)

    def _whole(self, source: dict[str, str], entry: Entry, target: dict[str, str]) -> bool:
        with self.room.taken(entry.size):
            with at_source():
                content, about = persistently(lambda: self._read({**source, "ChecksumMode": "ENABLED"}, entry.size))
                headers = _headers(about) | self._tags(source, about) | self.extra
            sums = _sums(content)
            verified = _is_verified(about, sums, content)
            self.client.put_object(**target, **headers, Body=content, **{OURS: sum_text(OURS, sums[OURS])})
        self.report.moved(entry.size)
        return verified

    def _in_parts(self, source: dict[str, str], target: dict[str, str]) -> bool:
        with at_source():
            about = self.origin.head_object(**source, ChecksumMode="ENABLED")
            headers = _headers(about) | self._tags(source, about) | self.extra
        parts = parts_of(about["ContentLength"], self.part_bytes)
        made = self.client.create_multipart_upload(
            **target, **headers, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT"
        )
        upload = {**target, "UploadId": made["UploadId"]}
        moved: list[int] = []
        try:
            sent = in_parallel(self.pool, lambda part: self._part(source, about, upload, part, moved), parts)
            sums = _combined(parts, [one for _, one in sent])
            verified = _is_verified(about, sums, None)
            self.client.complete_multipart_upload(
                **upload, MultipartUpload={"Parts": [one for one, _ in sent]}, ChecksumType="FULL_OBJECT",
                MpuObjectSize=about["ContentLength"], **{OURS: sum_text(OURS, sums[OURS])},
            )  # fmt: skip
        except BaseException:
            self.report.moved(-sum(moved))
            with contextlib.suppress(ClientError, BotoCoreError):
                self.client.abort_multipart_upload(**upload)
            raise
        return verified

    def _part(
        self, source: dict[str, str], about: dict[str, Any], upload: dict[str, str], part: Part, moved: list[int]
    ) -> tuple[dict[str, Any], dict[str, int]]:
        self.check()
        span = f"bytes={part.offset}-{part.offset + part.size - 1}"
        request = {**source, "Range": span, "IfMatch": about["ETag"]}
        with self.room.taken(part.size):
            with at_source():
                content, _ = persistently(lambda: self._read(request, part.size))
            sums = _sums(content)
            named = {"PartNumber": part.number, OURS: sum_text(OURS, sums[OURS])}
            answer = self.client.upload_part(**upload, **named, Body=content)
        moved.append(part.size)
        self.report.moved(part.size)
        return {**named, "ETag": answer["ETag"]}, sums

    def _read(self, request: dict[str, Any], size: int) -> tuple[Content, dict[str, Any]]:
        """The body of one GET, and what else it says. Raises IncompleteReadError; CommandError for another size."""
        try:
            answer = self.origin.get_object(**request)
        except ClientError as error:
            if code_of(error) in ("PreconditionFailed", "412"):
                raise CommandError(CHANGED) from None
            raise
        content, at = mmap.mmap(-1, size) if size >= MAPPED_FROM else bytearray(size), 0
        with contextlib.closing(answer["Body"]) as body:
            if answer["ContentLength"] != size:
                raise CommandError(CHANGED)
            for chunk in body.iter_chunks(CHUNK_BYTES):
                self.check()
                content[at : at + len(chunk)] = chunk
                at += len(chunk)
        if at != size:
            raise IncompleteReadError(actual_bytes=at, expected_bytes=size)
        return content, answer

    def _tags(self, source: dict[str, str], about: dict[str, Any]) -> dict[str, str]:
        """As a header; they are asked for only where there are some."""
        if not about.get("TagCount"):
            return {}
        tags = self.origin.get_object_tagging(**source)["TagSet"]
        return {"Tagging": urlencode([(tag["Key"], tag["Value"]) for tag in tags])}


def _headers(about: dict[str, Any]) -> dict[str, Any]:
    return {name: about[name] for name in KEPT if about.get(name)}


def _sums(content: Content) -> dict[str, int]:
    return {kind: add(content, 0) for kind, (add, _) in SUMS.items()}


def _combined(parts: list[Part], sums: list[dict[str, int]]) -> dict[str, int]:
    """Of the whole, by those of its parts."""
    whole = dict.fromkeys(SUMS, 0)
    for part, one in zip(parts, sums, strict=True):
        whole = {kind: COMBINE[kind](whole[kind], one[kind], part.size) for kind in SUMS}
    return whole


def _is_verified(about: dict[str, Any], sums: dict[str, int], content: Content | None) -> bool:
    """Whether there was something to compare: a checksum of the whole, or an ETag that is an MD5.

    Raises CommandError where it is another.
    """
    if about.get("ChecksumType") == "FULL_OBJECT":
        for kind, found in sums.items():
            if kind in about:
                if sum_text(kind, found) != about[kind]:
                    raise CommandError(WRONG)
                return True
    etag = str(about.get("ETag", "")).strip('"')
    if content is None or len(etag) != 32:
        return False
    if hashlib.md5(content, usedforsecurity=False).hexdigest() == etag:
        return True
    if "ServerSideEncryption" in about or "SSECustomerAlgorithm" in about:
        return False  # of what was encrypted it may be anything
    raise CommandError(WRONG)

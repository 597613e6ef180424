"""Which object the named parts of an upload make: AWS's rules, and nothing that waits."""

import hashlib
from itertools import pairwise

from objstore.format.part import pack_parts
from objstore.model import clock, days
from objstore.model.checksum import DEFAULT_ALGORITHM, Checksum
from objstore.model.errors import (
    BadDigest,
    EntityTooLarge,
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    InvalidRequest,
)
from objstore.model.limits import OBJECT_BYTES_MAX, PART_BYTES_MIN
from objstore.model.objects import ObjectVersion, Part, Upload, etag_bytes
from objstore.model.requests import CompletePart, CompleteRequest
from objstore.model.tiers import code_of_tier, tier_of
from objstore.store.digests import can_combine, combine_crcs, digest_of


def assemble(request: CompleteRequest, upload: Upload, parts: list[Part]) -> tuple[ObjectVersion, list[Part]]:
    """The version, and the parts that it leaves out.

    Raises InvalidPartOrder, InvalidPart, EntityTooSmall, EntityTooLarge, BadDigest, InvalidRequest.
    """
    numbers = [part.number for part in request.parts]
    if any(a >= b for a, b in pairwise(numbers)):
        raise InvalidPartOrder(UploadId=request.upload_id.hex())
    stored = {part.number: part for part in parts}
    algorithm = upload.checksum_algorithm or DEFAULT_ALGORITHM
    chosen = [_matching(named, stored, algorithm, request) for named in request.parts]
    for part in chosen[:-1]:
        if part.size < PART_BYTES_MIN:
            raise EntityTooSmall(
                ProposedSize=part.size, MinSizeAllowed=PART_BYTES_MIN, PartNumber=part.number, ETag=part.etag.hex()
            )
    size = sum(part.size for part in chosen)
    _check_size(request, size)
    etag = hashlib.md5(b"".join(part.etag for part in chosen), usedforsecurity=False).digest()
    checksum = _checksum(request, upload, chosen, algorithm)
    now = clock.now()
    version = ObjectVersion(
        upload.bucket_id,
        upload.key,
        upload.id,
        size,
        etag + len(chosen).to_bytes(4, "little"),
        now,
        upload.storage_class,
        b"".join(part.extents for part in chosen),
        pack_parts([(part.number, part.size, part.checksum) for part in chosen]),
        upload.attrs,
        upload.tags,
        checksum.pack() if checksum else None,
        accessed=days.day_of(now),
        tier=code_of_tier(tier_of(upload.storage_class)),
    )
    used = set(numbers)
    return version, [part for part in parts if part.number not in used]


def _matching(named: CompletePart, stored: dict[int, Part], algorithm: str, request: CompleteRequest) -> Part:
    part = stored.get(named.number)
    if part is None or etag_bytes(named.etag.strip('"')) != part.etag:
        raise InvalidPart(UploadId=request.upload_id.hex(), PartNumber=named.number, ETag=named.etag)
    claimed = named.checksums.get(algorithm)
    if claimed is not None and part.checksum is not None and claimed != Checksum(algorithm, part.checksum).text:
        raise InvalidPart(UploadId=request.upload_id.hex(), PartNumber=named.number, ETag=named.etag)
    return part


def _check_size(request: CompleteRequest, size: int) -> None:
    if size > OBJECT_BYTES_MAX:
        raise EntityTooLarge(ProposedSize=size, MaxSizeAllowed=OBJECT_BYTES_MAX)
    if request.size is not None and request.size != size:
        raise InvalidRequest(
            f"The provided 'x-amz-mp-object-size' header value {request.size} does not match what was computed: {size}"
        )


def _checksum(request: CompleteRequest, upload: Upload, chosen: list[Part], algorithm: str) -> Checksum | None:
    """The object's checksum, of the upload's type; held against the one that the client claims."""
    kind = upload.checksum_type or ("FULL_OBJECT" if algorithm == DEFAULT_ALGORITHM else "COMPOSITE")
    if request.checksum_type is not None and request.checksum_type != kind:
        raise InvalidRequest(
            f"The upload was created using the {kind} checksum mode. The complete request must use the "
            "same checksum mode."
        )
    digests = [(part.checksum, part.size) for part in chosen if part.checksum is not None]
    if len(digests) != len(chosen):
        return None
    if kind == "FULL_OBJECT":
        if not can_combine(algorithm):
            return None
        found = Checksum(algorithm, combine_crcs(algorithm, digests))
    else:
        found = Checksum(algorithm, digest_of(algorithm, b"".join(digest for digest, _ in digests)), len(digests))
    if request.checksum is not None and request.checksum[0] == algorithm:
        claimed = request.checksum[1]
        if claimed not in (found.text, found.text.partition("-")[0]):
            raise BadDigest(
                f"The {algorithm} you specified did not match the calculated checksum: {claimed} was sent, "
                f"{found.text} was computed."
            )
    return found

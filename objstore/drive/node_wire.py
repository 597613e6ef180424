"""What gateways and nodes say to each other: operations, how failures are told, and batches of small reads.

    POST /v1/<operation>[/<drive>[/<volume>]][?offset=…&size=…&…]      drive and volume: 32 hex digits

    ping                                  → {"drives": {<drive>: "ok" | "full" | "failing"}}
    reads     READ a read                 → ANSWER and the bytes, a read, in the same order
    create    superblock                    a new shard
    write     ?offset&sync                  the body to an offset; with sync=1 durable; sync alone without a body
    finish                                  no more writes will come
    read      ?offset&size                → the bytes
    readback  ?offset&size                → the bytes, from the device and not from a cache
    length                                → {"length": …}
    delete
    quarantine
    list      ?size, body: the last id    → ids of volumes, 16 bytes each
    space                                 → {"capacity": …, "free": …}

Every answer for a drive says in ``x-drive`` how it is. Errors have a status of ``STATUS_OF`` and a text.
"""

import struct
from collections.abc import Sequence

from objstore.model.errors import CorruptData, DriveAway, DriveError, DriveTimeout, ObjstoreError, ShardMissing

PREFIX = "/v1/"
BODY_BYTES_MAX = 8 * 1024 * 1024
READ_BYTES_MAX = 4 * 1024 * 1024
READS_MAX = 256
BATCHED_BYTES_MAX = 64 * 1024  # a read up to this joins a batch
OFFSET_MAX = 1 << 44
LIST_MAX = 10_000
STATE_HEADER = "x-drive"
OK, FULL, FAILING = "ok", "full", "failing"

# A read: drive, volume, offset, size. Its answer: a status, and how many bytes follow.
READ = struct.Struct("<16s16sQI")
ANSWER = struct.Struct("<HI")
MISSING, CONFLICT, CORRUPT, TIMEOUT, NO_SPACE, NO_DRIVE, BUSY = 404, 409, 422, 504, 507, 421, 503


def status_of(error: ObjstoreError) -> int:
    """How an error of a drive is told."""
    if isinstance(error, ShardMissing):
        return MISSING
    if isinstance(error, DriveTimeout):
        return TIMEOUT
    if isinstance(error, CorruptData):
        return CORRUPT
    return NO_SPACE if isinstance(error, DriveError) and error.full else CONFLICT


def error_of(status: int, text: str, drive_id: str) -> DriveError | CorruptData:
    """Inverse of ``status_of``."""
    if status == MISSING:
        return ShardMissing(text, drive_id)
    if status in (TIMEOUT, BUSY):
        return DriveTimeout(text, drive_id)
    if status == NO_DRIVE:
        return DriveAway(text, drive_id)
    if status == CORRUPT:
        return CorruptData(text)
    return DriveError(text, drive_id, full=status == NO_SPACE)


def unpack_reads(body: bytes) -> list[tuple[str, bytes, int, int]]:
    """Drive, volume, offset and size of each read. Raises ValueError for what no client of ours sends."""
    if not body or len(body) % READ.size or len(body) > READS_MAX * READ.size:
        raise ValueError("not a list of reads")
    reads = [(drive.hex(), volume, offset, size) for drive, volume, offset, size in READ.iter_unpack(body)]
    if any(size > BATCHED_BYTES_MAX or offset > OFFSET_MAX for _, _, offset, size in reads):
        raise ValueError("a read is too large")
    return reads


def unpack_answers(body: bytes, count: int) -> Sequence[tuple[int, memoryview]]:
    """Status and bytes of each read. Raises DriveError if that is not what came."""
    view, at, answers = memoryview(body), 0, []
    try:
        for _ in range(count):
            status, size = ANSWER.unpack_from(view, at)
            at += ANSWER.size
            answers.append((status, view[at : at + size]))
            at += size
    except struct.error:
        raise DriveError("a node's answer is too short") from None
    if at != len(view):
        raise DriveError("a node's answer has another length than it says")
    return answers

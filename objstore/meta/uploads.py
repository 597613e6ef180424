"""Multipart uploads and their parts.

| Complete: what happens      | What is left                           | Who clears it                                |
|-----------------------------|----------------------------------------|----------------------------------------------|
| crash before COMMIT         | the open upload with all its parts     | the client completes or aborts it            |
| COMMIT                      | the object; the upload, COMPLETED      | ``purge_completed``, a day later             |
| crash before the answer     | the same                               | a second Complete gets the same answer       |

The parts' extents become the object's in that one transaction: there is no moment without a reference to them.
"""

from collections.abc import Callable
from datetime import datetime

from objstore.meta import upload_statements as sql
from objstore.meta import versioning
from objstore.meta.commit import Write, apply
from objstore.meta.database import Database, LostRace, Record, Transaction
from objstore.meta.discard import discard_parts
from objstore.meta.ledger import NO_VOLUMES, Waste, claim, record_links
from objstore.meta.listing import past
from objstore.meta.rows import json_text, json_value
from objstore.model.errors import NoSuchBucket, NoSuchUpload, RequestError, VolumeFenced
from objstore.model.notification import Notify
from objstore.model.objects import Condition, ObjectVersion, Part, Upload
from objstore.model.states import UploadState
from objstore.model.storage_class import STORAGE_CLASS_CODES, STORAGE_CLASS_NAMES

Decide = Callable[[Upload, list[Part]], tuple[ObjectVersion, list[Part]]]


class Uploads:
    """The tables of uploads and parts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, upload: Upload) -> None:
        """Raises NoSuchBucket; InvalidArgument for attrs or tags that cannot be stored."""
        row = (
            upload.id,
            upload.bucket_id,
            upload.key,
            upload.created,
            STORAGE_CLASS_CODES[upload.storage_class],
            json_text(upload.attrs),
            json_text(upload.tags),
            upload.checksum_algorithm,
            upload.checksum_type,
        )
        if not await self._database.change(sql.CREATE, *row):
            raise NoSuchBucket()

    async def get(self, upload_id: bytes) -> Upload | None:
        """The upload in whatever state."""
        records = await self._database.fetch(sql.GET, upload_id)
        return _upload_of(records[0]) if records else None

    async def put_part(self, part: Part, appended: frozenset[bytes], shared: frozenset[bytes] = NO_VOLUMES) -> None:
        """Add or replace a part; raises NoSuchUpload, VolumeFenced: then what it had appended is garbage."""

        async def work(transaction: Transaction) -> NoSuchUpload | VolumeFenced | None:
            return await _put_part(transaction, part, appended, shared)

        error = await self._database.transact(work)
        if error is not None:
            raise error

    async def parts(self, upload_id: bytes, after: int, limit: int) -> list[Part]:
        """At most ``limit`` parts by number, greater than ``after``."""
        return [Part(*record) for record in await self._database.fetch(sql.PARTS, upload_id, after, limit)]

    async def complete(
        self, upload_id: bytes, decide: Decide, condition: Condition, tell: Notify | None = None
    ) -> ObjectVersion:
        """Make the upload the current version of its key; a second time: the same answer (without extents).

        ``decide`` gets the upload and all its parts by number and gives the version and the parts that are not in it.
        It is pure, may run more than once, and what it raises leaves the upload as it is. Raises NoSuchUpload,
        PreconditionFailed, NoSuchKey.
        """

        async def work(transaction: Transaction) -> ObjectVersion:
            return await _complete(transaction, upload_id, decide, condition, tell)

        return await versioning.transact(self._database.patient, work)

    async def abort(self, upload_id: bytes) -> None:
        """Throw the upload away; raises NoSuchUpload unless it is open."""

        async def work(transaction: Transaction) -> None:
            await transaction.identify()
            if not await transaction.execute(sql.ABORT, upload_id):
                raise NoSuchUpload()
            waste = Waste()
            await discard_parts(transaction, upload_id, waste)
            await waste.record(transaction)

        await self._database.patient.transact(work)

    async def page(
        self, bucket_id: int, prefix: bytes, key_marker: bytes, upload_marker: bytes | None, limit: int
    ) -> list[Upload]:
        """At most ``limit`` open uploads by key, then by time of initiation.

        Those after ``key_marker``, or with ``upload_marker``: after that upload of the key ``key_marker``.
        """
        low = max(prefix, key_marker if upload_marker else key_marker + b"\0" if key_marker else b"")
        arguments = [bucket_id, low, past(prefix), limit]
        if upload_marker and low == key_marker:
            records = await self._database.fetch(sql.PAGE_AFTER_UPLOAD, *arguments, upload_marker)
        else:
            records = await self._database.fetch(sql.PAGE, *arguments)
        return [_upload_of(record) for record in records]

    async def purge_completed(self, older_than: datetime, limit: int) -> int:
        """Forget at most ``limit`` uploads that were completed or aborted before; how many."""
        return await self._database.patient.change(sql.PURGE, older_than, limit)


async def _put_part(
    transaction: Transaction, part: Part, appended: frozenset[bytes], shared: frozenset[bytes]
) -> NoSuchUpload | VolumeFenced | None:
    claimed, waste = await claim(transaction, (), sorted(appended | shared)), Waste()
    upload = await transaction.first(sql.HOLD, part.upload_id)
    error: NoSuchUpload | VolumeFenced | None
    if upload is None or upload["state"] != UploadState.OPEN:
        error = NoSuchUpload()
    else:
        error = claimed.fenced(appended, shared)
    if upload is None or error is not None:
        waste.add_appended(part.extents, appended, claimed.volumes)
        await waste.record(transaction)
        return error
    replaced = await transaction.first(sql.LOCK_PART, part.upload_id, part.number)
    row = (part.upload_id, part.number, part.size, part.etag, part.modified, part.extents, part.checksum)
    if not await transaction.execute(sql.UPDATE_PART if replaced else sql.INSERT_PART, *row):
        raise LostRace("another transaction inserted the same part")
    if replaced:
        waste.add(replaced["extents"])
    await waste.record(transaction)
    await record_links(transaction, {(volume_id, upload["bucket_id"], upload["key"]) for volume_id in shared})
    return None


async def _complete(
    transaction: Transaction, upload_id: bytes, decide: Decide, condition: Condition, tell: Notify | None
) -> ObjectVersion:
    known = await transaction.first(sql.GET, upload_id)
    if known is None:
        raise NoSuchUpload()
    # The bucket before the upload, as its deletion locks them.
    claimed = await claim(transaction, [known["bucket_id"]], ())
    locked = await transaction.first(sql.LOCK, upload_id)
    if locked is None or locked["state"] == UploadState.ABORTED or not claimed.buckets:
        raise NoSuchUpload()
    if locked["state"] == UploadState.COMPLETED:
        return _answer(locked)
    parts = [Part(*record) for record in await transaction.fetch(sql.LOCK_PARTS, upload_id)]
    version, unused = decide(_upload_of(locked), parts)
    waste = Waste()
    for part in unused:
        waste.add(part.extents)
    write = Write(version.bucket_id, version.key, version, condition, tell=tell)
    (outcome,) = await apply(transaction, claimed, [write], waste)
    if isinstance(outcome, RequestError | VolumeFenced):
        raise outcome
    await transaction.execute(sql.FORGET_PARTS, upload_id)
    answer = (version.etag, version.size, version.modified, version.checksum, version.seq, version.versioned)
    await transaction.execute(sql.COMPLETE, upload_id, *answer)
    return version


def _upload_of(record: Record) -> Upload:
    id_, bucket_id, key, created, storage_class, attrs, tags, algorithm, type_, state, etag, *_ = record
    name = STORAGE_CLASS_NAMES[storage_class]
    return Upload(
        id_, bucket_id, key, created, name, json_value(attrs), json_value(tags), algorithm, type_, state, etag
    )


def _answer(record: Record) -> ObjectVersion:
    """What the first Complete answered, from the upload's row."""
    upload, (size, modified, checksum, seq, versioned) = _upload_of(record), record[-len(sql.ANSWER_COLUMNS) :]
    assert upload.etag is not None, "a completed upload without its ETag"
    version = ObjectVersion(
        upload.bucket_id,
        upload.key,
        upload.id,
        size,
        upload.etag,
        modified,
        upload.storage_class,
        b"",
        attrs=upload.attrs,
        tags=upload.tags,
        checksum=checksum,
        seq=seq,
        versioned=bool(versioned),
    )
    version.shown_id = version.version_text if versioned else None
    return version

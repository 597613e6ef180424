"""Throwing uploads away: their parts' extents become garbage."""

from sqlalchemy import BigInteger, any_, delete, select
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.database import Transaction
from objstore.meta.ledger import Waste
from objstore.meta.statement import Statement, array, constant, param
from objstore.meta.tables import part, upload

_UPLOADS_AT_ONCE = 100  # an upload has up to 10,000 parts: their extents are read one upload at a time

_DELETE_PARTS = Statement(
    delete(part).where(part.c.upload_id == param("upload_id", BYTEA)).returning(part.c.extents), "upload_id"
)
_OF_BUCKET = Statement(
    select(upload.c.id)
    .where(upload.c.bucket_id == param("bucket_id", BigInteger))
    .order_by(upload.c.key, upload.c.created, upload.c.id)
    .limit(constant(_UPLOADS_AT_ONCE))
    .with_for_update(),
    "bucket_id",
)
_DELETE_UPLOADS = Statement(delete(upload).where(upload.c.id == any_(array("ids", BYTEA))), "ids")


async def discard_parts(transaction: Transaction, upload_id: bytes, waste: Waste) -> None:
    """Delete the parts of an upload, whose row is locked, and add their extents to ``waste``."""
    for (extents,) in await transaction.fetch(_DELETE_PARTS, upload_id):
        waste.add(extents)


async def discard_uploads(transaction: Transaction, bucket_id: int, waste: Waste) -> None:
    """Delete every upload of a bucket, whose row is locked, with its parts."""
    while records := await transaction.fetch(_OF_BUCKET, bucket_id):
        ids = [record["id"] for record in records]
        for upload_id in ids:
            await discard_parts(transaction, upload_id, waste)
        await transaction.execute(_DELETE_UPLOADS, ids)

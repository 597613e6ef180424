"""Keys: the data key of every encrypted object, and its envelope.

Each object (and each upload, with all its parts) has a data key of its own. What is kept of it is an envelope: the data
key sealed with a key that lies elsewhere. SSE-S3: the server's master key. SSE-KMS: a named key. SSE-C: the client's
own, of which nothing is kept; that the data key opens is the proof that it is the same.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import Any

import orjson

from objstore.crypto import envelope
from objstore.identity.sealing import SealBroken, Sealer
from objstore.model.encryption import (
    BUCKET_KEY,
    CONTEXT,
    DATA_KEY,
    KEY_ID,
    KIND,
    SOURCE,
    SSE_C,
    SSE_S3,
    CustomerKey,
    Encryption,
)
from objstore.model.errors import CorruptData, InvalidArgument, InvalidRequest
from objstore.store.kms import Kms

_CUSTOMER_CONTEXT = b"objstore sse-c"
_MASTER_CONTEXT = b"objstore sse-s3"
_NEEDS_KEY = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve "
    "the object."
)
_WRONG_KEY = "The provided encryption parameters did not match the ones used originally."
_NOT_APPLICABLE = "The encryption parameters are not applicable to this object."


@dataclass(frozen=True, slots=True)
class Sealing:
    """A data key, and what the object keeps of it."""

    key: bytes = field(repr=False)
    envelope: dict[str, Any]

    def etag(self, md5: bytes) -> bytes:
        """The ETag of bytes with this MD5: with SSE-S3 that; else nothing that tells of the bytes, as on AWS."""
        if self.envelope[KIND] == SSE_S3:
            return md5
        return hashlib.md5(self.key + md5, usedforsecurity=False).digest()


class Keys:
    """``kms``: None where there are no named keys. ``default_key``: the named key of who asks for none."""

    def __init__(self, sealer: Sealer | None = None, kms: Kms | None = None, default_key: str = "") -> None:
        self._sealer, self.kms, self._default_key = sealer, kms, default_key

    async def new(self, wanted: Encryption) -> Sealing:
        """A new data key. Raises InvalidArgument, KmsError."""
        key = envelope.new_key()
        return Sealing(key, await self._wrap(key, wanted))

    async def again(self, sealing: Sealing, wanted: Encryption) -> Sealing:
        """The same data key in the envelope of a copy whose bytes are shared."""
        return Sealing(sealing.key, await self._wrap(sealing.key, wanted))

    async def open(self, kept: dict[str, Any], customer: CustomerKey | None) -> Sealing:
        """The data key of an object. Raises InvalidRequest (not the key, or none), KmsError, CorruptData."""
        check_customer(kept, customer)
        sealed = base64.b64decode(kept[DATA_KEY])
        if customer is not None:
            try:
                return Sealing(envelope.unwrap(customer.key, sealed, _CUSTOMER_CONTEXT), kept)
            except CorruptData:
                raise InvalidRequest(_WRONG_KEY) from None
        if kept[KIND] == SSE_S3:
            try:
                return Sealing(self._master().open(sealed, _MASTER_CONTEXT), kept)
            except SealBroken:
                raise CorruptData("no master key opens a data key") from None
        # A key that has been switched off opens nothing, so it is asked every time.
        if self.kms is None:
            raise CorruptData("a data key that a named key has sealed, and no key management")
        return Sealing(await self.kms.open(kept[KEY_ID], sealed, _context(kept.get(CONTEXT, ""))), kept)

    async def is_of(self, kept: dict[str, Any], asked: Encryption) -> bool:
        """Whether an envelope is of the kind, and sealed with the named key, that a request names. Raises KmsError."""
        if kept[KIND] != asked.kind:
            return False
        return not asked.key_id or (self.kms is not None and await self.kms.resolve(asked.key_id) == kept[KEY_ID])

    async def _wrap(self, key: bytes, wanted: Encryption) -> dict[str, Any]:
        kept: dict[str, Any] = {KIND: wanted.kind}
        if wanted.kind == SSE_C:
            assert wanted.customer is not None, "SSE-C without a key"
            sealed = envelope.wrap(wanted.customer.key, key, _CUSTOMER_CONTEXT)
        elif wanted.kind == SSE_S3:
            sealed = self._master().seal(key, _MASTER_CONTEXT)
        else:
            name = wanted.key_id or self._default_key
            if not name:
                raise InvalidArgument(
                    "Server Side Encryption with KMS managed key requires a key id: there is no default key",
                    ArgumentName="x-amz-server-side-encryption-aws-kms-key-id",
                )
            if self.kms is None:
                raise InvalidArgument("Server Side Encryption with KMS is not configured")
            kept[KEY_ID] = await self.kms.resolve(name)
            if name != kept[KEY_ID]:
                kept[SOURCE] = name
            if wanted.context:
                kept[CONTEXT] = wanted.context
            if wanted.bucket_key:
                kept[BUCKET_KEY] = True
            sealed = await self.kms.seal(kept[KEY_ID], key, _context(wanted.context))
        kept[DATA_KEY] = base64.b64encode(sealed).decode()
        return kept

    def _master(self) -> Sealer:
        if self._sealer is None:
            raise InvalidArgument("Server Side Encryption is not configured: the server has no master key")
        return self._sealer


def check_customer(kept: dict[str, Any] | None, customer: CustomerKey | None) -> None:
    """Raise InvalidRequest unless a key was given exactly for what was stored with one."""
    if customer is None:
        if kept is not None and kept[KIND] == SSE_C:
            raise InvalidRequest(_NEEDS_KEY)
    elif kept is None or kept[KIND] != SSE_C:
        raise InvalidRequest(_NOT_APPLICABLE)


def check_context(text: str) -> None:
    """Raise InvalidArgument unless an encryption context is base64 of a JSON object of strings."""
    try:
        found = orjson.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise InvalidArgument(
            "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON "
            "which represents a string-string map",
            ArgumentName="x-amz-server-side-encryption-context",
        )


def _context(text: str) -> bytes:
    """What a sealed data key is bound to: the context with its names in order."""
    if not text:
        return b""
    return orjson.dumps(orjson.loads(base64.b64decode(text)), option=orjson.OPT_SORT_KEYS)

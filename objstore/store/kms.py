"""Kms: who keeps the keys that data keys are sealed with.

The built-in one has named keys in Postgres, each sealed with the server's master key; another one (Vault Transit, see
vault.py) has them elsewhere, and data keys go there to be sealed and opened.
"""

from collections import OrderedDict
from typing import Protocol

from objstore.crypto import envelope
from objstore.identity.sealing import SealBroken, Sealer
from objstore.meta.kms_keys import KmsKey, KmsKeys
from objstore.model import clock
from objstore.model.errors import CorruptData, InvalidArgument
from objstore.model.key_errors import disabled_key, no_such_key

KEY_SECONDS = 1.0  # for so long a key that was switched off or rotated elsewhere may still be used as it was
KEYS_KEPT_MAX = 1000
ID_CHARS_MAX = 128
_ARN = "arn:aws:kms:"


class Kms(Protocol):
    """Seals and opens data keys with named keys."""

    async def resolve(self, name: str) -> str:
        """The id of the key that an id, an alias or an ARN names. Raises KmsError."""
        ...

    async def seal(self, key_id: str, data_key: bytes, context: bytes) -> bytes:
        """A data key, sealed with the newest version of a key. Raises KmsError."""
        ...

    async def open(self, key_id: str, sealed: bytes, context: bytes) -> bytes:
        """Inverse of ``seal``. Raises KmsError, CorruptData."""
        ...


def local_name(name: str) -> str:
    """An id or ``alias/…`` without the rest of its ARN; raises KmsError for what can be neither."""
    short = name.rpartition(":")[2] if name.startswith(_ARN) else name
    short = short.removeprefix("key/")
    if not 1 <= len(short) <= ID_CHARS_MAX or not short.isascii() or not short.isprintable():
        raise no_such_key(name)
    return short


def arn_of(key_id: str, region: str, account: str) -> str:
    """The ARN of a key."""
    return f"{_ARN}{region}:{account}:key/{key_id}"


class LocalKms:
    """The built-in key management."""

    def __init__(self, keys: KmsKeys, sealer: Sealer) -> None:
        self.keys, self._sealer = keys, sealer
        self._known: OrderedDict[str, tuple[KmsKey, float]] = OrderedDict()

    async def resolve(self, name: str) -> str:
        """See ``Kms``."""
        short = local_name(name)
        if short.startswith("alias/"):
            found = await self.keys.of_alias(short)
            if found is None:
                raise no_such_key(name)
            short = found
        await self._usable(short)
        return short

    async def seal(self, key_id: str, data_key: bytes, context: bytes) -> bytes:
        """See ``Kms``: number of the key's version (u32, little-endian), then the sealed data key."""
        key = await self._usable(key_id)
        number = key.newest
        return number.to_bytes(4, "little") + envelope.wrap(self._material(key, number), data_key, context)

    async def open(self, key_id: str, sealed: bytes, context: bytes) -> bytes:
        """See ``Kms``."""
        key, number = await self._usable(key_id), int.from_bytes(sealed[:4], "little")
        if number not in key.sealed:
            raise CorruptData("a data key is sealed with a version of its key that is not there")
        return envelope.unwrap(self._material(key, number), sealed[4:], context)

    async def create(self, key_id: str) -> bool:
        """Make a key; False if it is there already. Raises InvalidArgument."""
        if key_id.startswith("alias/") or local_name(key_id) != key_id or "/" in key_id:
            raise InvalidArgument("A key's id is of printable ASCII characters, without a slash")
        return await self.keys.create(key_id, self._new_material(key_id))

    async def rotate(self, key_id: str) -> int:
        """Give a key a new version; its number. Raises KmsError."""
        while True:
            known = await self.keys.get(key_id)
            if known is None:
                raise no_such_key(key_id)
            if await self.keys.rotate(known, self._new_material(key_id)):
                self._known.pop(key_id, None)
                return known.newest + 1

    def forget(self, key_id: str) -> None:
        """Look a key up anew next time."""
        self._known.pop(key_id, None)

    async def _usable(self, key_id: str) -> KmsKey:
        known = self._known.get(key_id)
        if known is None or known[1] < clock.monotonic_seconds():
            found = await self.keys.get(key_id)
            if found is None:
                raise no_such_key(key_id)
            known = self._known[key_id] = (found, clock.monotonic_seconds() + KEY_SECONDS)
            if len(self._known) > KEYS_KEPT_MAX:
                self._known.popitem(last=False)
        if not known[0].enabled:
            raise disabled_key(key_id)
        return known[0]

    def _material(self, key: KmsKey, number: int) -> bytes:
        try:
            return self._sealer.open(key.sealed[number], _context(key.id))
        except SealBroken:
            raise CorruptData(f"no master key opens the key {key.id}") from None

    def _new_material(self, key_id: str) -> bytes:
        return self._sealer.seal(envelope.new_key(), _context(key_id))


def _context(key_id: str) -> bytes:
    return b"objstore kms key\0" + key_id.encode()

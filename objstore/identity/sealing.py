"""Sealing: secrets as the database holds them, AES-256-GCM under a master key that the database does not know.

    byte 0      version of this form, 1
    bytes 1–4   which master key: the beginning of its SHA-256
    bytes 5–16  nonce
    the rest    ciphertext and tag

The context (whose secret it is) is authenticated with it: a sealed secret copied to another row does not open.
"""

import hashlib
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from objstore.model import clock

KEY_BYTES = 32
_VERSION = b"\x01"
_NAME_BYTES, _NONCE_BYTES = 4, 12
_HEAD_BYTES = len(_VERSION) + _NAME_BYTES


class SealBroken(Exception):
    """It was not sealed by a master key that we have, or not for this, or was changed."""


def key_name(key: bytes) -> bytes:
    """What names a master key in what it has sealed; tells nothing of it."""
    return hashlib.sha256(b"objstore master key" + key).digest()[:_NAME_BYTES]


class Sealer:
    """Seals with the first of its keys, opens with any."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"a master key has {KEY_BYTES} bytes")
        self._ciphers = {key_name(key): AESGCM(key) for key in reversed(keys)}
        self._newest = key_name(keys[0])

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """``plain`` for ``context``."""
        nonce = clock.random_bytes(_NONCE_BYTES)
        head = _VERSION + self._newest
        return head + nonce + self._ciphers[self._newest].encrypt(nonce, plain, head + context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Inverse of ``seal``; raises SealBroken."""
        head, nonce = sealed[:_HEAD_BYTES], sealed[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
        cipher = self._ciphers.get(head[1:])
        if head[:1] != _VERSION or cipher is None or len(nonce) != _NONCE_BYTES:
            raise SealBroken
        try:
            return cipher.decrypt(nonce, sealed[_HEAD_BYTES + _NONCE_BYTES :], head + context)
        except InvalidTag:
            raise SealBroken from None

    def is_newest(self, sealed: bytes) -> bool:
        """Whether it was sealed with the first key."""
        return sealed[1:_HEAD_BYTES] == self._newest

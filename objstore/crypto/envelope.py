"""Envelopes: the data key of an object, sealed with a key that somebody else keeps."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from objstore.model import clock
from objstore.model.errors import CorruptData

KEY_BYTES = 32
_NONCE_BYTES = 12


def new_key() -> bytes:
    """A random data key."""
    return clock.random_bytes(KEY_BYTES)


def wrap(key: bytes, data_key: bytes, context: bytes) -> bytes:
    """``data_key`` sealed with ``key``; ``context`` has to be the same when it is opened."""
    nonce = clock.random_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data_key, context)


def unwrap(key: bytes, wrapped: bytes, context: bytes) -> bytes:
    """Inverse of ``wrap``; raises CorruptData: the wrong key, another context, a changed byte."""
    try:
        return AESGCM(key).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], context)
    except (InvalidTag, ValueError):
        raise CorruptData("a data key does not open") from None

"""Sealed chunks: how an encrypted payload lies on the drives, version 1.

A payload is one *segment*, a multipart object one segment a part. A segment is cut into chunks of 64 KiB of plaintext,
the last one shorter; an empty segment has none. Each chunk becomes

    offset size field
    0      12   nonce, random
    12     n    AES-256-GCM ciphertext
    12+n   16   tag

and its associated data says which it is: "OEC1", number of the segment (u32), of the chunk within it (u64), and whether
it is the last one (u8), little-endian. So a range needs only the chunks that it touches, and a chunk that was changed,
moved, repeated or left out does not open.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from objstore.model import clock
from objstore.model.errors import CorruptData

CHUNK_BYTES = 64 * 1024
NONCE_BYTES = 12
OVERHEAD_BYTES = NONCE_BYTES + 16
SEALED_BYTES = CHUNK_BYTES + OVERHEAD_BYTES
_PLACE = struct.Struct("<4sIQB")
_MAGIC = b"OEC1"


def sealed_size(size: int) -> int:
    """Bytes on the drives of a segment of ``size`` bytes of plaintext."""
    return size + OVERHEAD_BYTES * -(-size // CHUNK_BYTES)


def plain_max(stored_max: int) -> int:
    """The greatest segment that takes no more than ``stored_max`` bytes on the drives."""
    return max(0, stored_max - OVERHEAD_BYTES * -(-stored_max // SEALED_BYTES))


class Sealer:
    """Seals one segment, piece by piece: ``feed`` gives what is ready, ``finish`` the rest."""

    def __init__(self, key: bytes, segment: int) -> None:
        self._cipher, self._segment = AESGCM(key), segment
        self._index = 0
        self._held = bytearray()

    def feed(self, piece: Any) -> bytes:
        """Chunks of which it is certain that others follow."""
        self._held += piece
        if len(self._held) <= CHUNK_BYTES:
            return b""
        sealed, at, view = [], 0, memoryview(self._held)
        while len(view) - at > CHUNK_BYTES:
            sealed.append(self._seal(view[at : at + CHUNK_BYTES], False))
            at += CHUNK_BYTES
        view.release()
        del self._held[:at]
        return b"".join(sealed)

    def finish(self) -> bytes:
        """The last chunk; nothing for an empty segment."""
        return self._seal(self._held, True) if self._held else b""

    def _seal(self, plain: Any, last: bool) -> bytes:
        nonce = clock.random_bytes(NONCE_BYTES)
        place = _PLACE.pack(_MAGIC, self._segment, self._index, last)
        self._index += 1
        return nonce + self._cipher.encrypt(nonce, plain, place)


def seal_whole(key: bytes, segment: int, payload: Any) -> bytes:
    """One segment at once."""
    sealer = Sealer(key, segment)
    return sealer.feed(payload) + sealer.finish()


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring chunks of a segment that a range touches.

    ``start``, ``end``: where they lie in the stored bytes. ``skip``, ``size``: what of their plaintext is asked for.
    ``first``: number of the first chunk; ``total``: bytes of plaintext of the whole segment.
    """

    segment: int
    total: int
    first: int
    start: int
    end: int
    skip: int
    size: int


def runs_of(segments: Iterable[tuple[int, int]], start: int, end: int) -> Iterator[Run]:
    """What has to be read for bytes [start, end) of plaintext; ``segments``: (number, bytes) in order."""
    plain_at = stored_at = 0
    for number, size in segments:
        low, high = max(start, plain_at) - plain_at, min(end, plain_at + size) - plain_at
        if low < high:
            first, last = low // CHUNK_BYTES, (high - 1) // CHUNK_BYTES
            stop = min((last + 1) * SEALED_BYTES, sealed_size(size))
            begin = first * SEALED_BYTES
            skip = low - first * CHUNK_BYTES
            yield Run(number, size, first, stored_at + begin, stored_at + stop, skip, high - low)
        plain_at += size
        stored_at += sealed_size(size)


class Opener:
    """Opens the chunks of a run in order; raises CorruptData for what is not as it was sealed."""

    def __init__(self, key: bytes, run: Run) -> None:
        self._cipher, self._run = AESGCM(key), run
        self._index = run.first
        self._last = max(0, (run.total - 1) // CHUNK_BYTES)
        self._held = bytearray()
        self._skip, self._left = run.skip, run.size

    def feed(self, piece: Any) -> bytes:
        """Plaintext of the chunks that are complete, cut to what was asked for."""
        self._held += piece
        opened, at, view = [], 0, memoryview(self._held)
        while self._index <= self._last and len(view) - at >= (size := self._sealed_bytes()):
            opened.append(self._open(bytes(view[at : at + size])))
            at += size
        view.release()
        del self._held[:at]
        plain = b"".join(opened)
        if self._skip:
            cut = min(self._skip, len(plain))
            plain, self._skip = plain[cut:], self._skip - cut
        plain = plain[: self._left]
        self._left -= len(plain)
        return plain

    def finish(self) -> None:
        """Raise CorruptData unless everything that was asked for has come."""
        if self._left:
            raise CorruptData("an encrypted payload is shorter than it was")

    def _sealed_bytes(self) -> int:
        if self._index < self._last:
            return SEALED_BYTES
        return self._run.total - self._last * CHUNK_BYTES + OVERHEAD_BYTES

    def _open(self, sealed: bytes) -> bytes:
        place = _PLACE.pack(_MAGIC, self._run.segment, self._index, self._index == self._last)
        self._index += 1
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
        except InvalidTag:
            raise CorruptData("a chunk of an encrypted payload was changed, or is not of this object") from None

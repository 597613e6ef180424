"""Digests of a payload while it streams: MD5 always, and what the request asks for. Computed in C, GIL released."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import Any

import xxhash
from awscrt import checksums as crt
from cryptography.hazmat.primitives import hashes

from objstore.model.checksum import DIGEST_BYTES

_CRC: dict[str, Callable[[Any, int], int]] = {"CRC32": crt.crc32, "CRC32C": crt.crc32c, "CRC64NVME": crt.crc64nvme}
_COMBINE: dict[str, Callable[[int, int, int], int]] = {
    "CRC32": crt.combine_crc32,
    "CRC32C": crt.combine_crc32c,
    "CRC64NVME": crt.combine_crc64nvme,
}
_HASH: dict[str, Callable[[], Any]] = {
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "XXHASH64": xxhash.xxh64,
    "XXHASH3": xxhash.xxh3_64,
    "XXHASH128": xxhash.xxh3_128,
}
# What runs beside MD5 in a second thread, because together they would take longer than the network.
_SLOW = frozenset({"SHA1", "SHA256", "SHA512"})


def digest_of(algorithm: str, data: Any) -> bytes:
    """One digest of one buffer, big-endian."""
    crc = _CRC.get(algorithm)
    if crc is not None:
        return crc(data, 0).to_bytes(DIGEST_BYTES[algorithm], "big")
    digest = _HASH[algorithm]()
    digest.update(data)
    return bytes(digest.digest())


def digests_of(data: Any, algorithms: Iterable[str]) -> dict[str, bytes]:
    """MD5 and the others of a small payload, at once."""
    found = {algorithm: digest_of(algorithm, data) for algorithm in algorithms}
    found["MD5"] = hashlib.md5(data, usedforsecurity=False).digest()
    return found


def combine_crcs(algorithm: str, parts: Iterable[tuple[bytes, int]]) -> bytes:
    """CRC of the whole from (CRC, bytes) of its parts in order."""
    combine, total = _COMBINE[algorithm], 0
    for digest, size in parts:
        total = combine(total, int.from_bytes(digest, "big"), size)
    return total.to_bytes(DIGEST_BYTES[algorithm], "big")


def can_combine(algorithm: str) -> bool:
    """True for the CRCs, whose values of parts give that of the whole."""
    return algorithm in _COMBINE


class _Lane:
    """Digests that are computed one after the other in a thread, piece by piece, in order, without a pause between."""

    def __init__(self, update: Callable[[Any], None], executor: Executor) -> None:
        self._update, self._executor = update, executor
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[Any, asyncio.Future[None]]] = deque()
        self._running = False

    def add(self, data: Any) -> "asyncio.Future[None]":
        done: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((data, done))
        if not self._running:
            self._running = True
            self._executor.submit(self._drain)
        return done

    def _drain(self) -> None:
        """In a thread, until nothing waits. What is added while it ends is taken up by ``_ended`` in the loop."""
        while self._waiting:
            data, done = self._waiting.popleft()
            error = None
            try:
                self._update(data)
            except Exception as failure:
                error = failure
            self._loop.call_soon_threadsafe(_settle, done, error)
        self._loop.call_soon_threadsafe(self._ended)

    def _ended(self) -> None:
        self._running = bool(self._waiting)
        if self._running:
            self._executor.submit(self._drain)


def _settle(done: "asyncio.Future[None]", error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


class StreamDigests:
    """Running digests of pieces in the order of ``add``."""

    def __init__(self, algorithms: Iterable[str], executor: Executor) -> None:
        names = frozenset(algorithms) - {"MD5"}
        self._hashes = {name: _HASH[name]() for name in names if name in _HASH}
        # Of a large payload by cryptography's OpenSSL: it is newer than Python's, and 5 % faster at what is most of
        # the work of a large PUT.
        self._md5 = hashes.Hash(hashes.MD5())
        self._crcs = dict.fromkeys((name for name in names if name in _CRC), 0)
        self._quick = [self._hashes[name].update for name in self._hashes if name not in _SLOW]
        self._lanes = [_Lane(self._fast, executor)]
        self._lanes += [_Lane(self._hashes[name].update, executor) for name in self._hashes if name in _SLOW]

    def add(self, data: Any) -> "Sequence[asyncio.Future[None]]":
        """Add bytes; ``data`` must not change until the futures are done."""
        return [lane.add(data) for lane in self._lanes]

    async def update(self, data: Any) -> None:
        """Add bytes and wait until they are taken in."""
        for done in self.add(data):
            await done

    def _fast(self, data: Any) -> None:
        self._md5.update(data)
        for update in self._quick:
            update(data)
        for name, value in self._crcs.items():
            self._crcs[name] = _CRC[name](data, value)

    def digests(self) -> dict[str, bytes]:
        """What has been computed, big-endian."""
        found = {name: bytes(value.digest()) for name, value in self._hashes.items()}
        found["MD5"] = self._md5.copy().finalize()
        return found | {name: value.to_bytes(DIGEST_BYTES[name], "big") for name, value in self._crcs.items()}

"""The files of the console as they are served: types, tags, compressed forms.

The page names its files below ``a/<digest>/``, so that a browser may keep them for good: other files have another
digest. A digest that is not ours (another gateway's, during an upgrade) gets our files, to be asked for again.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

PREFIX = b"/-/console/"
PAGE = "index.html"
_BASE = b"{{base}}"
_TYPES = {
    "html": b"text/html; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "json": b"application/json",
    "svg": b"image/svg+xml",
    "LICENSE": b"text/plain; charset=utf-8",
}
_KEPT = b"public, max-age=31536000, immutable"
_ASKED_AGAIN = b"no-cache"
_ASSETS = "a/"
Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Asset:
    """One file. ``packed``: gzip of ``body``, or None where that is not shorter."""

    content_type: bytes
    body: bytes
    packed: bytes | None
    etag: bytes


class Assets:
    """All files. ``files``: path below the console's own → content; those of no known type are left out."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        digest = sha256()
        for name in sorted(files):
            digest.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
        self.digest = digest.hexdigest()[:16]
        base = PREFIX + f"{_ASSETS}{self.digest}/".encode()
        self._assets = {
            name: _asset(_TYPES[kind], content.replace(_BASE, base) if name == PAGE else content)
            for name, content in files.items()
            if (kind := name.rpartition(".")[2]) in _TYPES
        }

    def find(self, path: str) -> tuple[Asset, bytes] | None:
        """What lies at a path behind ``PREFIX``, and its cache-control; ``""`` is the page itself."""
        if not path:
            return self._assets[PAGE], _ASKED_AGAIN
        if not path.startswith(_ASSETS):
            return None
        digest, _, name = path.removeprefix(_ASSETS).partition("/")
        asset = None if name == PAGE else self._assets.get(name)
        if asset is None:
            return None
        return asset, _KEPT if digest == self.digest else _ASKED_AGAIN


def _asset(content_type: bytes, body: bytes) -> Asset:
    packed = gzip.compress(body, 6, mtime=0)
    return Asset(
        content_type, body, packed if len(packed) < len(body) else None, f'"{sha256(body).hexdigest()[:32]}"'.encode()
    )


def asset_answer(asset: Asset, cache_control: bytes, headers: Mapping[bytes, bytes]) -> tuple[int, list[Header], bytes]:
    """Status, headers and body: compressed if the client takes gzip, 304 if it has what we have."""
    answer = [
        (b"content-type", asset.content_type),
        (b"cache-control", cache_control),
        (b"etag", asset.etag),
        (b"vary", b"Accept-Encoding"),
    ]
    known = {tag.strip().removeprefix(b"W/") for tag in headers.get(b"if-none-match", b"").split(b",")}
    if asset.etag in known:
        return 304, answer, b""
    if asset.packed is not None and b"gzip" in headers.get(b"accept-encoding", b""):
        return 200, [*answer, (b"content-encoding", b"gzip")], asset.packed
    return 200, answer, asset.body

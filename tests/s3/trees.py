"""Trees of files with names and sizes that break things, and their digests."""

import hashlib
import random
from pathlib import Path

ODD_NAMES = (
    "plain.txt",
    "with space.txt",
    " led and trailed by spaces ",
    "plus+plus+.txt",
    "percent%20name%2Fslash%.txt",
    "ünïcødé/日本語/ファイル.txt",
    "decomposed-é.txt",
    "emoji-🎉.bin",
    "quotes'\"`.txt",
    "amp&lt;<gt>.xml",
    "hash#question?.txt",
    "brackets[1]{2}(3).txt",
    "dollar$tilde~caret^pipe|.txt",
    "comma,semi;colon:equals=at@.txt",
    "exclamation!.txt",
    "back\\slash.txt",
    ".hidden/.dotted",
    "a..b/c...d",
    "deep/er/than/one/would/expect/file",
    "UPPER",
    "upper",
    "x" * 200 + "/" + "y" * 200,
)
MIB = 1024 * 1024
# Borders of packing (128 KiB), of units and rows (256 KiB, 1 MiB), of clients' multipart (5, 8 MiB).
SIZES = (0, 1, 4095, 128 * 1024, 128 * 1024 + 1, 256 * 1024, MIB - 1, MIB + 1, 5 * MIB + 1, 8 * MIB, 20 * MIB)


def content(size: int, seed: int) -> bytes:
    """Bytes that nothing compresses or repeats."""
    return random.Random(seed).randbytes(size)


def write_tree(root: Path, names: tuple[str, ...] = ODD_NAMES, sizes: tuple[int, ...] = SIZES) -> dict[str, str]:
    """Files of all names and sizes below ``root``; gives their digests by relative name."""
    for number, name in enumerate(names):
        _write(root / name, content(37 * number, number))
    for number, size in enumerate(sizes):
        _write(root / "sizes" / f"{size}.bin", content(size, 1000 + number))
    return digests(root)


def digests(root: Path) -> dict[str, str]:
    """SHA-256 of every file by relative name."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)

"""Damage: what happens to shard files on drives, and how to undo it for the next test."""

import random
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

SUPERBLOCK_BYTES = 4096
AWAY = ".away"
Kind = Callable[[Path, random.Random], None]


def delete(file: Path, chance: random.Random) -> None:
    """The file is gone: under another name, so that it comes back as the same file, which the server may have open."""
    file.rename(file.with_suffix(AWAY))


def flip(file: Path, chance: random.Random) -> None:
    """One bit in about every 2 KiB: no block is left whole."""
    data = bytearray(file.read_bytes())
    for at in range(chance.randrange(2000), len(data), 2000):
        data[at] ^= 1 << chance.randrange(8)
    overwrite(file, data)


def flip_once(file: Path, chance: random.Random) -> None:
    """A single bit, anywhere."""
    data = bytearray(file.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    overwrite(file, data)


def truncate(file: Path, chance: random.Random) -> None:
    """The end is missing."""
    overwrite(file, file.read_bytes()[: chance.randrange(file.stat().st_size)])


def zero(file: Path, chance: random.Random) -> None:
    """All of it reads as zeros, as after a lost write of metadata."""
    overwrite(file, bytes(file.stat().st_size))


def zero_half(file: Path, chance: random.Random) -> None:
    """Zeros from the middle on."""
    data = file.read_bytes()
    overwrite(file, data[: len(data) // 2] + bytes(len(data) - len(data) // 2))


def shift(file: Path, chance: random.Random) -> None:
    """Everything behind the superblock stands one sector too far: what a torn write leaves."""
    data = file.read_bytes()
    overwrite(file, data[:SUPERBLOCK_BYTES] + data[SUPERBLOCK_BYTES:][-512:] + data[SUPERBLOCK_BYTES:][:-512])


def misdirect(file: Path, chance: random.Random) -> None:
    """Another shard's bytes, whole and sound, but not this one's."""
    others = [other for other in file.parents[2].rglob("*.shard") if other != file]
    overwrite(file, chance.choice(others).read_bytes() if others else b"")


KINDS: tuple[Kind, ...] = (delete, flip, flip_once, truncate, zero, zero_half, shift, misdirect)


def overwrite(file: Path, data: bytes | bytearray) -> None:
    """Into the same file: whoever has it open sees it."""
    with file.open("r+b") as opened:
        opened.write(data)
        opened.truncate()


class Shards:
    """The shard files of a tier, with a copy of them to go back to."""

    def __init__(self, drives: Path, tier: str, copy: Path) -> None:
        self.drives = sorted(drives.glob(f"{tier}-*"))
        self._copies = {drive: copy / drive.name for drive in self.drives}
        self._touched: list[Path] = []
        for drive, kept in self._copies.items():
            shutil.copytree(drive, kept)

    def by_volume(self) -> dict[str, list[Path]]:
        """Shard files by volume id, in hex."""
        found: dict[str, list[Path]] = defaultdict(list)
        for drive in self.drives:
            for file in sorted(drive.rglob("*.shard")):
                found[file.stem].append(file)
        return dict(sorted(found.items()))

    def damage(self, kind: Kind | None, count: int, chance: random.Random) -> set[tuple[str, str]]:
        """Damage ``count`` shards of every volume, each in a way of its own if ``kind`` is None.

        Gives (volume id, drive name) of each.
        """
        for files in self.by_volume().values():
            for file in chance.sample(files, count):
                self._touched.append(file)
                (kind or chance.choice(KINDS))(file, chance)
        return {(file.stem, file.parents[2].name) for file in self._touched}

    def restore(self) -> None:
        """Everything as it was, in the same files."""
        for file in self._touched:
            if not file.exists():
                file.with_suffix(AWAY).rename(file)
                continue
            drive = file.parents[2]
            overwrite(file, (self._copies[drive] / file.relative_to(drive)).read_bytes())
        self._touched.clear()

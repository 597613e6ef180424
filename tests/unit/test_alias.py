"""The alias of a drive answers for one shard under another name, and has every member of the contract."""

from pathlib import Path

import pytest

from objstore.drive.alias import Alias, named
from objstore.drive.base import Drive
from objstore.drive.fresh import read_back
from objstore.drive.identify import format_drive
from objstore.drive.local import LocalDrive
from objstore.format.superblock import SUPERBLOCK_BYTES
from objstore.model.errors import ShardMissing

VOLUME, FILE = b"v" * 16, b"f" * 16


def test_it_has_all_of_the_contract() -> None:
    wanted = {name for name in vars(Drive) if not name.startswith("_")} | set(Drive.__annotations__)
    assert wanted <= set(dir(Alias)) | {"id", "tier", "write_once", "read_seconds", "write_seconds"}


async def test_every_call_is_about_the_file(tmp_path: Path) -> None:
    drive = LocalDrive(tmp_path, await format_drive(tmp_path, "c" * 32, "hot"))
    alias = named(drive, FILE)
    assert isinstance(alias, Alias)
    assert named(drive, None) is drive
    assert named(None, FILE) is None
    await alias.create(VOLUME, bytes(SUPERBLOCK_BYTES))
    await alias.write(VOLUME, SUPERBLOCK_BYTES, [b"content"], True)
    await alias.sync(VOLUME)
    alias.finish(VOLUME)
    found = bytearray(7)
    await alias.read(VOLUME, SUPERBLOCK_BYTES, [found])
    assert found == b"content"
    fresh = bytearray(7)
    await read_back(alias, VOLUME, SUPERBLOCK_BYTES, [fresh])
    assert fresh == b"content"
    assert await alias.length(VOLUME) == SUPERBLOCK_BYTES + 7
    assert await alias.shards(b"", 10) == [FILE] == await drive.shards(b"", 10)
    with pytest.raises(ShardMissing):
        await drive.length(VOLUME)
    await alias.quarantine(VOLUME)
    assert await drive.shards(b"", 10) == []
    assert (tmp_path / "quarantine" / f"{FILE.hex()}.shard").stat().st_size == SUPERBLOCK_BYTES + 7
    with pytest.raises(ShardMissing):
        await alias.quarantine(VOLUME)
    drive.close()

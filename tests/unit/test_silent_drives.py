"""Drives that do not answer, beside shards that are missing: what is not known is not taken for lost.

Each of these volumes is whole; some drives have told how long their shards are and then say nothing any more.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from objstore.drive.identify import format_drive
from objstore.drive.local import LocalDrive
from objstore.drive.node_wire import NO_DRIVE, error_of
from objstore.model.errors import DriveAway, DriveTimeout
from objstore.model.profile import Profile
from objstore.model.volumes import Volume
from objstore.volume.audit import audit_shard
from objstore.volume.scan import scan_records
from tests.unit.test_rebuild import rebuilt
from tests.unit.test_volume import Shelf

PROFILE = Profile(4, 2, unit_bytes=32768)


class Silent:
    """A drive that says how long a shard is, and no more."""

    def __init__(self, drive: LocalDrive) -> None:
        self._drive = drive

    def __getattr__(self, name: str) -> Any:
        return getattr(self._drive, name)

    async def read(self, *_: object) -> None:
        raise DriveTimeout("no answer", self._drive.id)

    def start_read_back(self, *call: Any) -> None:
        call[-1](None, DriveTimeout("no answer", self._drive.id))


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    places = [tmp_path / str(i) for i in range(PROFILE.n)]
    drives = [LocalDrive(place, await format_drive(place, "c" * 32, "hot")) for place in places]
    made = Shelf(Volume(b"V" * 16, "hot", PROFILE, tuple(drive.id for drive in drives), b"w" * 16), drives)
    await made.fill()
    yield made
    for drive in drives:
        drive.close()


def _hollow(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:4096] + bytes(len(content) - 4096))


def seen(shelf: Shelf, silent: set[int], lost: set[int] = frozenset()) -> list[Any]:  # type: ignore[assignment]
    """The drives, of which some are silent and some are not there."""
    return [
        None if column in lost else Silent(drive) if column in silent else drive
        for column, drive in enumerate(shelf.drives)
    ]


async def test_what_silent_drives_may_have_is_not_left_out_of_a_rebuild(shelf: Shelf) -> None:
    for silent in ({1, 2}, {4, 5}, {1, 2, 3, 4, 5}):
        with pytest.raises(DriveTimeout, match="may be whole"):
            await rebuilt(shelf, seen(shelf, silent, {0}), (0,), b"N" * 16)
        await shelf.drives[0].delete(b"N" * 16)
    done, _ = await rebuilt(shelf, seen(shelf, {1}, {0}), (0,), b"N" * 16)
    assert (done.lost, done.bad) == (0, {})  # type: ignore[attr-defined]


async def test_a_shard_with_holes_is_not_called_whole_while_others_are_silent(shelf: Shelf) -> None:
    _hollow(Path(shelf.drives[0].shard_path(shelf.volume.id)))
    assert "missing" in (await audit_shard(shelf.volume, shelf.drives, 0, 0)).problem
    for silent in ({1, 2}, {4, 5}, {1, 2, 3, 4, 5}):
        audit = await audit_shard(shelf.volume, seen(shelf, silent), 0, 0)
        assert audit.problem or audit.doubtful, silent
    # Where no more answer because there are no more, that is how it is.
    audit = await audit_shard(shelf.volume, seen(shelf, set(), {1, 2, 3}), 0, 0)
    assert audit.torn
    assert not audit.doubtful


async def test_compaction_hears_of_stripes_that_it_cannot_have_seen(shelf: Shelf) -> None:
    """Else it would take the volume for empty, and delete it."""
    for silent in ({2, 4, 5}, set(range(PROFILE.n))):
        found = [records async for records in scan_records(shelf.volume, seen(shelf, silent), lambda *_: None)]
        assert None in found, silent
    for silent in (set(), {0}, {4, 5}):
        found = [records async for records in scan_records(shelf.volume, seen(shelf, silent), lambda *_: None)]
        assert None not in found, silent


def test_a_drive_that_its_node_does_not_have_is_away() -> None:
    assert isinstance(error_of(NO_DRIVE, "this drive is not here", "d"), DriveAway)

"""Writes while drives are missing: down to the floor, noted for healing; below it a refusal."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from objstore.drive.local import LocalDrive
from objstore.format.extent import unpack
from objstore.meta.redundancy import short_of_redundancy
from objstore.model import clock
from objstore.model.errors import ClusterError
from objstore.model.objects import ObjectVersion
from objstore.model.volumes import Volume, absent_id
from tests.store.place import HOT, Place, content_of

SIZES = [100, HOT.pack_bytes_max + 1, 700_001]


@pytest.fixture
def hot(place: Place) -> Iterator[list[LocalDrive]]:
    """Drives of the hot tier; well again after the test."""
    drives = [drive for drive in place.drives if drive.tier == "hot"]
    yield drives
    for drive in drives:
        drive.health._suspect_until = 0.0


def lose(place: Place, *drives: LocalDrive) -> None:
    for drive in drives:
        drive.health._suspect_until = clock.monotonic_seconds() + 1000
    place.store.context.pool.leave_drives([drive.id for drive in drives])


async def volumes_of(place: Place, version: ObjectVersion) -> list[Volume]:
    return [(await place.store.context.catalog.place(extent.volume_id))[0] for extent in unpack(version.extents)]


@pytest.mark.parametrize("size", SIZES)
async def test_a_write_goes_on_and_is_noted_for_healing(
    place: Place, bucket: str, hot: list[LocalDrive], raw: Any, size: int
) -> None:
    lose(place, hot[0])
    content = content_of(size)
    version = await place.put(bucket, b"lacking", content)
    [volume] = await volumes_of(place, version)
    assert volume.absent == [HOT.n - 1]
    assert volume.drive_ids[-1] == absent_id(HOT.n - 1)
    assert hot[0].id not in volume.drive_ids
    noted = await raw.fetch("SELECT column_index, reason FROM damage WHERE volume_id = $1", volume.id)
    assert [tuple(row) for row in noted] == [(HOT.n - 1, "never written")]
    assert await short_of_redundancy(place.database) > 0

    # What is there is enough, and one more of those may go.
    catalog = place.store.context.catalog
    for gone in [(), *combinations(hot[1:], 1)]:
        catalog.forget_all()
        kept = {drive.id: catalog._drives.pop(drive.id) for drive in gone}  # type: ignore[attr-defined]
        assert await place.content(bucket, b"lacking") == content
        catalog._drives.update(kept)  # type: ignore[attr-defined]
    catalog.forget_all()


async def test_with_enough_drives_again_volumes_are_whole(place: Place, bucket: str, hot: list[LocalDrive]) -> None:
    lose(place, hot[1])
    [volume] = await volumes_of(place, await place.put(bucket, b"one", content_of(100)))
    assert volume.absent
    hot[1].health._suspect_until = 0.0
    await place.store.roster.refresh()
    [volume] = await volumes_of(place, await place.put(bucket, b"two", content_of(100)))
    assert not volume.absent


async def test_below_the_floor_there_is_no_write(place: Place, bucket: str, hot: list[LocalDrive]) -> None:
    lose(place, *hot[:2])
    with pytest.raises(ClusterError):
        await place.put(bucket, b"refused", content_of(100))
    assert await place.content(bucket, b"refused") is None


async def test_background_work_waits_for_whole_volumes(place: Place, hot: list[LocalDrive]) -> None:
    lose(place, hot[2])
    pool = place.store.context.pool
    pool._may_lack = False
    try:
        with pytest.raises(ClusterError):
            await pool.acquire("hot", "packed")
    finally:
        pool._may_lack = True

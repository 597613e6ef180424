"""Which objects are on a drive: all of them and each once, however small the pages, whatever became of the drive."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from objstore.drive.local import LocalDrive
from objstore.format.extent import PACKED, unpack
from objstore.meta.residents import ResidentRows
from objstore.model.requests import CompletePart, CompleteRequest, CopyRequest, DeleteRequest
from objstore.store import residents as module
from objstore.store.residents import Position, Resident, Residents
from tests.store.place import HOT, Payload, Place, content_of

Told = Counter[tuple[bytes, bytes, int, bool]]  # key, volume, bytes in it, whether on the drive itself
ROWS = "SELECT key, extents FROM object UNION ALL SELECT key, extents FROM version UNION ALL " \
    "SELECT upload.key, part.extents FROM part JOIN upload ON upload.id = part.upload_id"  # fmt: skip


@pytest.fixture(scope="module")
async def filled(place: Place) -> Place:
    """Small and large objects, versions, copies, parts, and what is deleted or overwritten."""
    store, bucket = place.store, "residents"
    await store.create_bucket(bucket, "root", "us-east-1")
    for number in range(30):
        await place.put(bucket, b"small/%02d" % number, content_of(500 + number))
    for number in range(3):
        await place.put(bucket, b"large/%d" % number, content_of(700_000 + number))
    await place.put(bucket, b"empty", b"")
    await place.put(bucket, b"cold", content_of(9000), "STANDARD_IA")
    for key in (b"small/03", b"large/1"):
        await place.put(bucket, key, content_of(800, 1))
    for key in (b"small/04", b"large/2"):
        await place.delete(bucket, key)
    for source, to in ((b"small/05", b"copy/small"), (b"large/0", b"copy/large"), (b"small/06", b"small/07")):
        await store.copy(CopyRequest(bucket, source, bucket, to, lambda _: None))
    await store.set_versioning(bucket, "Enabled")
    for seed in range(3):
        await place.put(bucket, b"small/08", content_of(900, seed))
    await store.delete(bucket, DeleteRequest(b"small/09"))
    for key in (b"whole", b"unfinished"):
        parts = []
        upload = await store.create_upload(
            bucket, key, storage_class="STANDARD", attrs=None, tags=None, checksum_algorithm=None, checksum_type=None
        )
        for number in (1, 2):
            content = content_of(5 * 1024 * 1024 if number == 1 else 4000, number)
            part = await store.put_part(bucket, key, upload.id, number, Payload(content))
            parts.append(CompletePart(number, part.etag.hex()))
        if key == b"whole":
            await store.complete(CompleteRequest(bucket, key, upload.id, parts))
    return place


async def expected(place: Place, raw: Any, drive_id: str) -> Told:
    """By a look at every row."""
    told: Told = Counter()
    for key, extents in await raw.fetch(ROWS):
        found = list(unpack(extents))
        for volume_id in {one.volume_id for one in found}:
            volume, _ = await place.store.context.catalog.place(volume_id)
            if drive_id in volume.drive_ids:
                column, here = volume.drive_ids.index(drive_id), [one for one in found if one.volume_id == volume_id]
                holds = any(one.column == column if one.kind == PACKED else column < volume.profile.k for one in here)
                told[key, volume_id, sum(one.length for one in here), holds] += 1
    return told


async def asked(place: Place, drive_id: str, limit: int) -> tuple[list[Resident], int, int]:
    """All pages: what they tell, how many stripes could not be read, how many pages it took."""
    residents = Residents(ResidentRows(place.database), place.store.context.catalog)
    found: list[Resident] = []
    unread, pages, after = 0, 0, None
    while pages < 1000:
        page = await residents.page(drive_id, after, limit)
        assert len(page.residents) <= limit
        found, unread, pages, after = found + page.residents, unread + page.unread, pages + 1, page.next
        if after is None:
            return found, unread, pages
    raise AssertionError("it does not end")


async def lose(place: Place, drive: LocalDrive) -> None:
    """All files of it are gone."""
    for volume_id, _ in await ResidentRows(place.database).volumes(drive.id, b"", 1000):
        await drive.delete(volume_id)


def told_of(found: Sequence[Resident]) -> Told:
    return Counter((one.referent.key, one.volume_id, one.bytes, one.holds_bytes) for one in found)


@pytest.mark.parametrize("limit", [1, 3, 200])
async def test_all_of_it_once(filled: Place, raw: Any, limit: int) -> None:
    for drive in filled.drives[::3]:
        found, unread, _ = await asked(filled, drive.id, limit)
        assert unread == 0
        assert told_of(found) == await expected(filled, raw, drive.id)
    assert {one.referent.key for one in found} == {b"cold"}  # the last one is of the capacity tier
    found, _, _ = await asked(filled, filled.drives[0].id, limit)
    kinds = {one.referent.key: one.referent.part_number for one in found}
    assert kinds[b"unfinished"] > 0
    assert kinds[b"whole"] == kinds[b"copy/small"] == kinds[b"copy/large"] == 0
    assert len({one.referent.version_id for one in found if one.referent.key == b"small/08"}) == 4
    assert b"small/04" not in kinds


async def test_a_page_reads_little(filled: Place, raw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends when it has looked at so many stripes, with nothing lost in between."""
    drive = filled.drives[0]
    monkeypatch.setattr(module, "STRIPES_MAX", 2)
    found, _, pages = await asked(filled, drive.id, 200)
    assert pages > 5
    assert told_of(found) == await expected(filled, raw, drive.id)
    monkeypatch.setattr(module, "STRIPES_MAX", 10**6)
    monkeypatch.setattr(module, "READ_BYTES_MAX", 1)
    monkeypatch.setattr(module, "VOLUMES_MAX", 1)
    found, _, more = await asked(filled, drive.id, 200)
    assert more > pages
    assert told_of(found) == await expected(filled, raw, drive.id)


async def test_nobody_has_heard_of_it(filled: Place) -> None:
    assert await asked(filled, "0" * 32, 10) == ([], 0, 1)
    residents = Residents(ResidentRows(filled.database), filled.store.context.catalog)
    page = await residents.page(filled.drives[0].id, Position(b"\xff" * 16, 640, (1, b"k", b"v", 0)), 10)
    assert (page.residents, page.next, page.unread) == ([], None, 0)


async def test_the_drive_is_lost(filled: Place, raw: Any) -> None:
    """The others tell of it; when too many are lost, that something is missing is said."""
    lost = filled.drives[: HOT.n]
    before = await expected(filled, raw, lost[0].id)
    for drive in lost[: HOT.m]:
        await lose(filled, drive)
    found, unread, _ = await asked(filled, lost[0].id, 50)
    assert (told_of(found), unread) == (before, 0)
    for drive in lost[HOT.m :]:
        await lose(filled, drive)
    found, unread, _ = await asked(filled, lost[0].id, 50)
    assert unread > 0
    assert told_of(found) <= before

"""A tier's profile is changed: old volumes are read as they are, new ones take it, a job rewrites the rest."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from objstore.drive.identify import read_identity
from objstore.drive.local import LocalDrive
from objstore.lifecycle.compact import Compactor
from objstore.lifecycle.reencode import Reencoder
from objstore.meta.database import Database
from objstore.meta.reencode import jobs, profile_totals, start_job, volumes_left
from objstore.meta.tier_names import tier_names
from objstore.model.profile import Profile
from objstore.store.build import open_store
from tests.store import place as places
from tests.store.place import Place, content_of

OLD = Profile(4, 2, unit_bytes=32768, pack_bytes_max=65536, stripe_bytes_max=131072, shard_bytes_max=4_000_000)
SMALLER = Profile(2, 1, unit_bytes=65536, pack_bytes_max=8192, stripe_bytes_max=524288, shard_bytes_max=4_000_000)
WIDER = Profile(3, 3, unit_bytes=32768, pack_bytes_max=262144, stripe_bytes_max=131072, shard_bytes_max=4_000_000)
SIZES = [0, 1, 3000, 8192, 8193, 60_000, 65_536, 65_537, 131_072, 400_000, 1_500_000]


@pytest.fixture
async def place(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    """A store of the old profile on six hot drives."""
    monkeypatch.setitem(places.PROFILES, "hot", OLD)
    place = await Place(tmp_path, database_url).open()
    await place.database.change(_Sql("DELETE FROM volume"))
    await tier_names(place.database, ["hot", "capacity"])
    yield place
    await place.close()


class _Sql:
    def __init__(self, sql: str) -> None:
        self.sql = sql


async def again(place: Place, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same drives under another profile, as after a restart."""
    await place.close()
    monkeypatch.setitem(places.PROFILES, "hot", profile)
    place.drives = []  # all six, however many columns there are now
    for path in sorted(place.root.iterdir()):
        identity = await read_identity(path)
        assert identity is not None
        place.drives.append(LocalDrive(path, identity))
    place.database = await Database.connect(place.url, pool_size=4)
    place.store = await open_store(
        place.database, place.drives, places.PROFILES, cluster_id=bytes.fromhex(places.CLUSTER), host="place", pid=1
    )


async def profiles(place: Place) -> set[tuple[int, int]]:
    return {(total.k, total.m) for total in await profile_totals(place.database) if total.tier == "hot"}


@pytest.mark.parametrize("new", [SMALLER, WIDER], ids=["smaller", "wider"])
async def test_every_object_is_rewritten(place: Place, new: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = f"reencode-{new}".replace("+", "-")
    await place.store.create_bucket(bucket, "root", "us-east-1")
    contents = {b"k%d" % size: content_of(size) for size in SIZES}
    for key, content in contents.items():
        await place.put(bucket, key, content)
    assert await profiles(place) == {(OLD.k, OLD.m)}
    await again(place, new, monkeypatch)
    # Both kinds are there, and are read alike.
    await place.put(bucket, b"new", b"x" * 1000)
    contents[b"new"] = b"x" * 1000
    assert await profiles(place) == {(OLD.k, OLD.m), (new.k, new.m)}
    assert {key: await place.content(bucket, key) for key in contents} == contents
    left = await volumes_left(place.database, "hot", new)
    assert (left.volumes > 0, left.open) == (True, 0)
    job = await start_job(place.database, "hot", new)
    assert await start_job(place.database, "hot", new) == job
    reencoder = Reencoder(Compactor(place.store, grace_seconds=0), place.store, place.database)
    while (await jobs(place.database))["hot"].finished is None:
        await reencoder.step()
    assert await profiles(place) == {(new.k, new.m)}
    done = (await jobs(place.database))["hot"]
    assert (done.volumes, done.last_error) == (left.volumes, "")
    assert done.bytes >= sum(SIZES)
    assert {key: await place.content(bucket, key) for key in contents} == contents
    # Once more there is nothing to do.
    await start_job(place.database, "hot", new)
    assert await reencoder.step() == 0
    assert (await jobs(place.database))["hot"].finished is not None


async def test_a_process_of_another_profile_leaves_the_job_alone(place: Place) -> None:
    await start_job(place.database, "hot", SMALLER)
    reencoder = Reencoder(Compactor(place.store), place.store, place.database)
    assert await reencoder.step() == 0
    assert (await jobs(place.database))["hot"].finished is None
    assert await start_job(place.database, "nowhere", SMALLER) is None

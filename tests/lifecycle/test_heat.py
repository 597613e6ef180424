"""Heat: reads are counted, folded, and bring Intelligent-Tiering objects back to the hot tier."""

import asyncio

import pytest

from objstore.lifecycle.heat import Folding
from objstore.meta.database import Database
from objstore.model import clock, days
from objstore.model.errors import DatabaseUnavailable
from objstore.model.extended_rules import ExtendedRule
from objstore.model.lifecycle import Filter
from objstore.model.objects import ObjectVersion
from objstore.model.requests import CopyRequest
from objstore.store import accesses as counting
from objstore.store.accesses import Accesses
from tests.lifecycle.test_access import last_access
from tests.lifecycle.world import World

AGO = 40


@pytest.fixture
def folding(world: World) -> Folding:
    """With nothing counted yet."""
    counted = world.place.store.context.accesses
    counted.flush()
    counted.take(len(counted))
    return Folding(counted, world.place.database)


async def read(world: World, key: bytes, end: int | None = None) -> ObjectVersion:
    version = await world.place.store.get(world.bucket, key)
    reader = await world.place.store.read(version, 0, version.size if end is None else end)
    await reader.aclose()
    return version


async def told(world: World, key: bytes) -> tuple[int, float]:
    """How many days ago a version was accessed, and its heat."""
    version = await world.place.store.get(world.bucket, key)
    return days.day_of(clock.now()) - version.accessed, round(version.heat, 3)


async def test_reads_and_copies_count(world: World, folding: Folding) -> None:
    await world.put(b"read", b"range", b"source", b"head", b"not")
    await last_access(world, 3, b"read", b"range", b"source", b"head", b"not")
    await read(world, b"read")
    await read(world, b"read")
    await read(world, b"range", 10)
    await world.place.store.get(world.bucket, b"head")
    for storage_class in ("STANDARD", "GLACIER_IR"):  # one shares the bytes, one moves them
        source, target = (world.bucket, b"source"), (world.bucket, b"copy")
        await world.place.store.copy(CopyRequest(*source, *target, lambda _: None, storage_class=storage_class))
    assert await folding.step() == 3
    assert await told(world, b"read") == (0, 2)
    assert await told(world, b"range") == (0, 1)
    assert await told(world, b"source") == (0, 2)
    assert await told(world, b"head") == (3, 0)
    assert await told(world, b"not") == (3, 0)
    assert await folding.step() == 0
    assert (folding.folded, folding.missed) == (3, 0)


async def test_a_row_changes_seldom(world: World, folding: Folding) -> None:
    await world.put(b"k")
    await last_access(world, 1, b"k")
    steps = 0
    for _ in range(100):
        await read(world, b"k")
        steps += await folding.step()
    assert 5 <= steps <= 9
    assert 60 <= (await told(world, b"k"))[1] <= 100
    await folding.finish()
    assert await told(world, b"k") == (0, 100)


async def test_cold_objects_come_back(world: World, folding: Folding) -> None:
    await world.put(b"a", b"b", storage_class="INTELLIGENT_TIERING")
    await world.put(b"colder", storage_class="GLACIER_IR")
    await last_access(world, AGO, b"a", b"b", b"colder")
    await world.settle()
    assert await world.tiers() == {b"a": 1, b"b": 1, b"colder": 1}
    await asyncio.gather(read(world, b"a", 10), read(world, b"colder"))
    assert await folding.step() == 2
    assert await world.tasks() == 1
    await world.settle()
    assert await world.tiers() == {b"a": 0, b"b": 1, b"colder": 1}
    assert set((await world.keys()).values()) == {"INTELLIGENT_TIERING", "GLACIER_IR"}
    assert (await world.figures())["", "place:hot"].objects == 1


async def test_each_read_asks_until_it_is_back(world: World, folding: Folding) -> None:
    await world.put(b"a", storage_class="INTELLIGENT_TIERING")
    await last_access(world, AGO, b"a")
    await world.settle()
    await read(world, b"a")
    await folding.step()
    await world.raw.execute("DELETE FROM task")  # as if the process had ended before it was queued
    await read(world, b"a")
    await folding.step()
    await world.settle()
    assert await world.tiers() == {b"a": 0}


async def test_what_is_read_is_not_demoted(world: World, folding: Folding) -> None:
    await world.put(b"read", b"left")
    await last_access(world, 9, b"read", b"left")
    await read(world, b"read")
    await folding.step()
    rule = ExtendedRule("x", True, Filter(), last_access_days=5, storage_class="GLACIER_IR")
    await world.rules(extended=(rule,))
    await world.settle()
    assert await world.keys() == {b"read": "STANDARD", b"left": "GLACIER_IR"}


async def test_what_is_gone_is_given_up(world: World, folding: Folding) -> None:
    await world.put(b"k")
    await last_access(world, 3, b"k")
    await read(world, b"k")
    await world.place.delete(world.bucket, b"k")
    assert await folding.step() == 0
    assert await folding.step() == 0
    assert (len(world.place.store.context.accesses), folding.missed) == (0, 1)


async def test_a_database_that_is_away(world: World, folding: Folding) -> None:
    await world.put(b"k")
    await last_access(world, 3, b"k")
    await read(world, b"k")
    away = Database("postgresql://127.0.0.1:1/none", 1, "away", is_pooled=False)
    with pytest.raises(DatabaseUnavailable):
        await Folding(world.place.store.context.accesses, away).step()
    assert await folding.step() == 1
    assert await told(world, b"k") == (0, 1)


def version(number: int, heat: float = 0.0, accessed: int = 9) -> ObjectVersion:
    return ObjectVersion(1, b"%d" % number, number.to_bytes(16, "big"), 1, b"", clock.now(), "STANDARD", b"",
                         accessed=accessed, heat=heat)  # fmt: skip


def test_a_day_ends() -> None:
    accesses = Accesses(9)
    for _ in range(3):
        accesses.note(version(1, heat=8))
    assert len(accesses) == 0
    accesses.turn(9)
    assert len(accesses) == 0
    accesses.turn(10)
    accesses.note(version(1, heat=8))
    accesses.note(version(1, heat=8))
    assert [(one.day, one.count) for one in accesses.take(9)] == [(9, 3), (10, 2)]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "NAMES_MAX", 10)
    monkeypatch.setattr(counting, "CROWDED", 7)
    accesses = Accesses(9)
    for number in range(7):
        accesses.note(version(number))
    assert not accesses.crowded.is_set()
    for number in range(7, 30):
        accesses.note(version(number))
    assert accesses.crowded.is_set()
    assert accesses.dropped > 0
    assert len(accesses.take(100)) + accesses.dropped == 30
    accesses.note(version(1))
    assert len(accesses) == 1


def test_a_large_working_set_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that wait are folded by chance, each for others: the sum comes out about right, with fewer rows."""
    monkeypatch.setattr(counting, "CROWDED", 10_000)
    accesses = Accesses(9)
    for number in range(10_000):
        accesses.note(version(number, heat=8))
    accesses.turn(9)
    taken = accesses.take(10_000)
    assert {one.count for one in taken} == {8}
    assert 800 < len(taken) < 1700
    accesses.turn(10)
    assert len(accesses) == 0

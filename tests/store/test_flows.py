"""Flows: what is counted of reads, writes and moves, and on which tier."""

import asyncio

import pytest

from objstore.model.objects import ObjectVersion
from objstore.model.series import COLD_DRIVES, HOT_DRIVES, MEMORY
from objstore.store.flows import Flows, count
from objstore.store.move import Move
from tests.store.place import Place

HOT, CAPACITY = 0, 1


@pytest.fixture
def flows(place: Place) -> Flows:
    """Counts from here on."""
    place.store.context.flows = Flows()
    return place.store.context.flows


async def read(place: Place, version: ObjectVersion, start: int = 0, end: int | None = None) -> str:
    """Read it all; where its first byte came from."""
    reader = await place.store.read(version, start, version.size if end is None else end)
    _ = [piece async for piece in reader]
    await reader.aclose()
    return reader.source


async def test_writes(place: Place, bucket: str, flows: Flows) -> None:
    await place.put(bucket, b"small", b"x" * 100)
    await place.put(bucket, b"large", bytes(500_000))
    await place.put(bucket, b"cold", b"y" * 70, "STANDARD_IA")
    assert flows.written == {HOT: [2, 500_100], CAPACITY: [1, 70]}
    assert not flows.read
    assert not flows.cached


async def test_reads_from_memory(place: Place, bucket: str, flows: Flows) -> None:
    small, large = await place.put(bucket, b"s", b"x" * 100), await place.put(bucket, b"l", bytes(500_000))
    for version in (small, large):  # the first read may have to open files
        await read(place, version)
    before = {code: list(total) for code, total in flows.cached.items()}
    assert await read(place, small) == MEMORY
    assert await read(place, large, 100, 400_000) == MEMORY
    objects, size = before.get(HOT, [0, 0])
    assert flows.cached[HOT] == [objects + 2, size + 100 + 399_900]


async def test_reads_from_drives(place: Place, bucket: str, flows: Flows, monkeypatch: pytest.MonkeyPatch) -> None:
    hot, cold = await place.put(bucket, b"h", b"x" * 100), await place.put(bucket, b"c", bytes(500_000), "STANDARD_IA")
    for drive in place.drives:
        monkeypatch.setattr(drive, "read_now", lambda *_: False)
    assert await read(place, hot) == HOT_DRIVES
    assert await read(place, cold) == COLD_DRIVES
    assert flows.read == {HOT: [1, 100], CAPACITY: [1, 500_000]}
    assert not flows.cached


async def test_moves(place: Place, bucket: str, flows: Flows) -> None:
    version = await place.put(bucket, b"k", b"x" * 100)
    assert await place.store.moves.move([Move(version, "STANDARD_IA", "capacity")]) == [True]
    assert flows.moved == {("demoted", HOT, CAPACITY): [1, 100]}
    assert not flows.read, "what the engine reads is no client's"
    assert not flows.cached
    (cold,) = await place.store.context.objects.lookup([(version.bucket_id, b"k")])
    assert await place.store.moves.move([Move(version, "STANDARD_IA", "capacity")]) == [False]
    assert await place.store.moves.move([Move(cold, "STANDARD", "hot")]) == [True]
    assert flows.moved == {("demoted", HOT, CAPACITY): [1, 100], ("promoted", CAPACITY, HOT): [1, 100]}


def test_a_restore_is_one() -> None:
    flows = Flows()
    flows.move(CAPACITY, "hot", "GLACIER", 5)
    flows.move(CAPACITY, "hot", "STANDARD_IA", 5)
    flows.move(CAPACITY, "capacity", "GLACIER", 5)
    assert flows.moved == {("restored", CAPACITY, HOT): [1, 5], ("promoted", CAPACITY, HOT): [1, 5]}


async def test_stages_of_a_write(place: Place, bucket: str) -> None:
    """Their ends come one after the other."""
    from objstore.model.requests import PutRequest
    from tests.store.place import Payload

    async def put(size: int) -> tuple[float, ...]:
        result = await place.store.put(PutRequest(bucket, b"k%d" % size, "STANDARD"), Payload(bytes(size)))
        assert result.stages is not None
        return result.stages

    begun = asyncio.get_running_loop().time()
    small, large = await put(100), await put(500_000)
    assert (len(small), len(large)) == (4, 3)
    for stages in (small, large):
        assert list(stages) == sorted(stages)
        assert stages[0] >= begun


def test_count() -> None:
    totals: dict[str, list[int]] = {}
    count(totals, "a", 5)
    count(totals, "a", 7, 0)
    assert totals == {"a": [1, 12]}

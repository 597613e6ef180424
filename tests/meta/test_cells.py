"""Cells of the picture: places that hold what lies on a tier and was last used so long ago, page by page."""

from typing import TypeAlias

import asyncpg
import pytest

from objstore.meta.cells import Cell, CellPlace, Position, places_of_cell
from objstore.meta.database import Database
from objstore.meta.place_sums import STRETCH_ROWS
from tests.meta.test_bucket_places import PREFIXES, fill
from tests.meta.world import World

Raw: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
TODAY = 20_000
HOT, COLD = 0, 1


@pytest.fixture
async def filled(raw: Raw, world: World) -> World:
    """More prefixes than a page looks at; those of odd numbers are cold and were used 400 days ago."""
    await raw.execute("DELETE FROM usage")
    await fill(raw, world.bucket.id, PREFIXES, TODAY)
    await raw.execute(
        "INSERT INTO usage (bucket_id, prefix, objects, bytes, accessed, tier, storage_class, noncurrent)"
        " VALUES ($1, 'p000002/', 5, 7, $2, 0, 0, true), ($1, '', 1, 3, $2, 0, 0, false)",
        *(world.bucket.id, TODAY),
    )
    return world


async def everything(database: Database, cell: Cell, limit: int, bucket_id: int | None = None) -> list[CellPlace]:
    found: list[CellPlace] = []
    after: Position | None = None
    for _ in range(PREFIXES // min(limit, STRETCH_ROWS) + 3):
        page = await places_of_cell(database, cell, after, limit, bucket_id)
        assert len(page.places) <= limit
        found += page.places
        after = page.after
        if after is None:
            return found
    raise AssertionError("it does not end")


async def test_every_place_once_with_all_that_it_holds(database: Database, filled: World) -> None:
    hot = await everything(database, Cell(HOT, TODAY, None), 4000)
    assert len(hot) == PREFIXES // 2 + 1
    assert len({one.prefix for one in hot}) == len(hot)
    name = filled.bucket.name
    assert hot[:2] == [CellPlace(name, b"", 1, 3, 0, 0), CellPlace(name, b"p000002/", 7, 27, 5, 7)]
    assert sum(one.objects for one in hot) == sum(range(2, PREFIXES + 1, 2)) + 6
    assert hot == await everything(database, Cell(HOT, TODAY, None), 4000, filled.bucket.id)
    assert await everything(database, Cell(), PREFIXES * 2, filled.bucket.id + 1) == []


async def test_a_page_without_places_goes_on(database: Database, filled: World, raw: Raw) -> None:
    """The only place that fits lies behind the stretch that the first page looks at."""
    await raw.execute("UPDATE usage SET accessed = $1 WHERE prefix = 'p014999/'", TODAY - 10)
    cell = Cell(COLD, TODAY - 29, TODAY - 7)
    first = await places_of_cell(database, cell, None, 10)
    assert not first.places
    assert first.after is not None
    second = await places_of_cell(database, cell, first.after, 10)
    assert [one.prefix for one in second.places] == [b"p014999/"]
    assert second.after is None


async def test_ages_have_both_bounds(database: Database, filled: World) -> None:
    assert await everything(database, Cell(COLD, TODAY, None), 1000) == []
    assert await everything(database, Cell(None, None, TODAY - 401), 1000) == []
    old = await everything(database, Cell(None, TODAY - 400, TODAY - 400), 8000)
    assert len(old) == PREFIXES // 2

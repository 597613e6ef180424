"""Codes of tiers: given out once, never again."""

import asyncio

from objstore.meta.database import Database
from objstore.meta.tier_names import tier_names


async def test_codes_stay(database: Database) -> None:
    assert await tier_names(database, ["hot", "capacity"]) == ["hot", "capacity"]
    assert await tier_names(database, ["hot", "capacity", "b", "a"]) == ["hot", "capacity", "b", "a"]
    assert await tier_names(database, ["hot", "capacity", "a"]) == ["hot", "capacity", "b", "a"]
    assert await tier_names(database, ["hot", "capacity", "c"]) == ["hot", "capacity", "b", "a", "c"]


async def test_two_that_start_at_once_agree(database: Database) -> None:
    await tier_names(database, ["hot", "capacity"])
    found = await asyncio.gather(*(tier_names(database, ["hot", "capacity", f"x{i % 4}"]) for i in range(16)))
    last = await tier_names(database, ["hot", "capacity"])
    for names in found:
        assert names == last[: len(names)]

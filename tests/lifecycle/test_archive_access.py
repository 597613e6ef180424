"""Intelligent-Tiering's archive access tiers: what a configuration names is archived, and a restore brings it back."""

from typing import Any

import pytest

from objstore.model import clock, days
from objstore.model.errors import InvalidArgument, InvalidObjectState, ObjectNotInActiveTierError
from objstore.model.lifecycle import Filter, Rule, Transition, to_json
from objstore.model.requests import CopyRequest
from objstore.model.storage_class import STORAGE_CLASS_NAMES
from objstore.model.tiering import SETTING, TieringConfiguration
from tests.lifecycle.test_access import last_access
from tests.lifecycle.world import World

ARCHIVED, DEEP = "INTELLIGENT_TIERING/ARCHIVE_ACCESS", "INTELLIGENT_TIERING/DEEP_ARCHIVE_ACCESS"
BOTH = {"ARCHIVE_ACCESS": 90, "DEEP_ARCHIVE_ACCESS": 180}


async def configure(world: World, archive_days: dict[str, int], prefix: str = "", **other: Any) -> None:
    """Put a configuration; the lifecycle engine hears of it as of rules."""
    given = TieringConfiguration("arch", other.get("enabled", True), Filter(prefix), archive_days)
    entry = {"given": {}, "rule": to_json([given])[0]}
    await world.place.store.set_setting(world.bucket, SETTING, {"arch": entry} if archive_days else None)


async def classes(world: World) -> dict[str, str]:
    """The stored class of each key."""
    rows = await world.raw.fetch("SELECT key, storage_class FROM object WHERE bucket_id = $1", await world.bucket_id())
    return {key.decode(): STORAGE_CLASS_NAMES[code] for key, code in rows}


async def put(world: World, *keys: bytes, idle: int) -> None:
    await world.put(*keys, storage_class="INTELLIGENT_TIERING")
    await last_access(world, idle, *keys)


async def test_the_longer_nobody_reads_the_deeper(world: World) -> None:
    await put(world, b"logs/a", b"other", idle=40)
    await put(world, b"logs/new", idle=10)
    await configure(world, BOTH, "logs/")
    await world.settle()
    assert set((await classes(world)).values()) == {"INTELLIGENT_TIERING"}
    assert await world.tiers() == {b"logs/a": 1, b"other": 1, b"logs/new": 0}
    await last_access(world, 100, b"logs/a", b"other")
    await world.settle()
    plain = "INTELLIGENT_TIERING"
    assert await classes(world) == {"logs/a": ARCHIVED, "logs/new": plain, "other": plain}
    await last_access(world, 200, b"logs/a", b"other")
    await world.settle()
    assert await classes(world) == {"logs/a": DEEP, "logs/new": plain, "other": plain}
    figures = await world.figures()
    assert figures["arch", "place:ARCHIVE_ACCESS"].objects == figures["arch", "place:DEEP_ARCHIVE_ACCESS"].objects == 1


async def test_what_the_engine_meets_late_goes_all_the_way(world: World) -> None:
    await put(world, b"k", idle=300)
    await configure(world, BOTH)
    await world.settle()
    assert await classes(world) == {"k": DEEP}


async def test_only_a_restore_brings_it_back(world: World) -> None:
    store = world.place.store
    await put(world, b"k", b"l", idle=100)
    await configure(world, BOTH)
    await world.settle()
    version = await store.get(world.bucket, b"k")
    with pytest.raises(InvalidObjectState) as refused:
        await store.read(version, 0, version.size)
    assert refused.value.details == {"StorageClass": "INTELLIGENT_TIERING", "AccessTier": "ARCHIVE_ACCESS"}
    copy = CopyRequest(world.bucket, b"k", world.bucket, b"copy", lambda _: None, storage_class="STANDARD")
    with pytest.raises(ObjectNotInActiveTierError):
        await store.copy(copy)
    with pytest.raises(InvalidArgument):
        await store.restore(version, 3)
    assert await store.restore(version, None) is False
    (status,) = (await store.restore_statuses([version])).values()
    assert status.header == b'ongoing-request="true"'
    await world.settle()
    await world.settle()  # and no rule takes it away again
    version = await store.get(world.bucket, b"k")
    assert (version.storage_class, version.tier) == ("INTELLIGENT_TIERING", 0)
    assert version.accessed == days.day_of(clock.now())
    assert await world.place.read(version) == world.contents[b"k"]
    assert (await classes(world))["l"] == ARCHIVED
    assert await store.restore_statuses([version]) == {}


async def test_a_warm_up_brings_it_back_too(world: World) -> None:
    await put(world, b"k", idle=100)
    await configure(world, BOTH)
    await world.settle()
    await world.place.store.warm(await world.place.store.get(world.bucket, b"k"), 3)
    await world.settle()
    assert await world.keys() == {b"k": "INTELLIGENT_TIERING"}
    assert await world.tiers() == {b"k": 0}


async def test_without_the_configuration_no_more_is_archived(world: World) -> None:
    await put(world, b"a", idle=100)
    await configure(world, BOTH)
    await world.settle()
    await configure(world, BOTH, enabled=False)
    await put(world, b"b", idle=100)
    await last_access(world, 300, b"a")
    await world.settle()
    assert await classes(world) == {"a": ARCHIVED, "b": "INTELLIGENT_TIERING"}
    await configure(world, {})
    await world.settle()
    assert await classes(world) == {"a": ARCHIVED, "b": "INTELLIGENT_TIERING"}
    await configure(world, {"DEEP_ARCHIVE_ACCESS": 250})
    await world.settle()
    assert await classes(world) == {"a": DEEP, "b": "INTELLIGENT_TIERING"}


async def test_rules_go_on_acting_on_it(world: World) -> None:
    await put(world, b"k", idle=100)
    await configure(world, BOTH)
    await world.settle()
    await world.rules(Rule("down", True, transitions=(Transition("DEEP_ARCHIVE", 50),)))
    await world.settle()
    assert await classes(world) == {"k": "DEEP_ARCHIVE"}

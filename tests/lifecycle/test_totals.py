"""The dry run of all rules together: each version once, under the rule that acts on it first."""

from datetime import UTC, datetime, timedelta

import orjson

from objstore.lifecycle.pins import put_pin
from objstore.lifecycle.plan import Plan
from objstore.lifecycle.totals import Deed, Totals, totals
from objstore.meta.drives import Drives
from objstore.meta.groups import space_of
from objstore.model.extended_rules import ExtendedRule, KeepLast, TierFull
from objstore.model.lifecycle import Expiration, Filter, NoncurrentExpiration, Rule, Transition
from objstore.model.lock import ATTR, Lock
from objstore.model.tiering import TieringConfiguration
from objstore.model.volumes import Drive
from tests.lifecycle.test_access import last_access
from tests.lifecycle.world import World

DAYS = 20
OLD = Rule("old", True, Filter("a/"), Expiration(days=5))
DOWN = Rule("down", True, Filter(), None, (Transition("STANDARD_IA", 3), Transition("GLACIER", 8)))
VERSIONS = Rule("versions", True, Filter(), noncurrent_expiration=NoncurrentExpiration(4))


async def ask(world: World, *rules: Rule, versions_max: int = 1000, **more: object) -> Totals:
    plan = Plan(tuple(rules), **more)  # type: ignore[arg-type]
    return await totals(world.place.database, await world.bucket_id(), plan, datetime.now(UTC), DAYS, versions_max)


def told(found: Totals) -> dict[str, dict[int, int]]:
    """By rule and what it does: how many versions on which day."""
    return {
        " ".join(filter(None, (deed.rule, deed.kind, deed.access_tier or deed.storage_class))): {
            day: count.objects for day, count in enumerate(share.by_day) if count.objects
        }
        for deed, share in found.shares.items()
    }


async def test_who_wins_has_it(world: World) -> None:
    await world.put(b"a/now", b"b/now", days=9.5)
    await world.put(b"a/later", b"b/later", days=1.5)
    found = await ask(world, OLD, DOWN)
    assert found.exact
    assert found.asked == 4
    # What both are about now is deleted; what is met late goes all the way down; later it is the first that comes.
    counted = told(found)
    assert sum(counted.pop("down transition STANDARD_IA").values()) == 2
    assert counted == {"old delete": {0: 1}, "down transition GLACIER": {0: 1}}
    share = found.shares[Deed("down", "transition", "STANDARD_IA", "capacity", "")]
    assert [key for key, _ in share.samples] == [b"a/later", b"b/later"]
    assert share.by_day[2].bytes + share.by_day[3].bytes == 400_000  # ages end at midnight


async def test_versions_and_markers(world: World) -> None:
    await world.versioning("Enabled")
    for _ in range(3):
        await world.put(b"k", days=6)
    await world.age("version", 5, b"k", column="noncurrent_since")
    found = await ask(world, OLD, VERSIONS)
    assert told(found) == {"versions delete": {0: 2}}
    assert found.asked == 3


async def test_what_is_locked_goes_when_its_lock_ends(world: World) -> None:
    await world.versioning("Enabled")
    for _ in range(4):
        await world.put(b"k", days=6)
    await world.age("version", 5, b"k", column="noncurrent_since")
    until = datetime.now(UTC) + timedelta(days=3.5)
    for seq, lock in ((1, Lock("GOVERNANCE", until)), (2, Lock(hold=True))):
        await world.raw.execute(
            "UPDATE version SET attrs = $1::jsonb WHERE seq = $2 AND bucket_id = $3",
            orjson.dumps({ATTR: lock.pack()}).decode(), seq, await world.bucket_id(),
        )  # fmt: skip
    assert told(await ask(world, VERSIONS)) == {"versions delete": {0: 1, 4: 1}}


async def test_pins_are_respected(world: World) -> None:
    await world.put(b"a/pinned", b"b/free", days=9.5)
    until = datetime.now(UTC) + timedelta(days=6.5)
    await put_pin(world.place.database, await world.bucket_id(), b"a/", until, 0)
    assert told(await ask(world, DOWN)) == {"down transition GLACIER": {0: 1, 7: 1}}


async def test_intelligent_tiering(world: World) -> None:
    await world.put(b"idle", b"cold", b"used", storage_class="INTELLIGENT_TIERING")
    await last_access(world, 25, b"idle")
    await last_access(world, 85, b"cold")
    tiering = TieringConfiguration("arch", True, Filter(), {"ARCHIVE_ACCESS": 90})
    assert told(await ask(world, tierings=(tiering,))) == {"place INFREQUENT_ACCESS": {0: 1, 6: 1}}
    await world.settle()
    assert told(await ask(world, tierings=(tiering,))) == {
        "place INFREQUENT_ACCESS": {6: 1},
        "arch place ARCHIVE_ACCESS": {6: 1},
    }


async def test_steps_and_a_full_tier(world: World) -> None:
    await world.put(*[b"ckpt/%d/x" % step for step in range(5)], size=150_000)
    await world.put(b"warm", b"cool", b"cold", size=100_000)
    for ago, key in enumerate((b"warm", b"cool", b"cold")):
        await last_access(world, 3 + ago, key)
    await world.raw.execute("DELETE FROM garbage")
    drives = Drives(world.place.database)
    await drives.register(Drive("d", "hot", "node", "/d", capacity_bytes=1_000_000, free_bytes=140_000))
    full = ExtendedRule("full", True, Filter("c"), tier_full=TierFull(80, 70), storage_class="GLACIER_IR")
    steps = ExtendedRule("steps", True, Filter("ckpt/"), keep_last=KeepLast(2), storage_class="STANDARD_IA")
    excess = (await space_of(world.place.database, "hot")).excess(TierFull(80, 70))
    assert 100_000 < excess <= 200_000
    found = told(await ask(world, extended=(full, steps)))
    assert found == {"steps transition STANDARD_IA": {0: 3}, "full transition GLACIER_IR": {0: 2}}


async def test_of_many_a_sample_is_asked(world: World) -> None:
    await world.put(*[b"%03d" % number for number in range(300)], days=9.5, size=140_000)
    await world.raw.execute("ANALYZE object")
    found = await ask(world, DOWN, versions_max=50)
    assert not found.exact
    assert found.asked < 300
    (share,) = found.shares.values() or [None]
    assert share is None or share.by_day[0].objects > found.asked  # each stands for several

"""The dry run's numbers against the evaluator, asked about every version one by one."""

from bisect import bisect_right
from collections import Counter
from datetime import UTC, datetime, timedelta
from math import ceil

import asyncpg
import orjson
import pytest
from sqlalchemy import delete, func, select

from objstore.lifecycle import forecast as forecasts
from objstore.lifecycle.act import facts_of
from objstore.lifecycle.actions import of_current, of_extended, of_marker, of_noncurrent
from objstore.lifecycle.facts import Kind
from objstore.lifecycle.forecast import expect
from objstore.lifecycle.plan import Plan
from objstore.lifecycle.totals import totals
from objstore.meta import forecast as sql
from objstore.meta.drives import Drives
from objstore.meta.facts import look
from objstore.meta.forecast import Count
from objstore.meta.groups import space_of
from objstore.meta.lifecycle_tables import task
from objstore.meta.nodes import Nodes
from objstore.meta.pins import Pin, Pins, pinned_ranges, pinned_until
from objstore.meta.statement import Statement, constant
from objstore.model.errors import DatabaseUnavailable
from objstore.model.extended_rules import ExtendedRule, KeepLast, TierFull
from objstore.model.lifecycle import (
    Expiration,
    Filter,
    NoncurrentExpiration,
    NoncurrentTransition,
    Rule,
    Transition,
)
from objstore.model.lock import ATTR, Lock, lock_of
from objstore.model.volumes import Drive
from objstore.model.waterfall import may_follow
from tests.lifecycle.world import World

DAYS = 12
NO_MOMENTS = (
    "2020-02-30T00:00:00+00:00", "2019-02-29T00:00:00+00:00", "1900-02-29T00:00:00+00:00", "2020-04-31T00:00:00+00:00",
    "0000-02-29T00:00:00+00:00", "2020-01-32T00:00:00+00:00", "2020-13-01T00:00:00+00:00", "2020-01-01T25:00:00+00:00",
    "2020-01-01T00:60:00+00:00", "2020-01-01T00:00:61+00:00", "2020-01-01T00:00:00+99:00",
)  # fmt: skip
DAY = timedelta(days=1)
RULES = (
    Rule("old", True, Filter("a/"), Expiration(days=5)),
    Rule("down", True, Filter(), None, (Transition("STANDARD_IA", 3), Transition("GLACIER", 8))),
    Rule("sizes", True, Filter("", (), 100_000, 160_000), Expiration(days=2)),
    Rule("dated", True, Filter("b/"), Expiration(date=datetime(2020, 1, 1, tzinfo=UTC))),
    Rule("tagged", True, Filter("", (("x", "y"),)), Expiration(days=1)),
    Rule("later", True, Filter("a/"), None, (Transition("ONEZONE_IA", date=datetime(2099, 1, 1, tzinfo=UTC)),)),
    Rule("versions", True, Filter(), noncurrent_expiration=NoncurrentExpiration(4, 2),
         noncurrent_transitions=(NoncurrentTransition("GLACIER_IR", 1),)),
    Rule("some-versions", True, Filter("", (), 10), noncurrent_expiration=NoncurrentExpiration(1)),
    Rule("markers", True, Filter(), Expiration(marker=True)),
)  # fmt: skip
EXTENDED = (
    ExtendedRule("idle", True, last_access_days=4, storage_class="GLACIER_IR"),
    ExtendedRule("idle-and-old", True, days=6, last_access_days=2, storage_class="STANDARD_IA"),
    ExtendedRule("hours", True, Filter("a/"), hours=30, expire=True),
    ExtendedRule("idle-old", True, last_access_days=3, storage_class="GLACIER_IR", versions="Noncurrent"),
    ExtendedRule("all-idle-and-old", True, days=2, last_access_days=3, storage_class="GLACIER", versions="All"),
    ExtendedRule("old-hours", True, Filter("a/"), hours=50, access_count_less_than=1.5, storage_class="GLACIER_IR",
                 versions="Noncurrent"),
    ExtendedRule("cooled", True, days=1, access_count_less_than=0.5, storage_class="GLACIER"),
)  # fmt: skip


@pytest.fixture
async def filled(world: World) -> World:
    """Versions of every age, class and kind."""
    for age in range(10):
        size, storage_class = 90_000 + 10_000 * age, ("STANDARD_IA" if age % 4 == 3 else "STANDARD")
        keys = [b"%s/%d" % (name, age) for name in (b"a", b"b")]
        await world.put(*keys, days=age + 0.4, size=size, storage_class=storage_class)
    await world.versioning("Enabled")
    for age in (9.0, 6.0, 3.5, 1.2, 0.1):
        await world.put(b"v", b"a/v", days=age, size=150_000 if age > 3 else 300_000)
        await world.age("version", age / 2, b"v", b"a/v", column="noncurrent_since")
    await world.place.delete(world.bucket, b"gone")
    await world.place.delete(world.bucket, b"v")
    bucket_id = await world.bucket_id()
    await world.raw.execute("UPDATE version SET noncurrent_since = now() - interval '2.2 days' * (seq % 4) WHERE "
                            "bucket_id = $1 AND noncurrent_since IS NOT NULL", bucket_id)  # fmt: skip
    await world.raw.execute("UPDATE version SET modified = now() - interval '3.3 days' WHERE marker")
    await world.raw.execute(
        "UPDATE object SET accessed = extract(epoch FROM modified)::bigint / 86400 + (size / 10000) % 3, "
        "heat = (size / 10000) % 5, tags = CASE WHEN size % 20000 = 0 THEN '{\"x\": \"y\"}'::jsonb END "
        "WHERE bucket_id = $1", bucket_id,
    )  # fmt: skip
    await world.raw.execute(
        "UPDATE version SET accessed = extract(epoch FROM modified)::bigint / 86400 + seq % 5, heat = seq % 4, "
        "tier = CASE WHEN seq % 7 = 0 THEN 1 ELSE 0 END WHERE bucket_id = $1 AND NOT marker", bucket_id,
    )  # fmt: skip
    await count_anew(world)
    return world


async def count_anew(world: World) -> None:
    """Have the ledger of usage say what rows say that were changed behind its back."""
    await world.raw.execute("DELETE FROM usage")
    for table, noncurrent in (("object", "false"), ("version WHERE NOT marker", "true")):
        await world.raw.execute(
            "INSERT INTO usage (bucket_id, prefix, tier, storage_class, noncurrent, accessed, objects, bytes) "
            "SELECT bucket_id, substring(key, 1, position('/'::bytea IN key)), tier, storage_class, "
            f"{noncurrent}, accessed, count(*), sum(size) FROM {table} GROUP BY 1, 2, 3, 4, 5, 6"
        )


async def brute_force(world: World, plan: Plan, now: datetime) -> Counter[tuple[str, str, str, int]]:
    """(rule, verb, class, day) → how many versions, by asking about each."""
    bucket_id = await world.bucket_id()
    rows = await world.raw.fetch("SELECT key, version_id FROM object WHERE bucket_id = $1 UNION ALL "
                                 "SELECT key, version_id FROM version WHERE bucket_id = $1", bucket_id)  # fmt: skip
    found: Counter[tuple[str, str, str, int]] = Counter()
    for seen in await look(world.place.database, [(bucket_id, *row) for row in rows]):
        assert seen is not None
        facts = facts_of(seen)
        if facts.is_marker:
            actions = list(of_marker(plan, facts))
        elif facts.is_latest:
            actions = [*of_current(plan, facts), *of_extended(plan, facts, ())]
        else:
            actions = [*of_noncurrent(plan, facts), *of_extended(plan, facts, ())]
        for action in actions:
            day = max(0, ceil((action.due - now) / DAY))
            moves = action.kind is not Kind.TRANSITION or may_follow(facts.storage_class, action.storage_class)
            # Rules by access alone look at the hot tier only.
            if day <= DAYS and moves and (action.rule_id not in ("idle", "idle-old") or facts.tier == "hot"):
                found[action.rule_id, action.kind.value, action.storage_class, day] += 1
    return found


async def test_the_numbers_are_those_of_the_evaluator(filled: World) -> None:
    plan, now = Plan(RULES, EXTENDED, versioning="Enabled"), datetime.now(UTC)
    wanted = await brute_force(filled, plan, now)
    found: Counter[tuple[str, str, str, int]] = Counter()
    for one in await expect(filled.place.database, await filled.bucket_id(), plan, now, DAYS):
        assert one.forecast.exact
        assert not one.error
        for day, count in enumerate(one.forecast.by_day):
            if count.objects:
                found[one.action.rule, one.action.action, one.action.storage_class, day] += count.objects
        assert bool(one.forecast.samples) == any(count.objects for count in one.forecast.by_day)
    assert found == wanted
    assert {name for name, *_ in wanted} == {rule.id for rule in (*RULES, *EXTENDED)} - {"later"}


async def test_bytes_and_samples(filled: World) -> None:
    plan, now = Plan((Rule("b", True, Filter("b/"), Expiration(days=1)),)), datetime.now(UTC)
    (one,) = await expect(filled.place.database, await filled.bucket_id(), plan, now, 5)
    total = await filled.raw.fetchrow("SELECT sum(size), count(*) FROM object WHERE bucket_id = $1 AND "
                                      "key >= 'b/' AND key < 'b0'", await filled.bucket_id())  # fmt: skip
    assert sum(count.bytes for count in one.forecast.by_day) == total[0]
    assert sum(count.objects for count in one.forecast.by_day) == total[1]
    assert all(key.startswith(b"b/") for key, _ in one.forecast.samples)
    assert await filled.tasks() == 0


async def test_beyond_the_limit_a_sample_stands_for_all(filled: World) -> None:
    plan, now = Plan(RULES, EXTENDED, versioning="Enabled"), datetime.now(UTC)
    await filled.raw.execute("ANALYZE object; ANALYZE version")
    exact = await expect(filled.place.database, await filled.bucket_id(), plan, now, DAYS)
    sampled = await expect(filled.place.database, await filled.bucket_id(), plan, now, DAYS, rows_max=0)
    # Of so small a table every page is in the sample.
    assert [one.forecast.by_day for one in exact] == [one.forecast.by_day for one in sampled]
    # Nothing to count; days of the last access, which the ledger has.
    assert {one.action.rule for one in sampled if one.forecast.exact and one.action.of == "current"} == {
        "later",
        "idle",
    }
    assert {one.forecast.margin for one in sampled} == {Count()}


async def test_a_prefix_is_counted_by_key(filled: World) -> None:
    """Where too many rows are due by their age, those below the prefix may still be few."""
    plan, now = Plan(RULES, EXTENDED), datetime.now(UTC)
    rows = len([key for key in await filled.tiers() if key.startswith(b"a/")])
    exact = await expect(filled.place.database, await filled.bucket_id(), plan, now, DAYS)
    within = await expect(filled.place.database, await filled.bucket_id(), plan, now, DAYS, rows_max=rows)
    assert [one.forecast.by_day for one in exact] == [one.forecast.by_day for one in within]
    assert {one.action.rule for one in within if one.forecast.exact} >= {"old", "hours", "later"}
    assert not all(one.forecast.exact for one in within)


async def test_an_estimate_says_how_far_off_it_may_be(
    world: World, raw: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many rows over many pages; every estimate, whatever the sample, is to be within a few of its margins."""
    await world.put(b"k", days=3, size=200_000)
    names = "seq, slot, storage_class, etag, extents, accessed, heat, tier, versioned, bucket_id"
    await raw.execute(
        f"INSERT INTO object (key, version_id, size, modified, {names}) SELECT convert_to(n || '/k', 'UTF8'), "
        f"convert_to('v' || n, 'UTF8'), size + n, modified - abs(hashint4(n)) % 7 * interval '1 day', {names} "
        "FROM object, generate_series(1, 5000) n WHERE bucket_id = $1", await world.bucket_id()
    )  # fmt: skip
    await raw.execute("ANALYZE object")
    await count_anew(world)
    monkeypatch.setattr(sql, "SAMPLE_ROWS", 1500)
    now, bucket_id = datetime.now(UTC), await world.bucket_id()
    rules = [Rule("all", True, Filter(), Expiration(days=1)), Rule("some", True, Filter(), Expiration(days=6))]
    exact = [one.forecast for one in await expect(world.place.database, bucket_id, Plan(tuple(rules)), now, 2)]
    for _ in range(5):
        every, some = [
            one.forecast for one in await expect(world.place.database, bucket_id, Plan(tuple(rules)), now, 2, 100)
        ]
        assert not every.exact
        # The ledger says how many there are: of what is about all nothing has to be guessed.
        assert (every.by_day, every.margin_now) == (exact[0].by_day, Count())
        assert 0 < some.margin_now.objects < 1500
        assert abs(some.by_day[0].objects - exact[1].by_day[0].objects) < 4 * some.margin_now.objects
        assert abs(some.by_day[0].bytes - exact[1].by_day[0].bytes) < 4 * some.margin_now.bytes


async def test_pins_hold_back_what_leaves_the_hot_tier(world: World) -> None:
    """As in the total, and as the engine does: until the latest pin of a key ends; deletions are not held back."""
    await world.put(b"a/x", b"a/b/x", b"a/b0", b"c", days=9.5, size=200_000)
    now, bucket_id = datetime.now(UTC), await world.bucket_id()
    pins = Pins(world.place.database)
    for prefix, after in ((b"a/", 3.5), (b"a/b/", 6.5), (b"a/b/x", 1.5), (b"zz", 2.5)):
        await pins.put(bucket_id, prefix, now + timedelta(days=after), 0)
    rules = (
        Rule("down", True, Filter(), None, (Transition("STANDARD_IA", 3),)),
        Rule("gone", True, Filter(), Expiration(days=3)),
    )
    idle = ExtendedRule("idle", True, last_access_days=1, storage_class="GLACIER_IR")
    await world.raw.execute("UPDATE object SET accessed = accessed - 5 WHERE bucket_id = $1", bucket_id)
    for rows_max in (1000, 0):
        found = await expect(world.place.database, bucket_id, Plan(rules, (idle,)), now, DAYS, rows_max)
        days_of = {
            one.action.rule: {day: count.objects for day, count in enumerate(one.forecast.by_day) if count.objects}
            for one in found
        }
        assert days_of == {"down": {0: 1, 4: 2, 7: 1}, "gone": {0: 4}, "idle": {0: 1, 4: 2, 7: 1}}
    alone = await totals(world.place.database, bucket_id, Plan(rules[:1]), now, DAYS)
    assert [{day: count.objects for day, count in enumerate(one.by_day) if count.objects}
            for one in alone.shares.values()] == [days_of["down"]]  # fmt: skip


def test_ranges_of_pins() -> None:
    now = datetime.now(UTC)
    pins = [Pin(1, prefix, now + timedelta(days=after), 0, now) for prefix, after in (
        (b"a", 1), (b"ab", 3), (b"abc", 2), (b"b\xff", 5), (b"", -1),
    )]  # fmt: skip
    bounds, untils = pinned_ranges(pins)
    assert bounds == sorted(bounds)
    for key in (b"", b"a", b"aa", b"ab", b"abc", b"abcd", b"abd", b"ac", b"b", b"b\xff", b"b\xff\xff", b"c", b"\xff"):
        at = bisect_right(bounds, key) - 1
        wanted = pinned_until(pins, 1, key)
        assert wanted is not None
        assert untils[at] == wanted.timestamp(), key
    assert pinned_ranges([]) == ([], [])


async def test_too_slow_is_said(filled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasts, "SECONDS_MAX", -1.0)
    plan = Plan(RULES[:1])
    (one,) = await expect(filled.place.database, await filled.bucket_id(), plan, datetime.now(UTC), 3)
    assert "not counted" in one.error
    assert not one.forecast.exact


async def test_a_statement_that_takes_too_long_leaves_its_connection_sound(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "STATEMENT_SECONDS", 0.05)
    sleep = Statement(select(func.pg_sleep(constant(5))))
    for _ in range(8):  # of four connections each is used
        with pytest.raises(sql.TooSlow, match="given up"):
            await sql.bounded(world.place.database, sleep)
    await world.place.database.ping()


async def test_nothing_can_be_changed(world: World) -> None:
    with pytest.raises(DatabaseUnavailable, match="read-only"):
        await sql.bounded(world.place.database, Statement(delete(task)))


async def test_steps_that_need_not_be_kept(world: World) -> None:
    for step in range(1, 13):
        await world.put(b"ckpt/step-%d/model" % step, b"ckpt/step-%d/state" % step, size=1000)
    await world.put(b"ckpz", b"ckpu/step-2/model", size=1000)
    rule = ExtendedRule("steps", True, Filter("ckpt/"), keep_last=KeepLast(3, 5), storage_class="GLACIER_IR")
    (one,) = await expect(world.place.database, await world.bucket_id(), Plan(extended=(rule,)), datetime.now(UTC), 1)
    # Kept: 10, 11, 12 as the last ones; 1, 6, 11 as every fifth.
    assert one.forecast.by_day[0].objects == 2 * 7
    assert {key.split(b"/")[1] for key, _ in one.forecast.samples} <= {b"step-%d" % n for n in (2, 3, 4, 5, 7, 8, 9)}


async def test_a_full_tier(world: World) -> None:
    await world.put(b"x", b"y", size=100_000)
    await world.raw.execute("DELETE FROM garbage")
    drives = Drives(world.place.database)
    await drives.register(Drive("d", "hot", "node", "/d", capacity_bytes=1_000_000, free_bytes=100_000))
    rule = ExtendedRule("full", True, tier_full=TierFull(80, 70), storage_class="GLACIER_IR")
    plan, now = Plan(extended=(rule,)), datetime.now(UTC)
    (one,) = await expect(world.place.database, await world.bucket_id(), plan, now, 1)
    space = await space_of(world.place.database, "hot")
    assert 0 < one.forecast.by_day[0].bytes == space.excess(TierFull(80, 70)) < 200_000
    await Nodes(world.place.database).beat(None, [("d", 1_000_000, 300_000)])
    (one,) = await expect(world.place.database, await world.bucket_id(), plan, now, 1)
    assert one.forecast.by_day[0].bytes == 0


async def test_what_is_locked_counts_when_its_lock_ends(world: World) -> None:
    """By action as in the total: as ``lock_of`` reads it, and only for what deletes for good."""
    now = datetime.now(UTC)
    until = {after: (now + timedelta(days=after)).isoformat() for after in (-2, 3.5, 6.5)}
    kept: list[object] = [
        {"m": "GOVERNANCE", "u": until[3.5]}, {"m": "COMPLIANCE", "u": until[6.5], "h": False},
        {"m": "GOVERNANCE", "u": until[-2]}, {"h": True}, {"h": False}, {}, None, "x", [], {"h": "true"},
        {"m": "GOVERNANCE", "u": until[3.5], "h": True}, {"m": "other", "u": until[3.5]}, {"m": "GOVERNANCE"},
        {"u": until[3.5]}, {"m": "COMPLIANCE", "u": "soon"}, {"m": "COMPLIANCE", "u": until[3.5][:-6]},
        {"m": "COMPLIANCE", "u": (now + timedelta(days=4.5)).replace(microsecond=0).isoformat()},
        *({"m": "GOVERNANCE", "u": moment} for moment in NO_MOMENTS),
    ]  # fmt: skip
    await world.versioning("Enabled")
    for _ in range(len(kept) + 2):
        await world.put(b"k", days=8, size=200_000)
    await world.age("version", 8, b"k", column="noncurrent_since")
    for seq, lock in enumerate(kept, 1):
        await world.raw.execute(
            "UPDATE version SET attrs = $1::jsonb WHERE seq = $2 AND bucket_id = $3",
            orjson.dumps({ATTR: lock}).decode(), seq, await world.bucket_id(),
        )  # fmt: skip
    ends = [lock_of({ATTR: lock}) for lock in kept]
    wanted: dict[str, Counter[int]] = {"gone": Counter(), "moved": Counter({0: len(kept) + 1})}
    for lock in [*ends, Lock()]:
        if not lock.hold:
            wanted["gone"][0 if lock.until is None else max(0, ceil((lock.until - now) / DAY))] += 1
    gone = Rule("gone", True, Filter(), noncurrent_expiration=NoncurrentExpiration(2))
    moved = Rule("moved", True, Filter(), noncurrent_transitions=(NoncurrentTransition("GLACIER_IR", 1),))
    await world.raw.execute("ANALYZE version")
    for rows_max in (1000, 0):
        plan = Plan((gone, moved), versioning="Enabled")
        found = await expect(world.place.database, await world.bucket_id(), plan, now, DAYS, rows_max)
        days_of = {
            one.action.rule: Counter({day: c.objects for day, c in enumerate(one.forecast.by_day) if c.objects})
            for one in found
        }
        assert days_of == wanted
    alone = await totals(world.place.database, await world.bucket_id(), Plan((gone,), versioning="Enabled"), now, DAYS)
    (share,) = alone.shares.values()
    assert Counter({day: c.objects for day, c in enumerate(share.by_day) if c.objects}) == wanted["gone"]

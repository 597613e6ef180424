"""What rules cost where a bucket has millions of objects: to look through all, and to find the few that are due.

The rows are copies (benchmarks/rows.py), written over thirty days that are an hour long here, all used last on one and
the same day: the worst case for a walk by access. A few thousand more become due one after the other while the clock
runs: how late they are moved is the lag.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from benchmarks import processes, rows
from benchmarks.cases.cliff import BUCKET, REAL, keys
from benchmarks.cases.demotion import moved
from benchmarks.figures import BenchmarkError, Figure, middle
from benchmarks.floor import KIB
from benchmarks.rig import Rig
from benchmarks.server import HOST, ObjectServer
from objstore.cli.admin_client import AdminClient, Target

DAY = timedelta(hours=1)
SPREAD_DAYS = 30
DUE, DUE_EVERY = 3000, timedelta(milliseconds=4)  # objects that become due, one after the other
DUE_SOON = timedelta(seconds=8)
LAG_SECONDS_MAX = 10.0
ANSWER_MILLISECONDS_MAX = 100.0
POLL_SECONDS = 0.05
WAIT_SECONDS_MAX = 1200.0
ENVIRONMENT = {"OBJSTORE_LIFECYCLE_DAY_SECONDS": str(round(DAY.total_seconds()))}


def run(rig: Rig) -> list[Figure]:
    """Rows a second and lag at as many objects as the case ``cliff`` has."""
    with rig.other_server(ENVIRONMENT) as server:
        server.fill(BUCKET, 4 * KIB, REAL)
        return asyncio.run(_run(server, rig.options.objects - REAL))


def _rule(prefix: str, tag: str = "") -> bytes:
    tags = f"<Tag><Key>tier</Key><Value>{tag}</Value></Tag>" if tag else ""
    return (
        "<LifecycleConfiguration><Rule><ID>cold</ID><Status>Enabled</Status>"
        f"<Filter><And><Prefix>{prefix}</Prefix><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan>{tags}</And></Filter>"
        "<Transition><Days>1</Days><StorageClass>STANDARD_IA</StorageClass></Transition></Rule></LifecycleConfiguration>"
    ).encode()


@dataclass(frozen=True, slots=True)
class _Pass:
    """A walk through all rows."""

    seconds: float
    cpu_seconds: float


async def _run(server: ObjectServer, count: int) -> list[Figure]:
    begun = datetime.now(UTC) - (SPREAD_DAYS + 2) * DAY
    async with rows.connected(server.dsn()) as connection:
        accessed = _day_of(begun)
        step = SPREAD_DAYS * DAY / max(1, count)
        await rows.copy_rows(connection, BUCKET, keys(count), at=lambda n: (begun + n * step, accessed))
        total = count + REAL
        by_age = await _pass(server, connection, "cold", lambda: _put(server, _rule("", "none")))
        by_access = await _pass(server, connection, "", lambda: _wake(connection))
        answered = await _put(server, _rule("due/"))
        await _finished(connection, "cold", datetime.now(UTC))
        lag, rate = await _lag(server, connection)
        found = await _found(server, connection)
    client = AdminClient(Target(f"http://{HOST}:{server.port}", "us-east-1", server.access_key, server.secret_key))
    heat = [_timed(lambda: client.call("GET", f"/buckets/{BUCKET}/heat")) for _ in range(3)]
    return [
        Figure("PutBucketLifecycleConfiguration", answered * 1e3, "ms", at_most=ANSWER_MILLISECONDS_MAX),
        *_passed(f"a new rule by age looks through {total:,} objects", total, by_age),
        *_passed(f"a walk by access looks through {total:,} objects of one day", total, by_access),
        Figure(
            "from due to moved",
            lag,
            "s",
            at_most=LAG_SECONDS_MAX,
            note=f"the last of {DUE:,} of which {rate:,.0f} become due a second",
        ),
        Figure("objects found while all are due", found, "/s", note="and moved at the same time"),
        Figure("histogram of heat", middle(heat) * 1e3, "ms"),
    ]


def _passed(name: str, total: int, one: _Pass) -> list[Figure]:
    note = f"{total / one.seconds:,.0f} rows/s; CPU {one.cpu_seconds / total * 1e6:.1f} µs a row"
    return [Figure(name, one.seconds, "s", note=note)]


def _day_of(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // DAY


def _timed(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


async def _put(server: ObjectServer, rule: bytes) -> float:
    return await asyncio.to_thread(lambda: _timed(lambda: server.request("PUT", f"/{BUCKET}", {"lifecycle": ""}, rule)))


async def _wake(connection: asyncpg.Connection) -> None:
    """Have the walk of Intelligent-Tiering, which every bucket has, begin anew."""
    await connection.execute("update walk set next_run = now(), number = 0, seq = 0, key = '' where rule = ''")


async def _pass(
    server: ObjectServer, connection: asyncpg.Connection, rule: str, start: Callable[[], Awaitable[object]]
) -> _Pass:
    """Let a walk go through everything."""
    pids = [server.background_pid(), *server.postgres_pids()]
    cpu, began, since = processes.cpu_seconds(pids), time.monotonic(), datetime.now(UTC)
    await start()
    await _finished(connection, rule, since)
    return _Pass(time.monotonic() - began, processes.cpu_seconds(pids) - cpu)


async def _finished(connection: asyncpg.Connection, rule: str, since: datetime) -> None:
    """Wait until the walks of a rule have been at it since then, and rest."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    resting = "select count(*) filter (where next_run <= now()), min(next_run) from walk where rule = $1"
    while time.monotonic() < deadline:
        busy, next_run = await connection.fetchrow(resting, rule)
        if next_run is not None and not busy and next_run > since + timedelta(seconds=1):
            return
        await asyncio.sleep(POLL_SECONDS)
    raise BenchmarkError(f"the walk of {rule!r} has not ended in {WAIT_SECONDS_MAX:.0f} s")


async def _lag(server: ObjectServer, connection: asyncpg.Connection) -> tuple[float, float]:
    """How much later than due the last of some objects was moved, and how many became due a second."""
    first = datetime.now(UTC) + DUE_SOON - DAY
    before = await moved(connection)
    due = (b"due/%06d" % number for number in range(DUE))
    await rows.copy_rows(connection, BUCKET, due, at=lambda n: (first + n * DUE_EVERY, 0), settle=False)
    last = first + (DUE - 1) * DUE_EVERY + DAY
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while await moved(connection) < before + DUE:
        if time.monotonic() > deadline:
            raise BenchmarkError("what was due was not moved")
        await asyncio.sleep(POLL_SECONDS)
    return (datetime.now(UTC) - last).total_seconds(), 1 / DUE_EVERY.total_seconds()


async def _found(server: ObjectServer, connection: asyncpg.Connection) -> float:
    """Tasks a second that a rule finds that is about everything, as long as it may go on."""
    query = "select coalesce(sum(found), 0) from walk where rule = 'cold'"
    before, began = await connection.fetchval(query), time.monotonic()
    await _put(server, _rule(""))
    found, last = 0, 0.0
    while time.monotonic() < began + 10:
        now = int(await connection.fetchval(query) - before)
        if now != found:
            found, last = now, time.monotonic() - began
        await asyncio.sleep(POLL_SECONDS)
    if not found:
        raise BenchmarkError("the rule finds nothing")
    return found / last

"""What a dry run takes where a bucket has millions of objects, and what clients feel of it.

The rows are copies (benchmarks/rows.py), written over sixty days and used last when they were written, a tenth of them
with a tag; the ledger of usage has them too, as a server's has.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import rows
from benchmarks.cases.cliff import BUCKET, key_of, keys
from benchmarks.figures import Figure, middle
from benchmarks.floor import KIB
from benchmarks.rig import Rig
from benchmarks.server import HOST, ObjectServer
from objstore.cli.admin_client import AdminClient, Target

REAL = 1000
DAY, SPREAD_DAYS = timedelta(days=1), 60
TAGGED = 10  # one of so many
RUNS = 3
SECONDS_MAX = 10.0
READS_MIN = 200
_SIZE = {"ObjectSizeGreaterThan": 1}
_LEDGER = """
INSERT INTO usage (bucket_id, objects, bytes, accessed, tier, storage_class, noncurrent, prefix)
SELECT bucket_id, count(*), sum(size), accessed, tier, storage_class, false, 'corpus/'::bytea
FROM object WHERE bucket_id = $1 AND key >= 'corpus/' AND key < 'corpus0'
GROUP BY bucket_id, accessed, tier, storage_class
"""


def _rule(name: str, **parts: Any) -> dict[str, Any]:
    return {"ID": name, "Status": "Enabled", **parts}


def _down(days: int, to: str) -> dict[str, Any]:
    return {"Days": days, "StorageClass": to}


RULES: dict[str, dict[str, Any]] = {
    "an age, below a prefix of a thousandth": {
        "Rules": [
            _rule("one", Filter={"And": {"Prefix": "corpus/0007/", **_SIZE}}, Transitions=[_down(30, "GLACIER_IR")])
        ]
    },
    "an age and a tag": {
        "Rules": [
            _rule("one", Filter={"Tag": {"Key": "kind", "Value": "raw"}}, Expiration={"Days": 30})
        ]
    },
    "two transitions by age": {
        "Rules": [
            _rule("one", Filter=_SIZE, Transitions=[_down(30, "STANDARD_IA"), _down(50, "GLACIER")])
        ]
    },
    "days without an access": {
        "ExtendedRules": [_rule("one", LastAccessDays=30, StorageClass="GLACIER_IR")]
    },
    "KeepLast of a thousand steps": {
        "ExtendedRules": [
            _rule("one", Filter={"Prefix": "corpus/"}, KeepLast={"Last": 100, "Every": 50}, StorageClass="GLACIER_IR")
        ]
    },
}  # fmt: skip


def run(rig: Rig) -> list[Figure]:
    """The median of each, and small reads beside all of them."""
    count = rig.options.objects
    with rig.other_server() as server:
        server.fill(BUCKET, 4 * KIB, REAL)
        asyncio.run(_load(server, count - REAL))
        client = AdminClient(Target(f"http://{HOST}:{server.port}", "us-east-1", server.access_key, server.secret_key))
        figures = [_figure(client, name, rules) for name, rules in RULES.items()]
        alone, beside = _reads(server, client)
    return [
        Figure(f"{count:,} objects", count, "rows"),
        *figures,
        Figure("4 KiB GET, one at a time: p99", alone * 1e3, "ms"),
        Figure("the same beside dry runs", beside * 1e3, "ms"),
    ]


async def _load(server: ObjectServer, count: int) -> None:
    begun = datetime.now(UTC) - SPREAD_DAYS * DAY
    step = SPREAD_DAYS * DAY / max(1, count)

    def at(number: int) -> tuple[datetime, int]:
        moment = begun + number * step
        return moment, (moment - datetime(1970, 1, 1, tzinfo=UTC)) // DAY

    async with rows.connected(server.dsn()) as connection:
        tag = (
            """UPDATE object SET tags = '{"kind": "raw"}' WHERE bucket_id = $1 AND abs(hashtext(key::text)) % $2 = 0"""
        )
        bucket = await rows.bucket_id(connection, BUCKET)
        await connection.execute(tag, bucket, TAGGED)
        await rows.copy_rows(connection, BUCKET, keys(count), at=at)
        await connection.execute(_LEDGER, bucket)
        await connection.execute("ANALYZE usage")


def _figure(client: AdminClient, name: str, rules: dict[str, Any]) -> Figure:
    took, found = [], {}
    for _ in range(RUNS):
        began = time.monotonic()
        found = _dry_run(client, rules)
        took.append(time.monotonic() - began)
    notes = [
        one["error"]
        or f"{one['now']['objects']:,} now, {one['total']['objects']:,} in 30 days"
        + ("" if one["exact"] else f", ± {one['margin']['objects']:,}")
        for one in found["actions"]
    ]
    together = found["together"]["error"]
    return Figure(name, middle(took), "s", at_most=SECONDS_MAX, note="; ".join(notes) + (together and f"; {together}"))


def _dry_run(client: AdminClient, rules: dict[str, Any]) -> Any:
    return client.call("POST", f"/buckets/{BUCKET}/lifecycle/dry-run", body=rules)


def _reads(server: ObjectServer, client: AdminClient) -> tuple[float, float]:
    """p99 of small reads while nothing goes on, and while dry runs do."""
    alone = [_read(server, number) for number in range(READS_MIN)]
    beside: list[float] = []
    with ThreadPoolExecutor(1) as others:
        running = others.submit(lambda: [_dry_run(client, rules) for rules in RULES.values()])
        while not running.done() or len(beside) < READS_MIN:
            beside.append(_read(server, len(beside)))
        running.result()
    return _p99(alone), _p99(beside)


def _read(server: ObjectServer, number: int) -> float:
    began = time.monotonic()
    server.request("GET", f"/{BUCKET}/{key_of(number).decode()}")
    return time.monotonic() - began


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[len(seconds) * 99 // 100 - 1]

"""Pins: what is below a prefix stays on the hot tier until a time, and is brought there, up to a budget.

What is brought there is a warm-up job's work, whose id follows from the pin's name.
"""

from datetime import datetime
from hashlib import blake2b
from math import ceil

from objstore.lifecycle.warm import DAYS_MAX, cancel_warming, start_warming
from objstore.meta.database import Database
from objstore.meta.pins import PINS_MAX, Pin, Pins
from objstore.meta.warm_jobs import WarmJobs
from objstore.model import clock, days

ENDED_AT_ONCE = 100
REST_SECONDS = 3600.0  # between the looks of a pin that has found all there was


async def put_pin(database: Database, bucket_id: int, prefix: bytes, until: datetime, budget_bytes: int) -> str:
    """Pin a prefix, or change its pin and look through it again; the id of the warm-up job. Raises ValueError."""
    now = clock.now()
    if until <= now:
        raise ValueError("until: a time to come")
    if budget_bytes < 0:
        raise ValueError("budget_bytes: 0 or more")
    pins = Pins(database)
    if await pins.count(bucket_id) >= PINS_MAX and prefix not in {pin.prefix for pin in await pins.list([bucket_id])}:
        raise ValueError(f"a bucket has at most {PINS_MAX} pins")
    await pins.put(bucket_id, prefix, until, budget_bytes)
    count = min(max(1, ceil((until - now) / days.days(1))), DAYS_MAX)
    return await start_warming(database, bucket_id, prefix, count, budget_bytes, pin_job(bucket_id, prefix))


async def list_pins(database: Database, bucket_id: int | None) -> list[Pin]:
    """Pins of a bucket, by prefix; or (None) of all buckets."""
    return await (Pins(database).all() if bucket_id is None else Pins(database).list([bucket_id]))


async def cancel_pin(database: Database, bucket_id: int, prefix: bytes) -> bool:
    """End a pin, and the job that brings objects to the hot tier for it; False if there is none."""
    ended = await Pins(database).remove(bucket_id, prefix)
    await cancel_warming(database, pin_job(bucket_id, prefix).hex())
    return ended


async def expire_pins(database: Database) -> int:
    """End pins whose time has come; how many."""
    ended = await Pins(database).expire(clock.now(), ENDED_AT_ONCE)
    for bucket_id, prefix in ended:
        await cancel_warming(database, pin_job(bucket_id, prefix).hex())
    return len(ended)


async def look_again(database: Database) -> int:
    """Bring to the hot tier what is new and cold below pinned prefixes; how many pins are looked through again."""
    jobs = [pin_job(*name) for name in await Pins(database).names()]
    return await WarmJobs(database).look_again(jobs, REST_SECONDS)


def pin_job(bucket_id: int, prefix: bytes) -> bytes:
    """The id of a pin's warm-up job."""
    return blake2b(bucket_id.to_bytes(8, "little") + prefix, digest_size=16).digest()

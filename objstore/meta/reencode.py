"""Reencoding of tiers: which volumes have another profile than the tier's, and how far a job has come.

A job is kept in the row of its tier (``tier.settings["reencode"]``). What is left to do is not counted but looked at:
volumes know their own profiles.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
import orjson
from sqlalchemy import BigInteger, ColumnElement, SmallInteger, Text, and_, cast, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import JSONB

from objstore.meta.database import Database, Transaction
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import tier, volume
from objstore.meta.volume_statements import GARBAGE, VOLUME_COLUMNS
from objstore.meta.volumes import volume_of
from objstore.model import clock
from objstore.model.profile import Profile
from objstore.model.states import VolumeState
from objstore.model.volumes import Volume

v = volume.c
_SETTING = "reencode"
ERROR_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class Job:
    """A tier's volumes are to have ``profile``. ``volumes``, ``bytes``: done so far; ``finished``: nothing is left."""

    profile: Profile
    started: datetime
    finished: datetime | None = None
    volumes: int = 0
    bytes: int = 0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """Volumes of other profiles. ``open``: of these, those that somebody still appends to. ``bytes``: of the others."""

    volumes: int
    open: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ProfileTotals:
    """Volumes of a tier that have one profile. ``data_bytes`` counts from when they are sealed."""

    tier: str
    k: int
    m: int
    unit_bytes: int
    volumes: int
    data_bytes: int


_tier = param("tier_name", Text)
_LAYOUT = ("k", "m", "unit_bytes", "pack_bytes_max", "stripe_bytes_max")
_NAMES = ("tier_name", *(f"its_{name}" for name in _LAYOUT))
_differs: ColumnElement[bool] = or_(
    *[v[name] != param(f"its_{name}", SmallInteger if name in ("k", "m") else BigInteger) for name in _LAYOUT]
)
_alive = v.state != constant(VolumeState.RETIRED.value)
_is_open = v.state == constant(VolumeState.OPEN.value)
_others = and_(v.tier == _tier, _differs)
_now = func.clock_timestamp()
_idle = or_(
    v.state == constant(VolumeState.SEALED.value),
    and_(v.state == constant(VolumeState.COMPACTING.value), v.lease_until < _now),
)
_OTHERS = Statement(
    select(*VOLUME_COLUMNS, GARBAGE.c.bytes)
    .join_from(volume, GARBAGE, true())
    .where(_others, _idle, or_(v.retry_after.is_(None), v.retry_after <= _now))
    .order_by(v.id)
    .limit(param("limit", BigInteger)),
    *_NAMES,
    "limit",
)
_LEFT = Statement(
    select(
        func.count(),
        func.count().filter(_is_open),
        cast(func.coalesce(func.sum(v.data_bytes), constant(0)), BigInteger),
    ).where(_others, _alive),
    *_NAMES,
)
_REQUEST_SEAL = Statement(update(volume).where(_others, _is_open).values(seal_requested=true()), *_NAMES)
_TOTALS = Statement(
    select(v.tier, v.k, v.m, v.unit_bytes, func.count(), cast(func.sum(v.data_bytes), BigInteger))
    .where(_alive)
    .group_by(v.tier, v.k, v.m, v.unit_bytes)
    .order_by(v.tier, v.k, v.m, v.unit_bytes)
)
_JOBS = Statement(select(tier.c.name, tier.c.settings).order_by(tier.c.code))
_LOCK = Statement(select(tier.c.settings).where(tier.c.name == _tier).with_for_update(), "tier_name")
_SAVE = Statement(
    update(tier).where(tier.c.name == _tier).values(settings=param("its_settings", JSONB)), "tier_name", "its_settings"
)


async def jobs(database: Database) -> dict[str, Job]:
    """The last job of every tier that had one."""
    found = {name: orjson.loads(settings).get(_SETTING) for name, settings in await database.fetch(_JOBS)}
    return {name: msgspec.convert(job, Job) for name, job in found.items() if job is not None}


async def start_job(database: Database, name: str, profile: Profile) -> Job | None:
    """Begin a tier's job, or go on with the one to the same profile; None if there is no such tier."""

    def begin(known: Job | None) -> Job:
        if known is not None and known.finished is None and known.profile == profile:
            return known
        return Job(profile, clock.now())

    return await _change(database, name, begin)


async def add_done(database: Database, name: str, volumes: int, size: int, error: str = "") -> None:
    """Add to a job's figures."""

    def add(known: Job | None) -> Job | None:
        if known is None:
            return None
        told = error[:ERROR_CHARS_MAX] or known.last_error
        return replace(known, volumes=known.volumes + volumes, bytes=known.bytes + size, last_error=told)

    await _change(database, name, add)


async def finish_job(database: Database, name: str) -> None:
    """Note that nothing is left."""
    await _change(database, name, lambda known: known and replace(known, finished=clock.now(), last_error=""))


async def volumes_left(database: Database, name: str, profile: Profile) -> Left:
    """What of a tier has another profile."""
    return Left(*(await database.fetch(_LEFT, name, *_layout(profile)))[0])


async def other_volumes(database: Database, name: str, profile: Profile, limit: int) -> list[tuple[Volume, int]]:
    """Sealed volumes of other profiles, with their garbage bytes; open ones are asked to be sealed."""
    await database.change(_REQUEST_SEAL, name, *_layout(profile))
    return [(volume_of(row), row[-1]) for row in await database.fetch(_OTHERS, name, *_layout(profile), limit)]


async def profile_totals(database: Database) -> list[ProfileTotals]:
    """All volumes that are not retired, by tier and profile."""
    return [ProfileTotals(*record) for record in await database.fetch(_TOTALS)]


def _layout(profile: Profile) -> list[int]:
    return [getattr(profile, name) for name in _LAYOUT]


async def _change(database: Database, name: str, change: Any) -> Job | None:
    async def work(transaction: Transaction) -> Job | None:
        await transaction.identify()
        row = await transaction.first(_LOCK, name)
        if row is None:
            return None
        settings = orjson.loads(row[0])
        known = settings.get(_SETTING)
        job: Job | None = change(None if known is None else msgspec.convert(known, Job))
        if job is not None:
            settings[_SETTING] = asdict(job)
            await transaction.execute(_SAVE, name, orjson.dumps(settings).decode())
        return job

    return await database.transact(work)

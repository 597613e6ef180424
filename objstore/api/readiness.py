"""Readiness: whether a write could be placed now, and if not, why."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from objstore.drive.health import Health
from objstore.meta.database import Database
from objstore.model import clock
from objstore.model.errors import ClusterError
from objstore.model.profile import Profile
from objstore.model.tiers import HOT

CHECK_SECONDS_MAX = 2.0
REMEMBER_SECONDS = 1.0  # whoever asks: the database is asked at most this often


class LocalDriveState(Protocol):
    """What a drive says about itself."""

    id: str
    tier: str
    health: Health
    write_once: bool

    @property
    def usable(self) -> bool: ...

    @property
    def full(self) -> bool: ...

    async def refresh(self) -> None: ...


class Readiness:
    """``problems``: drives that were left out at the start, and why. ``own``: ids of drives that go with this host."""

    def __init__(
        self,
        database: Database,
        drives: Collection[LocalDriveState],
        profiles: Mapping[str, Profile],
        problems: Sequence[str] = (),
        own: Collection[str] = (),
    ) -> None:
        self.drives = drives
        self.problems = list(problems)
        self._own = frozenset(own)
        self._database = database
        self._profiles = profiles
        self._report: tuple[float, dict[str, Any]] | None = None
        self._checking: asyncio.Task[dict[str, Any]] | None = None

    async def report(self) -> dict[str, Any]:
        """``{"ready": bool, "database": "ok" | why not, "tiers": {…}}``, at most a second old."""
        if self._report is not None and clock.monotonic_seconds() - self._report[0] < REMEMBER_SECONDS:
            return self._report[1]
        if self._checking is None:
            self._checking = asyncio.create_task(self._check())
            self._checking.add_done_callback(self._checked)
        return await asyncio.shield(self._checking)

    async def cluster(self, *, writes: bool, without_us: bool = False) -> bool:
        """Whether all local tiers can be written to, or read from; ``without_us``: also without this host's drives."""
        if (await self.report())["database"] != "ok":
            return False
        local = [drive for drive in self.drives if not drive.write_once]
        for tier in {drive.tier for drive in local} | {HOT}:
            profile = self._profiles.get(tier)
            there = [drive for drive in local if drive.tier == tier and not (without_us and drive.id in self._own)]
            needed = 0 if profile is None else profile.floor if writes else profile.k
            if sum(drive.usable or (not writes and drive.full) for drive in there) < needed:
                return False
        return True

    def _checked(self, task: "asyncio.Task[dict[str, Any]]") -> None:
        self._checking = None
        if not task.cancelled() and task.exception() is None:
            self._report = (clock.monotonic_seconds(), task.result())

    async def _check(self) -> dict[str, Any]:
        database, _ = await asyncio.gather(self._check_database(), self._refresh_drives())
        tiers = {tier: self._tier(tier, profile) for tier, profile in self._profiles.items()}
        # A remote tier that is away is no reason to take a gateway from its clients.
        remote = {drive.tier for drive in self.drives if drive.write_once}
        here = {drive.tier for drive in self.drives} | {HOT}
        ready = database == "ok" and all(tiers[name]["writable"] for name in here - remote if name in tiers)
        return {"ready": ready, "database": database, "tiers": tiers, "problems": self.problems}

    async def _check_database(self) -> str:
        try:
            await asyncio.wait_for(self._database.ping(), CHECK_SECONDS_MAX)
        except ClusterError:
            return "unavailable"
        except TimeoutError:
            return "does not answer"
        return "ok"

    async def _refresh_drives(self) -> None:
        """A drive that does not answer in time is judged by what is known of it."""
        tasks = [asyncio.create_task(_refresh(drive)) for drive in self.drives]
        if tasks:
            await asyncio.wait(tasks, timeout=CHECK_SECONDS_MAX)

    def _tier(self, tier: str, profile: Profile) -> dict[str, Any]:
        drives = [drive for drive in self.drives if drive.tier == tier]
        usable = sum(drive.usable for drive in drives)
        full = sum(drive.full for drive in drives)
        return {
            "profile": str(profile),
            "writable": usable >= (profile.n if full else profile.floor),
            "drives": len(drives),
            "usable": usable,
            "full": full,
            "needed": profile.n,
        }


async def _refresh(drive: LocalDriveState) -> None:
    try:
        await drive.refresh()
    except ClusterError:
        return  # the drive has noted it

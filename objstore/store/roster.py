"""Roster: the drives that this process knows, kept as the database has them.

A drive that is new there is opened, one that is elsewhere now is reached there, and volumes are no longer appended to
on a drive that is not up. What users of drives have met here goes back: detection judges by it.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from objstore.drive.base import Drive
from objstore.meta.drives import Drives
from objstore.model.states import DriveState
from objstore.model.volumes import Drive as DriveRow

REFRESH_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Connector(Protocol):
    """Opens drives of other processes."""

    async def connect(self, row: DriveRow, known: Drive | None) -> Drive | None:
        """The drive of a row: ``known``, or another one if that is not where it was; None if it is not of a node."""
        ...

    def forget_others(self, drives: Collection[Drive]) -> None:
        """Let go of what none of these is reached by."""
        ...


class Pool(Protocol):
    """What has volumes open."""

    def leave_drives(self, drive_ids: Sequence[str]) -> None: ...

    def leave_lacking(self) -> None: ...


@dataclass(slots=True)
class Roster:
    """``drives`` and ``rows`` by id are shared with all who use drives, and change in place.

    ``changed`` is called when a drive was added or exchanged.
    """

    table: Drives
    drives: dict[str, Drive]
    rows: dict[str, DriveRow]
    pool: Pool
    changed: Callable[[], None]
    connector: Connector | None = None
    _told: dict[str, int] = field(default_factory=dict)

    @property
    def opened(self) -> Collection[Any]:
        """All drives that are known now, and later those that are known then."""
        return self.drives.values()

    async def run(self) -> None:
        """Refresh every second, until cancelled."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
            except Exception as error:
                # Whatever it was: what is known is as good as it was a second ago.
                log.warning("roster_not_refreshed", error=repr(error))

    async def refresh(self) -> None:
        """Take what the database says of drives, and tell it what they did. Raises DatabaseUnavailable."""
        left = []
        for row in await self.table.list():
            was, self.rows[row.id] = self.rows.get(row.id), row
            if row.state != DriveState.UP and (was is None or was.state == DriveState.UP):
                left.append(row.id)
        if self.connector is not None:
            await asyncio.gather(*(self._connect(self.connector, row) for row in list(self.rows.values())))
            self.connector.forget_others(self.drives.values())
        if left:
            self.pool.leave_drives(left)
        self.pool.leave_lacking()
        await self._tell()

    async def _connect(self, connector: Connector, row: DriveRow) -> None:
        known = self.drives.get(row.id)
        drive = await connector.connect(row, known)
        if drive is not None and drive is not known:
            self.drives[row.id] = drive
            self.changed()

    async def _tell(self) -> None:
        """Report strikes since the last time."""
        strikes = _strikes(self.drives)
        more = {id_: float(count - self._told.get(id_, 0)) for id_, count in strikes.items()}
        await self.table.strike({id_: count for id_, count in more.items() if count > 0})
        self._told = strikes


def _strikes(drives: Mapping[str, Drive]) -> dict[str, int]:
    found = ((id_, getattr(drive, "health", None)) for id_, drive in drives.items())
    return {id_: health.strikes for id_, health in found if health is not None}

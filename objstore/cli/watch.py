"""Say that the drives of this process are there, and judge all drives of the cluster."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from objstore.cli.pause import pause
from objstore.meta.nodes import Nodes
from objstore.model.errors import CorruptData, DriveError, ObjstoreError
from objstore.repair.detection import Detector

BEAT_SECONDS = 1.0

log = structlog.get_logger(__name__)


class WatchedDrive(Protocol):
    """A drive of this process."""

    id: str

    @property
    def reachable(self) -> bool: ...

    async def check(self) -> None: ...

    async def space(self) -> tuple[int, int]: ...


async def run_beats(nodes: Nodes, name: str | None, drives: Sequence[WatchedDrive], stop: asyncio.Event) -> None:
    """Look at each drive every second, and note those that are in order. ``name``: of the node they belong to."""
    while not stop.is_set():
        await beat(nodes, name, drives)
        await pause(stop, BEAT_SECONDS)


async def beat(nodes: Nodes, name: str | None, drives: Sequence[WatchedDrive]) -> None:
    """Once."""
    try:
        told = await asyncio.gather(*map(_look, drives))
        await nodes.beat(name, [one for one in told if one is not None])
    except ObjstoreError as error:
        log.warning("no_heartbeat", error=repr(error))


async def run_detection(detector: Detector, stop: asyncio.Event) -> None:
    """Judge every second."""
    while not stop.is_set():
        try:
            await detector.step()
        except ObjstoreError as error:
            log.warning("drives_not_judged", error=repr(error))
        await pause(stop, BEAT_SECONDS)


async def _look(drive: WatchedDrive) -> tuple[str, int, int] | None:
    """What there is to say of a drive that is in order; None for one that is not."""
    try:
        await drive.check()
        capacity, free = await drive.space()
    except (DriveError, CorruptData):
        return None
    return (drive.id, capacity, free) if drive.reachable else None

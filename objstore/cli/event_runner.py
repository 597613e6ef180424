"""Runs the delivery of events in the background worker."""

import asyncio
import contextlib

import msgspec
import structlog

from objstore.cli.spec import WorkerSpec
from objstore.events.deliver import Deliverer
from objstore.events.targets import Target, TargetSpec, open_target
from objstore.meta.database import Database
from objstore.meta.events import Events
from objstore.model import clock
from objstore.model.errors import ObjstoreError

IDLE_SECONDS = 0.5
FAILED_SECONDS = 5.0
EXPIRE_SECONDS = 3600.0

log = structlog.get_logger(__name__)


def open_targets(spec: WorkerSpec) -> dict[str, Target]:
    """The targets of the settings; one whose client is not installed is left out, and its events wait."""
    targets: dict[str, Target] = {}
    for one in spec.events:
        try:
            targets[one.name] = open_target(TargetSpec(**msgspec.structs.asdict(one)))
        except (ImportError, ValueError) as error:
            log.error("event_target_not_usable", target=one.name, kind=one.kind, error=str(error))
    return targets


async def run_events(spec: WorkerSpec, database: Database, stop: asyncio.Event) -> None:
    """Until ``stop``: what is being delivered then is finished."""
    deliverer = Deliverer(Events(database), open_targets(spec))
    expired = clock.monotonic_seconds()
    try:
        while not stop.is_set():
            try:
                pause = 0.0 if await deliverer.step() else IDLE_SECONDS
                if clock.monotonic_seconds() - expired > EXPIRE_SECONDS:
                    expired = clock.monotonic_seconds()
                    await deliverer.expire()
            except ObjstoreError as error:
                log.warning("events_failed", error=repr(error))
                pause = FAILED_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
    finally:
        await deliverer.close()

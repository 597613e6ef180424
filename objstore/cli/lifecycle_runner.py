"""Runs the lifecycle engine in the background worker: loops that find what is due, and loops that do it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from objstore.cli.spec import LifecycleSpec
from objstore.lifecycle.engine import Engine
from objstore.model.errors import ObjstoreError

FAILED_SECONDS = 5.0

log = structlog.get_logger(__name__)


async def run_engine(engine: Engine, spec: LifecycleSpec, stop: asyncio.Event) -> None:
    """Until ``stop``: what is under way then is finished."""

    async def find() -> int:
        await engine.sync()
        ended = await engine.expire_pins() + await engine.expire_copies()
        return await engine.walk() + await engine.warm() + ended + engine.behind

    loops = [_loop(find, spec.interval_seconds, stop)]
    loops += [_loop(engine.work, spec.interval_seconds / 2, stop) for _ in range(spec.workers)]
    await asyncio.gather(*loops)


async def _loop(step: Callable[[], Awaitable[int]], idle_seconds: float, stop: asyncio.Event) -> None:
    """Step after step while there is something to do."""
    while not stop.is_set():
        try:
            pause = 0.0 if await step() else idle_seconds
        except ObjstoreError as error:
            log.warning("lifecycle_failed", error=repr(error))
            pause = FAILED_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)

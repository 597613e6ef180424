"""The folding of accesses in a gateway worker: every few seconds, earlier when the memory for them is crowded."""

import asyncio
import contextlib

import structlog

from objstore.lifecycle.heat import Folding
from objstore.model.errors import ObjstoreError
from objstore.store.accesses import Accesses

FINISH_SECONDS_MAX = 5.0
PAUSE_SECONDS_MIN = 0.1

log = structlog.get_logger(__name__)


async def run_folding(folding: Folding, accesses: Accesses, seconds: float, served: asyncio.Event) -> None:
    """Fold until everything is ``served``, then what is left."""
    while not served.is_set():
        try:
            await folding.step()
        except ObjstoreError as error:
            log.warning("accesses_not_folded", error=repr(error))
        except Exception as error:
            # Whatever it was, the next fold may pass; without any, objects that are read would go cold.
            log.exception("accesses_not_folded", error=repr(error))
        await _pause(seconds, served, accesses.crowded)
    try:
        async with asyncio.timeout(FINISH_SECONDS_MAX):
            await folding.finish()
    except (ObjstoreError, TimeoutError) as error:
        log.warning("accesses_lost", count=len(accesses), error=repr(error))


async def _pause(seconds: float, served: asyncio.Event, crowded: asyncio.Event) -> None:
    """Sleep; to be served is the end of it, and so is a crowd, but for a moment that is always left to clients."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(served.wait(), min(seconds, PAUSE_SECONDS_MIN))
    waiting = [asyncio.ensure_future(event.wait()) for event in (served, crowded)]
    await asyncio.wait(waiting, timeout=max(0.0, seconds - PAUSE_SECONDS_MIN), return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()

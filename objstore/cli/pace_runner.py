"""Paces of a background process: as configured, or as an operator has set them, looked up every few seconds.

They hold for the whole cluster. A process that uses one says so in Postgres, and goes at an equal part of it: one more
that begins is noticed with the next look, one that has ended a few looks later.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping

import structlog

from objstore.cli.pause import pause
from objstore.cli.spec import WorkerSpec
from objstore.meta.paces import Paces
from objstore.model import clock
from objstore.model.errors import ObjstoreError
from objstore.model.paces import KINDS, LIFECYCLE_BYTES, LIFECYCLE_OPERATIONS, REBALANCE, REPAIR, SCRUB, share_of

LOOK_SECONDS = 2.0
LOOKS_KEPT = 3  # a process that has not used a pace for so many looks has no part of it

log = structlog.get_logger(__name__)

Rates = Mapping[str, float | None]  # by name; None: no bound


def configured_paces(spec: WorkerSpec) -> dict[str, float | None]:
    """What the configuration says."""
    return {
        REPAIR: spec.repair.bytes_per_second,
        REBALANCE: None,
        SCRUB: spec.repair.scrub_bytes_per_second,
        LIFECYCLE_BYTES: spec.lifecycle.bytes_per_second,
        LIFECYCLE_OPERATIONS: spec.lifecycle.operations_per_second,
    }


async def run_paces(
    paces: Paces,
    configured: Rates,
    take: Callable[[Rates], None],
    used: Callable[[], Collection[str]],
    stop: asyncio.Event,
) -> None:
    """Tell ``take`` of this process's part of each whenever one has changed; what cannot be looked up stays as it was.

    ``used``: names of those that there was need of since it was last asked.
    """
    held, process = dict(configured), clock.random_id()
    while not stop.is_set():
        try:
            found = await paces.all()
            whole = {name: found[name].value if name in found else configured[name] for name in KINDS}
            bounded = {name for name, value in whole.items() if value is not None}
            needed = bounded.intersection(used())
            others = await paces.share(process, list(needed), LOOKS_KEPT * LOOK_SECONDS) if bounded else {}
        except ObjstoreError as error:
            log.warning("paces_not_read", error=repr(error))
        else:
            rates = {name: share_of(name, value, others.get(name, 0)) for name, value in whole.items()}
            if rates != held:
                held = rates
                take(rates)
        await pause(stop, LOOK_SECONDS)

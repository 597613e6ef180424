"""Paces of a background process: as configured, or as an operator has set them, looked up every few seconds."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from objstore.cli.pause import pause
from objstore.cli.spec import WorkerSpec
from objstore.meta.paces import Paces
from objstore.model.errors import ObjstoreError
from objstore.model.paces import KINDS, LIFECYCLE_BYTES, LIFECYCLE_OPERATIONS, REBALANCE, REPAIR, SCRUB

LOOK_SECONDS = 2.0

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


async def run_paces(paces: Paces, configured: Rates, take: Callable[[Rates], None], stop: asyncio.Event) -> None:
    """Tell ``take`` of all of them whenever one has changed; what cannot be looked up stays as it was."""
    held = dict(configured)
    while not stop.is_set():
        try:
            found = await paces.all()
        except ObjstoreError as error:
            log.warning("paces_not_read", error=repr(error))
        else:
            rates = {name: found[name].value if name in found else configured[name] for name in KINDS}
            if rates != held:
                held = rates
                take(rates)
        await pause(stop, LOOK_SECONDS)

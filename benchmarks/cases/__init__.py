"""The cases in the order in which they run: each takes the rig and returns its figures."""

from collections.abc import Callable

from benchmarks.cases import (
    clients,
    cliff,
    counting,
    demotion,
    dry_run,
    flush,
    heal,
    healing,
    large,
    listing,
    machine,
    memory,
    picture,
    ranges,
    rules,
    single,
    slow_drive,
    small,
    stages,
    syncs,
    workers,
)
from benchmarks.figures import Figure
from benchmarks.rig import Rig

CASES: dict[str, Callable[[Rig], list[Figure]]] = {
    "machine": machine.run,
    "small-4k": small.run_4k,
    "small-64k": small.run_64k,
    "syncs": syncs.run,
    "single": single.run,
    "large": large.run,
    "range": ranges.run,
    "list": listing.run,
    "flush": flush.run,
    "heal": heal.run,
    "healing": healing.run,
    "slow-drive": slow_drive.run,
    "workers": workers.run,
    "cliff": cliff.run,
    "demotion": demotion.run,
    "clients": clients.run,
    "rules": rules.run,
    "dry-run": dry_run.run,
    "memory": memory.run,
    "picture": picture.run,
    "counting": counting.run,
    "stages": stages.run,
}

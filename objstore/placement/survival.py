"""What a tier survives: how many drives, nodes, racks and zones may be lost at once without losing anything. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from objstore.model.volumes import Drive
from objstore.placement.topology import domains_of


@dataclass(frozen=True, slots=True)
class Survival:
    """Any so many of each may be lost, one kind at a time, and every volume can still be read."""

    drives: int
    nodes: int
    racks: int
    zones: int


def survival_of(placement: Sequence[Drive | None], m: int) -> Survival:
    """Of one volume with m parity columns. ``placement``: the drive of each column, None for a lost one."""
    left = [drive for drive in placement if drive is not None]
    spare = m - (len(placement) - len(left))
    zones, racks, nodes = ([domains_of(drive)[level] for drive in left] for level in range(3))
    return Survival(max(spare, 0), *(_worst(names, spare) for names in (nodes, racks, zones)))


def least(found: Iterable[Survival]) -> Survival | None:
    """What all of them survive; None of none."""
    every = list(found)
    if not every:
        return None
    return Survival(
        min(one.drives for one in every),
        min(one.nodes for one in every),
        min(one.racks for one in every),
        min(one.zones for one in every),
    )


def _worst(names: Sequence[tuple[str, ...]], spare: int) -> int:
    """How many domains may go: those that hold the most go first."""
    lost = 0
    for held in sorted(Counter(names).values(), reverse=True):
        spare -= held
        if spare < 0:
            return lost
        lost += 1
    return lost

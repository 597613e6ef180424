"""Choose the drives of a new volume: distinct, spread over failure domains, the emptier ones more often."""

from collections import Counter
from collections.abc import Sequence
from math import log

from objstore.model import clock
from objstore.model.errors import PlacementImpossible
from objstore.model.volumes import Drive
from objstore.placement.topology import domains_of


def choose_drives(drives: Sequence[Drive], count: int, full: int = 0) -> list[Drive]:
    """``count`` of the usable ``drives`` in random order (so that parity visits all of them).

    The next drive is always taken from the least used zone, then rack, then node, so no domain holds more than the
    topology forces; within that by weighted random order, the weight being free bytes. ``full``: how many more drives
    the tier would have if they had space. Raises PlacementImpossible.
    """
    if len(drives) < count:
        raise PlacementImpossible(
            f"{len(drives)} drives usable, {count} needed ({full} are full)",
            full=len(drives) + full >= count and full > 0,
        )
    waiting = sorted(drives, key=_lottery, reverse=True)
    used: Counter[tuple[str, ...]] = Counter()
    chosen: list[Drive] = []
    while len(chosen) < count:
        best = min(waiting, key=lambda drive: tuple(used[domain] for domain in domains_of(drive)))
        waiting.remove(best)
        chosen.append(best)
        used.update(domains_of(best))
    return sorted(chosen, key=lambda _: clock.random_bytes(8))


def _lottery(drive: Drive) -> float:
    """Efraimidis and Spirakis: the n largest of log(u)/weight are a weighted sample without replacement."""
    uniform = (int.from_bytes(clock.random_bytes(7), "little") + 1) / (1 << 56)
    return log(uniform) / max(drive.free_bytes, 1)

"""Flows: what bytes have done in this process, as sums in memory; some hundred nanoseconds a request.

Whoever keeps history reads them every few seconds (objstore/cli/recorder.py). They only ever grow.
"""

from collections.abc import Hashable
from typing import TypeVar

from objstore.model.tiers import HOT, code_of_tier, is_archived

Total = list[int]  # objects, bytes
Name = TypeVar("Name", bound=Hashable)


class Flows:
    """Sums of objects and bytes, by the code of a tier.

    ``written``: by clients; ``cached``: read by them, from the page cache; ``read``: from drives (an object counts by
    where its first byte came from, each byte by where it came from itself). ``moved``: between tiers, by verb, from
    and to. ``expired``: by rules.
    """

    __slots__ = ("cached", "expired", "moved", "read", "written")

    def __init__(self) -> None:
        self.written: dict[int, Total] = {}
        self.cached: dict[int, Total] = {}
        self.read: dict[int, Total] = {}
        self.expired: dict[int, Total] = {}
        self.moved: dict[tuple[str, int, int], Total] = {}

    def move(self, source: int, target: str, storage_class: str, size: int) -> None:
        """Count a version that has come from the tier of code ``source``, where it was of a class, to ``target``."""
        code = code_of_tier(target)
        if code == source:
            return
        if target == HOT and is_archived(storage_class):
            verb = "restored"
        else:
            verb = "promoted" if code < source else "demoted"
        count(self.moved, (verb, source, code), size)


def count(totals: dict[Name, Total], name: Name, size: int, objects: int = 1) -> None:
    """Add objects and bytes. HOT."""
    total = totals.get(name)
    if total is None:
        totals[name] = [objects, size]
    else:
        total[0] += objects
        total[1] += size

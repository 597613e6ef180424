"""Paces: how fast background work may go at most, in the whole cluster; what may be set while it runs.

The processes that use one at the time share it: each goes at an equal part of it.
Beside these bounds such work gives way to clients, whatever is set.
"""

from dataclasses import dataclass

REPAIR, REBALANCE, SCRUB = "repair_bytes", "rebalance_bytes", "scrub_bytes"
LIFECYCLE_BYTES, LIFECYCLE_OPERATIONS = "lifecycle_bytes", "lifecycle_operations"
BYTES, OPERATIONS = "bytes", "operations"
_LEAST, _MOST = 4 * 2**20, 2**40
_LEAST_EACH = 2**20  # slower than that, leases would run out between two pieces of a shard


@dataclass(frozen=True, slots=True)
class PaceKind:
    """``unit``: a second of what; ``least``, ``most``: between which it may be set. ``least_each``: no process that
    shares it is slowed further."""

    name: str
    unit: str
    least: float
    most: float
    text: str
    least_each: float = 0.0

    @property
    def range(self) -> str:
        """``4 MiB to 1 TiB``, ``1 to 1,000,000 operations``."""
        if self.unit == BYTES:
            return f"{self.least / 2**20:g} MiB to {self.most / 2**40:g} TiB"
        return f"{self.least:,.0f} to {self.most:,.0f} {self.unit}"


KINDS = {
    kind.name: kind
    for kind in (
        PaceKind(
            REPAIR,
            BYTES,
            _LEAST,
            _MOST,
            "Everything that mends or moves shards: heals, drains, rebalancing.",
            _LEAST_EACH,
        ),
        PaceKind(REBALANCE, BYTES, _LEAST, _MOST, "Of that, drains and rebalancing.", _LEAST_EACH),
        PaceKind(SCRUB, BYTES, _LEAST, _MOST, "Reading every byte anew.", _LEAST_EACH),
        PaceKind(LIFECYCLE_BYTES, BYTES, _LEAST, _MOST, "Moves between tiers by rules, access and restores."),
        PaceKind(LIFECYCLE_OPERATIONS, OPERATIONS, 1, 1_000_000, "Versions that rules act on."),
    )
}


def share_of(name: str, value: float | None, others: int) -> float | None:
    """What a process may take of a pace that so many others use too; None: no bound."""
    if value is None:
        return None
    return max(value / (1 + others), min(value, KINDS[name].least_each))

"""Paces: how fast each background process may work at most; what may be set while it runs.

Beside these bounds such work gives way to clients, whatever is set.
"""

from dataclasses import dataclass

REPAIR, REBALANCE, SCRUB = "repair_bytes", "rebalance_bytes", "scrub_bytes"
LIFECYCLE_BYTES, LIFECYCLE_OPERATIONS = "lifecycle_bytes", "lifecycle_operations"
BYTES, OPERATIONS = "bytes", "operations"
_LEAST, _MOST = 4 * 2**20, 2**40  # slower than that, leases would run out between two pieces of a shard


@dataclass(frozen=True, slots=True)
class PaceKind:
    """``unit``: a second of what; ``least``, ``most``: between which it may be set."""

    name: str
    unit: str
    least: float
    most: float
    text: str


KINDS = {
    kind.name: kind
    for kind in (
        PaceKind(REPAIR, BYTES, _LEAST, _MOST, "Everything that mends or moves shards: heals, drains, rebalancing."),
        PaceKind(REBALANCE, BYTES, _LEAST, _MOST, "Of that, drains and rebalancing."),
        PaceKind(SCRUB, BYTES, _LEAST, _MOST, "Reading every byte anew."),
        PaceKind(LIFECYCLE_BYTES, BYTES, _LEAST, _MOST, "Moves between tiers by rules, access and restores."),
        PaceKind(LIFECYCLE_OPERATIONS, OPERATIONS, 1, 1_000_000, "Versions that rules act on."),
    )
}

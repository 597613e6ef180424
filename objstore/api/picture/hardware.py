"""Nodes, drives and tiers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from objstore.api.picture.flows import Rates
from objstore.api.picture.forecast import Growth
from objstore.api.picture.models import DrivePicture, NodePicture, TierPicture
from objstore.meta.drives import Standing
from objstore.meta.history_samples import Sums
from objstore.meta.nodes import Node
from objstore.model.profile import Profile
from objstore.model.series import code_of
from objstore.model.states import DriveState
from objstore.model.volumes import Drive

DRIVES_MAX = 512
_DAY = 86400


def nodes_of(
    nodes: Sequence[Node], drives: Sequence[Drive], standing: Mapping[str, Standing], rates: Rates
) -> list[NodePicture]:
    """Nodes by name, each with its drives; hosts that serve their own drives are nodes too."""
    known, by_node = {node.name: node for node in nodes}, dict[str, list[Drive]]()
    for drive in drives[:DRIVES_MAX]:
        by_node.setdefault(drive.node, []).append(drive)
    return [_node(name, known.get(name), by_node.get(name, []), standing, rates) for name in sorted(known | by_node)]


def _node(
    name: str, node: Node | None, drives: Sequence[Drive], standing: Mapping[str, Standing], rates: Rates
) -> NodePicture:
    place = node or (drives[0] if drives else None)
    return NodePicture(
        name=name,
        zone=place.zone if place else "",
        rack=place.rack if place else "",
        state=node.state.name.lower() if node else "up",
        silent_seconds=round(node.silent_seconds, 1) if node else None,
        drives=[_drive(drive, standing.get(drive.id), rates) for drive in drives],
    )


def _drive(drive: Drive, standing: Standing | None, rates: Rates) -> DrivePicture:
    return DrivePicture(
        id=drive.id,
        tier=drive.tier,
        address=drive.address,
        state=drive.state.name.lower(),
        reason=standing.reason if standing else "",
        capacity_bytes=drive.capacity_bytes,
        free_bytes=drive.free_bytes,
        fill=_fill(drive.capacity_bytes - drive.free_bytes, drive.capacity_bytes),
        bytes_per_second=rates.rate("drive_bytes", drive.id),
        operations_per_second=rates.rate("drive_operations", drive.id),
    )


def tier_of(
    name: str, profile: Profile, remote: bool, levels: Sums, drives: Sequence[Drive], growth: Growth | None, now: float
) -> TierPicture:
    """A tier as the levels have it. ``growth``: of what its drives hold."""

    def level(series: str) -> int | None:
        value = levels.get((code_of(series), name))
        return None if value is None else round(value)

    capacity, used = (None, None) if remote else (level("tier_capacity_bytes"), level("tier_used_bytes"))
    size, overhead = level("tier_bytes") or 0, profile.n / profile.k
    days_left = None if remote or growth is None else growth.days_left
    states = Counter(drive.state for drive in drives if drive.tier == name)
    return TierPicture(
        name=name,
        remote=remote,
        profile=str(profile),
        overhead=round(overhead, 4),
        capacity_bytes=capacity,
        used_bytes=used,
        free_bytes=None if capacity is None or used is None else capacity - used,
        fill=None if capacity is None or used is None else _fill(used, capacity),
        objects=level("tier_objects") or 0,
        bytes=size,
        raw_bytes=round(size * overhead),
        growth_bytes_per_day=None if remote or growth is None else growth.bytes_per_day,
        full_at=_moment(now, days_left),
        days_left=days_left,
        drives={state.name.lower(): states[state] for state in DriveState},
    )


def _fill(used: int, capacity: int) -> float | None:
    return round(used / capacity, 4) if capacity else None


def _moment(now: float, days_left: float | None) -> datetime | None:
    """None also for what is too far off to be said as a time."""
    try:
        return None if days_left is None else datetime.fromtimestamp(now + days_left * _DAY, UTC).replace(microsecond=0)
    except (OverflowError, ValueError, OSError):
        return None

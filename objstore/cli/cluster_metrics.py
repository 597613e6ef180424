"""Metrics of the whole cluster, from the newest levels in the history and from the rows of drives and nodes.

Every worker reports the same, for the whole cluster: take the maximum over workers, not the sum.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping

import structlog

from objstore.api.metrics import Metrics
from objstore.cli.pause import pause
from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.meta.history_samples import Samples, Span, Sums
from objstore.meta.nodes import Nodes
from objstore.model import clock
from objstore.model.errors import ObjstoreError
from objstore.model.profile import Profile
from objstore.model.series import LEVELS, MINUTE, STEP, code_of
from objstore.model.states import DriveState, NodeState
from objstore.model.volumes import Drive

LOOK_SECONDS = 10.0
# Series of the history → name and text. The label of each is its tier.
_TIERS = {
    "tier_capacity_bytes": ("objstore_tier_capacity_bytes", "Capacity of a tier's drives, parity included."),
    "tier_used_bytes": ("objstore_tier_used_bytes", "What of it is used."),
    "tier_objects": ("objstore_tier_objects", "Versions that lie on a tier."),
    "tier_bytes": ("objstore_tier_usage_bytes", "Payload of these."),
}
_BANDS = {
    "band_objects": ("objstore_heat_objects", "Versions by tier and age of their last access."),
    "band_bytes": ("objstore_heat_bytes", "Payload by tier and age of last access."),
}
_CLUSTER = {
    "raw_total": "Capacity of all drives.",
    "raw_free": "What of it is free.",
    "usable_total": "Payload that all drives take.",
    "usable_free": "Payload that they still take.",
}

log = structlog.get_logger(__name__)


class ClusterMetrics:
    """Looks every ``LOOK_SECONDS``. ``profiles``: of the tiers of our own drives."""

    def __init__(self, metrics: Metrics, database: Database, profiles: Mapping[str, Profile]) -> None:
        self._database, self._profiles = database, profiles
        self._levels: Sums = {}
        self._drives: list[Drive] = []
        self._nodes: Counter[NodeState] = Counter()
        for series, (name, text) in _TIERS.items():
            metrics.gauges_from(name, text, ("tier",), lambda series=series: self._of_tiers(series))  # type: ignore[misc]
        for series, (name, text) in _BANDS.items():
            metrics.gauges_from(name, text, ("tier", "band"), lambda series=series: self._of_tiers(series))  # type: ignore[misc]
        for kind, text in _CLUSTER.items():
            name = f"objstore_cluster_capacity_{kind}_bytes"
            metrics.gauges_from(name, text, (), lambda kind=kind: [((), self._capacity(kind))])  # type: ignore[misc]
        text = "Payload of sealed volumes with fewer healthy shards than they should have."
        short = (code_of("short_bytes"), "")
        metrics.gauges_from(
            "objstore_short_of_redundancy_bytes", text, (), lambda: [((), self._levels.get(short, 0.0))]
        )
        metrics.gauges_from("objstore_drives", "Drives by state.", ("tier", "state"), self._states)
        for what in ("total", "free"):
            metrics.gauges_from(
                f"objstore_drive_{what}_bytes",
                "Capacity of a drive." if what == "total" else "What of it is free.",
                ("tier", "drive"),
                lambda what=what: self._space(what),  # type: ignore[misc]
            )
        metrics.gauges_from("objstore_nodes_online", "Nodes that are heard of.", (), lambda: [((), self._online())])
        metrics.gauges_from("objstore_nodes_offline", "Nodes that are not.", (), lambda: [((), self._offline())])

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``."""
        while not stop.is_set():
            try:
                await self._look()
            except ObjstoreError as error:
                log.warning("cluster_not_measured", error=repr(error))
            await pause(stop, LOOK_SECONDS)

    async def _look(self) -> None:
        now = int(clock.now_seconds())
        span = Span(STEP, now - 15 * MINUTE, now + MINUTE)
        self._levels = await Samples(self._database.patient).last(LEVELS, span)
        self._drives = await Drives(self._database).list()
        self._nodes = Counter(node.state for node in await Nodes(self._database).list())

    def _of_tiers(self, series: str) -> list[tuple[tuple[str, ...], float]]:
        code = code_of(series)
        return [(tuple(label.split(":")), value) for (known, label), value in self._levels.items() if known == code]

    def _capacity(self, kind: str) -> float:
        what, _, part = kind.partition("_")
        total = 0.0
        for drive in self._drives:
            profile = self._profiles.get(drive.tier)
            if profile is None or drive.state == DriveState.GONE:
                continue
            size = drive.capacity_bytes if part == "total" else drive.free_bytes
            total += size if what == "raw" else size * profile.k / profile.n
        return round(total)

    def _states(self) -> list[tuple[tuple[str, ...], float]]:
        counts = Counter((drive.tier, drive.state) for drive in self._drives)
        tiers = {drive.tier for drive in self._drives}
        return [((tier, state.name.lower()), counts[tier, state]) for tier in tiers for state in DriveState]

    def _space(self, what: str) -> list[tuple[tuple[str, ...], float]]:
        return [
            ((drive.tier, drive.id), drive.capacity_bytes if what == "total" else drive.free_bytes)
            for drive in self._drives
            if drive.state != DriveState.GONE and drive.tier in self._profiles
        ]

    def _online(self) -> float:
        return self._nodes[NodeState.UP] + self._nodes[NodeState.DRAINING]

    def _offline(self) -> float:
        return self._nodes[NodeState.SUSPECT] + self._nodes[NodeState.GONE]

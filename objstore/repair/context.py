"""RepairContext: what all repair work shares, and the settings that it goes by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from objstore.drive.base import Drive
from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.meta.inspections import Inspections
from objstore.meta.repair_stats import Rebalances, RepairStats
from objstore.meta.repairs import Repairs
from objstore.meta.shards import Shards
from objstore.meta.strays import Strays
from objstore.meta.volumes import Volumes
from objstore.store.store import Store
from objstore.work.pace import Pace, TokenBucket

DAY_SECONDS = 86400.0
SCRUB_SECONDS = {"hot": 7 * DAY_SECONDS, "capacity": 14 * DAY_SECONDS}
SCRUB_SECONDS_DEFAULT = 14 * DAY_SECONDS


@dataclass(frozen=True, slots=True)
class RepairSettings:
    """``scrub_seconds``: by tier, within which every byte is verified; ``fsck_seconds``: how often files are compared
    with rows; ``orphan_seconds``: for how long a file has to be unknown before it is set aside; ``grace_seconds``: how
    long a file that was replaced stays, for readers that know the old place; ``lease_seconds``: of a volume or drive.
    """

    scrub_seconds: Mapping[str, float] = field(default_factory=lambda: dict(SCRUB_SECONDS))
    fsck_seconds: float = DAY_SECONDS
    orphan_seconds: float = DAY_SECONDS
    grace_seconds: float = 60.0
    lease_seconds: float = 60.0
    retry_seconds: float = 5.0

    def scrub_period(self, tier: str) -> float:
        """Within which every byte of a tier is verified."""
        return self.scrub_seconds.get(tier, SCRUB_SECONDS_DEFAULT)


class RepairContext:
    """The rooms below. ``drives``: those that this process reaches, by id, as they come and go.

    ``pace`` bounds all that is mended or moved; ``moves`` what of it may well be late: drains and rebalancing.
    """

    def __init__(
        self,
        store: Store,
        database: Database,
        cluster_id: bytes,
        settings: RepairSettings,
        pace: Pace | None = None,
        moves: TokenBucket | None = None,
    ) -> None:
        self.settings, self.cluster_id, self.pace = settings, cluster_id, pace or Pace()
        self.moves = moves or TokenBucket(None)
        self.store, self.catalog = store, store.context.catalog
        self.drives: Mapping[str, Drive] = self.catalog.drives
        self.rows, self.volumes, self.shards = Drives(database), Volumes(database), Shards(database)
        self.repairs, self.stats, self.strays = Repairs(database), RepairStats(database), Strays(database)
        self.inspections, self.rebalances = Inspections(database), Rebalances(database)

    def local_ids(self) -> list[str]:
        """Drives that can be looked at: reachable from here, and ours (a remote bucket is somebody else's)."""
        return sorted(id_ for id_, drive in self.drives.items() if drive.reachable and not drive.write_once)

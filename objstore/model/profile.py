"""Profile: how a tier spreads bytes over drives."""

from dataclasses import dataclass

from objstore.model.limits import BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class Profile:
    """k data columns, m parity columns and the sizes that go with them (bytes).

    ``unit_bytes``: step of a large object from one column to the next.
    ``pack_bytes_max``: objects up to this lie whole in one column.
    ``stripe_bytes_max``: most data bytes of one stripe of a large object.
    ``shard_bytes_max``: a volume is sealed when its shards reach this.
    """

    k: int
    m: int
    unit_bytes: int = 256 * 1024
    pack_bytes_max: int = 128 * 1024
    stripe_bytes_max: int = 64 * 1024 * 1024
    shard_bytes_max: int = 1024 * 1024 * 1024

    def __post_init__(self) -> None:
        if self.k < 1 or self.m < 0 or self.k + self.m > 255:
            raise ValueError(f"erasure profile {self.k}+{self.m}: k must be ≥ 1, m ≥ 0 and k+m ≤ 255")
        if self.unit_bytes < BLOCK_BYTES or self.unit_bytes % BLOCK_BYTES:
            raise ValueError(f"unit_bytes must be a multiple of {BLOCK_BYTES}")
        if self.stripe_bytes_max < self.k * self.unit_bytes:
            raise ValueError("stripe_bytes_max must hold at least one unit in every column")

    @property
    def n(self) -> int:
        """Shards of a volume."""
        return self.k + self.m

    @property
    def floor(self) -> int:
        """Fewest shards that a volume is begun with while drives are missing; the others are healed later.

        A spare one is left in any case, two where m allows: one more failure in the meantime loses nothing.
        """
        return self.k + min(self.m, 2 if self.m >= 3 else 1)

    def __str__(self) -> str:
        return f"{self.k}+{self.m}"


HOT_DEFAULT = Profile(4, 2)
# 24 TB disks need m = 4 for eleven nines (docs/architecture.md); long units keep a disk's head in place.
CAPACITY_DEFAULT = Profile(
    10,
    4,
    unit_bytes=512 * 1024,
    pack_bytes_max=512 * 1024,
    stripe_bytes_max=160 * 1024 * 1024,
    shard_bytes_max=4 * 1024 * 1024 * 1024,
)

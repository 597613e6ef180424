"""What the picture's routes answer with. Rates are a second; None: not known, never 0 in its place."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class Reason(BaseModel):
    """Why all is not well. ``code``: for programs; ``severity``: warning or critical; ``subject``: a drive, tier, node
    or nothing."""

    code: str
    severity: str
    text: str
    subject: str = ""


class UsableBytes(BaseModel):
    """Payload that the drives of all local tiers take: parity is taken off."""

    total: int
    free: int


class HitRatio(BaseModel):
    """What part of reads the page cache and the hot tier serve."""

    requests: float | None
    bytes: float | None


class FirstByte(BaseModel):
    """99 of 100 reads had their first byte within so many seconds, at most; by where it came from."""

    memory: float | None
    hot: float | None
    cold: float | None
    all: float | None


class Reduced(BaseModel):
    """Volumes with fewer healthy shards than they should have; ``bytes``: payload of those that are sealed."""

    bytes: int
    volumes: int


class Lifecycle(BaseModel):
    """What waits for rules, and since when the oldest of it is due."""

    backlog: int
    lag_seconds: float


class Verdict(BaseModel):
    """``health``: ok, warning or critical, as the worst reason. ``days_left``: until ``days_left_tier`` is full."""

    health: str
    reasons: list[Reason]
    usable_bytes: UsableBytes
    days_left: float | None
    days_left_tier: str | None
    hit_ratio: HitRatio
    ttfb_p99_seconds: FirstByte
    reduced_redundancy: Reduced
    lifecycle: Lifecycle
    requests_per_second: float
    errors_per_second: float


class Flow(BaseModel):
    """An edge. ``source``, shown as ``from``, and ``to``: clients, memory, ``tier:NAME``, repair, drives, gone."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    kind: str
    source: str = Field(serialization_alias="from")
    to: str
    bytes_per_second: float
    objects_per_second: float


class GatewayLoad(BaseModel):
    """A gateway process."""

    name: str
    in_bytes_per_second: float
    out_bytes_per_second: float
    requests_per_second: float


class Share(BaseModel):
    """What of the flow is for a bucket, or for a kind of program. ``name``: empty for all others together."""

    name: str
    in_bytes_per_second: float
    out_bytes_per_second: float
    requests_per_second: float


class TierPicture(BaseModel):
    """``capacity_bytes``, ``used_bytes``, ``free_bytes``, ``raw_bytes``: on drives, parity included; ``bytes``: payload
    of all versions. ``full_at``: if it grows on as it did. ``drives``: how many by state."""

    name: str
    remote: bool
    profile: str
    overhead: float
    capacity_bytes: int | None
    used_bytes: int | None
    free_bytes: int | None
    fill: float | None
    objects: int
    bytes: int
    raw_bytes: int
    growth_bytes_per_day: float | None
    full_at: datetime | None
    days_left: float | None
    drives: dict[str, int]


class Band(BaseModel):
    """Ages of last access, in days; ``to_days`` None: any longer."""

    name: str
    from_days: int
    to_days: int | None


class BandSum(BaseModel):
    """What was last used then."""

    objects: int
    bytes: int


class Threshold(BaseModel):
    """A rule that acts on what was not used for so many days."""

    tier: str
    days: int
    bucket: str
    rule: str


class Heat(BaseModel):
    """By tier, one sum a band."""

    bands: list[Band]
    tiers: dict[str, list[BandSum]]
    thresholds: list[Threshold]
    at: datetime | None


class PlaceSum(BaseModel):
    """A bucket, or a segment of keys. ``prefix``: what to ask for next, None for a key. ``heat``: 1 is used today, 0
    not for more than a year. ``bands``: bytes by age of last access."""

    name: str
    prefix: str | None
    leaf: bool
    objects: int
    bytes: int
    heat: float
    tiers: dict[str, int]
    bands: list[int]


class Rest(BaseModel):
    """All the others together."""

    children: int
    objects: int
    bytes: int
    heat: float


class Total(BaseModel):
    """All of it."""

    objects: int
    bytes: int


class PlaceMap(BaseModel):
    """``complete``: false where only the first objects were looked at."""

    bucket: str
    prefix: str
    at: datetime | None
    complete: bool
    children: list[PlaceSum]
    other: Rest | None
    total: Total


class DrivePicture(BaseModel):
    """A drive; ``fill``: 0 to 1."""

    id: str
    tier: str
    address: str
    state: str
    reason: str
    capacity_bytes: int
    free_bytes: int
    fill: float | None
    bytes_per_second: float
    operations_per_second: float


class NodePicture(BaseModel):
    """A host and its drives. ``silent_seconds``: since it was heard of; None where drives are in the server itself."""

    name: str
    zone: str
    rack: str
    state: str
    silent_seconds: float | None
    drives: list[DrivePicture]


class NextMove(BaseModel):
    """What a rule's action will do next: ``waiting`` versions are queued; or its next look."""

    bucket: str
    rule: str
    action: str
    waiting: int
    failing: int
    oldest_due: datetime | None
    next_look: datetime | None
    done_objects: int
    done_bytes: int
    last_error: str | None


class Picture(BaseModel):
    """``begun`` (shown as ``from``) and ``to``: what rates are averages of. ``age_seconds``: of the newest sample."""

    model_config = ConfigDict(populate_by_name=True)

    at: datetime
    begun: datetime = Field(serialization_alias="from")
    to: datetime
    step_seconds: int
    age_seconds: float | None
    verdict: Verdict
    flows: list[Flow]
    gateways: list[GatewayLoad]
    by_bucket: list[Share]
    by_client: list[Share]
    tiers: list[TierPicture]
    heat: Heat
    places: PlaceMap
    nodes: list[NodePicture]
    next_moves: list[NextMove]
    truncated: bool

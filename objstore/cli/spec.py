"""WorkerSpec: what the supervisor tells a process that it starts, as JSON on its standard input.

Secrets go this way and not by the environment or the command line, where others could read them.
"""

import msgspec

from objstore.model.profile import Profile


class DriveSpec(msgspec.Struct, frozen=True):
    """A drive that was found sound at the start: ``id`` has to be there still when the process opens it."""

    id: str
    tier: str
    path: str


class RemoteSpec(msgspec.Struct, frozen=True):
    """A remote tier, see the settings of these names; ``id``: of the drive that it counts as."""

    id: str
    tier: str
    endpoint: str
    bucket: str
    prefix: str
    region: str
    access_key: str
    secret_key: str
    path_style: bool


class EventTargetSpec(msgspec.Struct, frozen=True):
    """A target of events; see the settings of these names."""

    name: str
    kind: str
    url: str
    topic: str
    token: str
    allow_private: bool


class LifecycleSpec(msgspec.Struct, frozen=True):
    """The lifecycle engine; see the settings of these names."""

    interval_seconds: float
    workers: int
    bytes_per_second: float | None
    operations_per_second: float | None
    windows: list[str]
    quiet_operations: float
    rest_ratio: float
    client_factor: float


class DetectionSpec(msgspec.Struct, frozen=True):
    """See the settings ``drive_…_seconds``."""

    suspect_seconds: float
    out_seconds: float


class RepairSpec(msgspec.Struct, frozen=True):
    """What keeps redundancy whole; see the settings of these names. Times in seconds."""

    interval_seconds: float
    workers: int
    bytes_per_second: float | None
    scrub_seconds: dict[str, float]
    scrub_bytes_per_second: float | None
    fsck_seconds: float
    orphan_seconds: float
    quiet_operations: float
    rest_ratio: float
    client_factor: float
    snapshot_seconds: float
    journal_seconds: float


class WorkerSpec(msgspec.Struct, frozen=True):
    """``role``: ``gateway`` or ``background``; ``tiers``: names by their codes. ``like``, ``class_codes``: of
    the site's own storage classes. Times in seconds.

    ``ops_listen``: HOST:PORT for a worker's health and metrics, or "".
    ``tls``: files of certificate and key, or none. ``node_key``: of the node protocol, hex; "" where all drives are in
    this process.
    """

    role: str
    index: int
    node: str
    cluster_id: str
    owner_id: str
    access_key: str
    secret_key: str
    database_url: str
    database_pool: int
    database_pooler: bool
    region: str
    domain: str
    website_domain: str
    host: str
    port: int
    workers: int
    tls: list[str]
    node_key: str
    ops_listen: str
    detection: DetectionSpec
    drives: list[DriveSpec]
    drive_problems: list[str]
    profiles: dict[str, Profile]
    remotes: list[RemoteSpec]
    tiers: list[str]
    run_directory: str
    log_format: str
    log_level: str
    drain_seconds: float
    header_seconds: float
    keep_alive_seconds: float
    stall_seconds: float
    compact_garbage_ratio: float
    compact_interval_seconds: float
    background_nice: int
    retire_grace_seconds: float
    lifecycle_day_seconds: int
    transition_min_bytes: int
    intelligent_tiering_min_bytes: int
    intelligent_tiering_days: int
    heat_seconds: float
    warm_on_head: bool
    warm_on_head_days: int
    lifecycle: LifecycleSpec
    repair: RepairSpec
    storage_classes: dict[str, str]
    like: dict[str, str]
    class_codes: dict[str, int]
    tier_prices: dict[str, float]
    account_id: str
    owners_manage: bool
    object_ownership: str
    public_access_block: bool
    lenient: bool
    oidc_private: bool
    audit_file: str
    audit_webhook: str
    events: list[EventTargetSpec]
    master_keys: list[str]
    sse_c_over_http: bool
    access_log_seconds: float
    slow_seconds: float
    trace_endpoint: str
    trace_ratio: float
    kms_keys: list[str]
    kms_default_key: str
    vault_address: str
    vault_mount: str
    vault_token: str
    flush_seconds: float
    counting: bool
    started: float

    def encode(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, raw: bytes) -> "WorkerSpec":
        """Inverse of ``encode``."""
        return msgspec.json.decode(raw, type=cls)

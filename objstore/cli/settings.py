"""Settings of a server: flags go before the environment (``OBJSTORE_*``), that before the TOML file."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from objstore.cli.remote import TIER_NAME, RemoteSettings
from objstore.cli.spec import DetectionSpec, LifecycleSpec, RepairSpec
from objstore.model import tiers
from objstore.model.days import CALENDAR_DAY_SECONDS
from objstore.model.lifecycle import TRANSITION_BYTES_MIN
from objstore.model.profile import CAPACITY_DEFAULT, HOT_DEFAULT, Profile
from objstore.model.tiering import INFREQUENT_DAYS, MONITORED_BYTES_MIN
from objstore.work.pace import Window

TIERS = {"hot": HOT_DEFAULT, "capacity": CAPACITY_DEFAULT}
SECRET_CHARS_MIN = 8
CONFIG_NAME = "objstore.toml"
_PLACE = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"  # a name of a zone, a rack, a node


class TierSettings(BaseModel):
    """Erasure profile of one tier; what is not said stays as the tier's default. Sizes in bytes."""

    model_config = ConfigDict(extra="forbid")

    k: int | None = None
    m: int | None = None
    unit_bytes: int | None = Field(None, ge=4096, le=64 * 2**20)
    pack_bytes_max: int | None = Field(None, ge=0, le=64 * 2**20)
    stripe_bytes_max: int | None = Field(None, ge=4096)
    shard_bytes_max: int | None = Field(None, ge=2**20)

    def profile(self, default: Profile) -> Profile:
        """``default`` with what is said here; raises ValueError when it is no profile."""
        fields = {name: getattr(default, name) for name in type(self).model_fields}
        return Profile(**(fields | self.model_dump(exclude_none=True)))


class EventTargetSettings(BaseModel):
    """A target of events. ``topic``: of a broker: list, subject, topic or table."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["webhook", "redis", "nats", "kafka", "postgres"]
    url: str = Field(repr=False)
    topic: str = ""
    token: str = Field("", repr=False)
    allow_private: bool = False


def _kind_of_tier(value: Any) -> str:
    """A tier that names a bucket is remote."""
    is_remote = isinstance(value, RemoteSettings) or (isinstance(value, dict) and {"bucket", "endpoint"} & value.keys())
    return "remote" if is_remote else "drives"


AnyTier = Annotated[
    Annotated[TierSettings, Tag("drives")] | Annotated[RemoteSettings, Tag("remote")], Discriminator(_kind_of_tier)
]


class ClassSettings(BaseModel):
    """A storage class of the site's own: the tier that it lies on, and which of S3's it is like otherwise."""

    model_config = ConfigDict(extra="forbid")

    tier: str
    like: str = "GLACIER_IR"


class Settings(BaseSettings):
    """Everything that can be set; the names are the TOML keys, and in capitals after ``OBJSTORE_`` the variables."""

    model_config = SettingsConfigDict(env_prefix="OBJSTORE_", env_nested_delimiter="__", extra="forbid")
    config_path: ClassVar[Path | None] = None
    defaults: ClassVar[dict[str, Any]] = {}

    access_key: str | None = Field(None, min_length=3, max_length=128, pattern=r"^[A-Za-z0-9._+=@-]+$")
    secret_key: str | None = Field(None, repr=False)
    database_url: str | None = Field(None, repr=False)
    cluster_secret: str | None = Field(None, repr=False)
    region: str = Field("us-east-1", pattern=r"^[a-z0-9-]{1,64}$")
    domain: str | None = Field(None, pattern=r"^[a-z0-9.-]{1,253}$")
    website_domain: str | None = Field(None, pattern=r"^[a-z0-9.-]{1,253}$")
    data: Path = Path("objstore-data")
    host: str = "127.0.0.1"
    port: int = Field(9000, ge=0, le=65535)
    workers: int = Field(default_factory=lambda: len(os.sched_getaffinity(0)), ge=1, le=256)
    tier: dict[str, AnyTier] = {}
    drives: Annotated[list[str], NoDecode] = []
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    drain_seconds: float = Field(30, ge=0, le=3600)
    header_seconds: float = Field(30, gt=0, le=30)
    keep_alive_seconds: float = Field(75, gt=0, le=3600)
    stall_seconds: float = Field(60, gt=0, le=3600)
    database_pool: int = Field(4, ge=1, le=64)
    database_pooler: bool = False
    compact_garbage_ratio: float = Field(0.25, gt=0, le=1)
    compact_interval_seconds: float = Field(10, gt=0)
    background_nice: int = Field(10, ge=0, le=19)
    retire_grace_seconds: float = Field(60, ge=0)
    lifecycle_day_seconds: int = Field(CALENDAR_DAY_SECONDS, ge=1, le=CALENDAR_DAY_SECONDS)
    transition_min_bytes: int = Field(TRANSITION_BYTES_MIN, ge=0)
    intelligent_tiering_min_bytes: int = Field(MONITORED_BYTES_MIN, ge=0)
    intelligent_tiering_days: int = Field(INFREQUENT_DAYS, ge=1, le=3650)
    lifecycle_interval_seconds: float = Field(5, gt=0, le=3600)
    lifecycle_workers: int = Field(2, ge=1, le=32)
    lifecycle_bytes_per_second: float | None = Field(None, gt=0)
    lifecycle_operations_per_second: float | None = Field(None, gt=0)
    lifecycle_windows: Annotated[list[str], NoDecode] = []
    lifecycle_quiet_operations: float = Field(10, ge=0)
    lifecycle_rest_ratio: float = Field(2, ge=0, le=100)
    lifecycle_client_factor: float = Field(1.5, gt=1, le=100)
    repair_interval_seconds: float = Field(5, gt=0, le=3600)
    repair_workers: int = Field(2, ge=0, le=32)
    repair_bytes_per_second: float | None = Field(None, gt=0)
    scrub_days: dict[str, PositiveFloat] = {}
    scrub_bytes_per_second: float | None = Field(None, gt=0)
    fsck_hours: float = Field(24, gt=0)
    orphan_hours: float = Field(24, gt=0)
    snapshot_hours: float = Field(24, ge=0)
    journal_minutes: float = Field(15, gt=0)
    heat_seconds: float = Field(5, gt=0, le=3600)
    warm_on_head: bool = False
    warm_on_head_days: int = Field(1, ge=1, le=3650)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    zone: str = Field("default", pattern=_PLACE)
    rack: str = Field("default", pattern=_PLACE)
    node_name: str | None = Field(None, pattern=_PLACE)
    advertise: str | None = Field(None, pattern=r"^http://[A-Za-z0-9.\-\[\]:]{1,255}:[0-9]{1,5}$")
    ops_listen: str | None = Field(None, pattern=r"^[A-Za-z0-9.\-\[\]:]{1,255}:[0-9]{1,5}$")
    drive_suspect_seconds: float = Field(5, gt=0, le=3600)
    drive_out_seconds: float = Field(900, gt=0)
    storage_classes: dict[str, str | ClassSettings] = {}
    tier_prices: dict[str, NonNegativeFloat] = {}
    profile: Literal["standard", "compat"] = "standard"
    account_id: str | None = Field(None, pattern=r"^[A-Za-z0-9]{0,64}$")
    owners_manage: bool = False
    object_ownership: Literal["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter", ""] = "BucketOwnerEnforced"
    public_access_block: bool = True
    lenient: bool = False
    oidc_private: bool = False
    audit_file: Path | None = None
    audit_webhook: str = Field("", repr=False, pattern=r"^(https?://[^\s]+)?$")
    master_key: str | None = Field(None, repr=False)
    master_key_file: Path | None = None
    events: dict[str, EventTargetSettings] = {}
    sse_c_over_http: bool = False
    access_log_seconds: float = Field(300, gt=0, le=86400)
    slow_seconds: float = Field(5, ge=0, le=3600)
    trace_endpoint: str = Field("", pattern=r"^(https?://[^\s]+)?$")
    trace_ratio: float = Field(0.01, ge=0, le=1)
    kms_keys: Annotated[list[str], NoDecode] = []
    kms_default_key: str = ""
    vault_address: str = ""
    vault_mount: str = "transit"
    vault_token: str = Field("", repr=False)
    bench_flush_seconds: float = Field(0, ge=0, le=1)
    bench_counting: bool = True

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, file, and what the profile says."""
        file = (TomlConfigSettingsSource(settings_cls, cls.config_path),) if cls.config_path else ()
        profile = InitSettingsSource(settings_cls, init_kwargs=cls.defaults)
        return (init_settings, env_settings, *file, profile)

    @field_validator("secret_key")
    @classmethod
    def _secret_is_strong(cls, secret: str | None) -> str | None:
        if secret is not None and len(secret) < SECRET_CHARS_MIN:
            raise ValueError(f"a secret key has at least {SECRET_CHARS_MIN} characters")
        return secret

    @field_validator("drives", "lifecycle_windows", "kms_keys", mode="before")
    @classmethod
    def _words_of_text(cls, value: Any) -> Any:
        return [word for word in re.split(r"[,\s]+", value) if word] if isinstance(value, str) else value

    @field_validator("drives")
    @classmethod
    def _drives_name_a_tier(cls, drives: list[str], info: ValidationInfo) -> list[str]:
        tiers = _tiers_of_drives(info.data.get("tier", {}))
        for drive in drives:
            tier, _, path = drive.partition("=")
            if tier not in tiers or not path:
                raise ValueError(f"{drive!r}: a drive is written TIER=PATH, where TIER is one of {', '.join(tiers)}")
        paths = [os.path.realpath(drive.partition("=")[2]) for drive in drives]
        for path in paths:
            if paths.count(path) > 1:
                raise ValueError(f"{path} is named twice")
        return drives

    @field_validator("lifecycle_windows")
    @classmethod
    def _windows_are_times(cls, windows: list[str]) -> list[str]:
        for window in windows:
            Window.parse(window)
        return windows

    @field_validator("storage_classes")
    @classmethod
    def _classes_have_tiers(
        cls, classes: dict[str, str | ClassSettings], info: ValidationInfo
    ) -> dict[str, str | ClassSettings]:
        known = [*TIERS, *(name for name in info.data.get("tier", ()) if name not in TIERS)]
        tiers.check(_tier_by_class(classes), known, _like_by_class(classes))
        return classes

    @field_validator("tier")
    @classmethod
    def _tiers_are_known(cls, tiers: dict[str, AnyTier]) -> dict[str, AnyTier]:
        for name, tier in tiers.items():
            if not TIER_NAME.fullmatch(name) or (isinstance(tier, RemoteSettings) and name in TIERS):
                raise ValueError(
                    f"{name!r}: a tier is named with a-z, 0-9 and -, and a remote one not {' or '.join(TIERS)}"
                )
            if isinstance(tier, TierSettings):
                tier.profile(TIERS.get(name, CAPACITY_DEFAULT))
        return tiers

    @model_validator(mode="after")
    def _tiers_have_classes(self) -> "Settings":
        """A tier that nothing can lie on is a slip of the pen."""
        used = {*TIERS, *self.tier_by_class().values()}
        for name, tier in self.tier.items():
            if isinstance(tier, TierSettings) and name not in used:
                raise ValueError(f"tier {name!r}: no storage class lies on it; name one in [storage_classes]")
        return self

    def drive_paths(self) -> dict[str, list[Path]]:
        """Named drives by tier; empty when the topology is emulated."""
        paths: dict[str, list[Path]] = {}
        for drive in self.drives:
            tier, _, path = drive.partition("=")
            paths.setdefault(tier, []).append(Path(path).absolute())
        return paths

    def repair(self) -> RepairSpec:
        """What healing, scrubbing and checking go by."""
        days = {"hot": 7.0, "capacity": 14.0} | self.scrub_days
        return RepairSpec(
            self.repair_interval_seconds,
            self.repair_workers,
            self.repair_bytes_per_second,
            {tier: count * CALENDAR_DAY_SECONDS for tier, count in days.items()},
            self.scrub_bytes_per_second,
            self.fsck_hours * 3600,
            self.orphan_hours * 3600,
            self.lifecycle_quiet_operations,
            self.lifecycle_rest_ratio,
            self.lifecycle_client_factor,
            self.snapshot_hours * 3600,
            self.journal_minutes * 60,
        )

    def lifecycle(self) -> LifecycleSpec:
        """What the lifecycle engine goes by."""
        day = self.lifecycle_day_seconds
        return LifecycleSpec(
            # Short days are for seeing rules act: look more often than they pass.
            min(self.lifecycle_interval_seconds, max(day / 5, 0.2)),
            self.lifecycle_workers,
            self.lifecycle_bytes_per_second,
            self.lifecycle_operations_per_second,
            self.lifecycle_windows,
            self.lifecycle_quiet_operations,
            self.lifecycle_rest_ratio,
            self.lifecycle_client_factor,
        )

    def fold_seconds(self) -> float:
        """How often accesses are folded: several times a day, however short."""
        return min(self.heat_seconds, max(self.lifecycle_day_seconds / 5, 0.2))

    def detection(self) -> DetectionSpec:
        """When a drive that is not heard of is suspect, and when it is given up."""
        return DetectionSpec(self.drive_suspect_seconds, self.drive_out_seconds)

    def profiles(self) -> dict[str, Profile]:
        """Erasure profile of every tier of drives."""
        profiles = dict(TIERS)
        for name, tier in self.tier.items():
            if isinstance(tier, TierSettings):
                profiles[name] = tier.profile(TIERS.get(name, CAPACITY_DEFAULT))
        return profiles

    def tier_by_class(self) -> dict[str, str]:
        """Storage classes whose tier is said here."""
        return _tier_by_class(self.storage_classes)

    def like_by_class(self) -> dict[str, str]:
        """The site's own storage classes, and which of S3's each is like."""
        return _like_by_class(self.storage_classes)

    def remote_profiles(self) -> dict[str, Profile]:
        """The same of remote tiers."""
        return {name: tier.profile() for name, tier in self.tier.items() if isinstance(tier, RemoteSettings)}


def _tiers_of_drives(tiers: dict[str, AnyTier]) -> list[str]:
    return list(dict.fromkeys([*TIERS, *(name for name, tier in tiers.items() if isinstance(tier, TierSettings))]))


def _tier_by_class(classes: dict[str, str | ClassSettings]) -> dict[str, str]:
    return {name: one if isinstance(one, str) else one.tier for name, one in classes.items()}


def _like_by_class(classes: dict[str, str | ClassSettings]) -> dict[str, str]:
    """What has a name that S3 does not know, or says what it is like."""
    return {
        name: ClassSettings.model_fields["like"].default if isinstance(one, str) else one.like
        for name, one in classes.items()
        if name not in tiers.CLASSES_DEFAULT or isinstance(one, ClassSettings)
    }

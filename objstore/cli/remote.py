"""Remote tiers: how a bucket of another S3 server is configured, as what drive it counts, and how it is opened.

[tier.archive]
endpoint = "https://s3.example.com"
bucket = "cold"
access_key_env = "ARCHIVE_KEY"
secret_key_env = "ARCHIVE_SECRET"
"""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from objstore.cli.problem import StartError
from objstore.cli.spec import RemoteSpec
from objstore.model.profile import Profile
from objstore.model.volumes import Drive

if TYPE_CHECKING:
    from objstore.drive.remote import RemoteDrive

MIB = 1024 * 1024
VOLUME_BYTES = 32 * MIB
PACK_BYTES_MAX = MIB
TIER_NAME = re.compile(r"[a-z][a-z0-9-]{0,23}")  # it stands in superblocks, in 24 bytes
SPOOL = "spool"


class RemoteSettings(BaseModel):
    """A tier that is a bucket. ``volume_bytes``: most data of one remote object.

    Keys are given as they are, or as the names of the environment variables that hold them.
    """

    model_config = ConfigDict(extra="forbid")

    bucket: str = Field(pattern=r"^[A-Za-z0-9._-]{3,255}$")
    endpoint: str = Field("", pattern=r"^(https?://[^/?#@\s]+(/[^?#\s]*)?)?$")
    prefix: str = Field("", max_length=512, pattern=r"^([A-Za-z0-9!_.*'()-]+/)*$")
    region: str = Field("us-east-1", pattern=r"^[a-z0-9-]{1,64}$")
    access_key: str | None = Field(None, repr=False)
    secret_key: str | None = Field(None, repr=False)
    access_key_env: str | None = None
    secret_key_env: str | None = None
    path_style: bool | None = None
    volume_bytes: int = Field(VOLUME_BYTES, ge=4 * MIB, le=256 * MIB)

    @model_validator(mode="after")
    def _has_keys(self) -> "RemoteSettings":
        for name in ("access_key", "secret_key"):
            if (getattr(self, name) is None) == (getattr(self, f"{name}_env") is None):
                raise ValueError(f"set either {name} or {name}_env")
        return self

    def profile(self) -> Profile:
        """One column: whoever serves the bucket looks after its bytes."""
        return Profile(
            1,
            0,
            pack_bytes_max=PACK_BYTES_MAX,
            stripe_bytes_max=self.volume_bytes,
            shard_bytes_max=2 * self.volume_bytes,
        )


def remote_specs(tiers: Mapping[str, Any], cluster_id: str) -> list[RemoteSpec]:
    """The remote ones of the configured tiers. Raises StartError for a key that is not in the environment."""
    return [_spec(name, tier, cluster_id) for name, tier in tiers.items() if isinstance(tier, RemoteSettings)]


def _spec(tier: str, settings: RemoteSettings, cluster_id: str) -> RemoteSpec:
    path_style = bool(settings.endpoint) if settings.path_style is None else settings.path_style
    return RemoteSpec(
        # The same wherever the bucket is: its objects may be copied to another server, and the endpoint changed.
        id=hashlib.sha256(f"{cluster_id}/{tier}".encode()).hexdigest()[:32],
        tier=tier,
        endpoint=settings.endpoint.rstrip("/"),
        bucket=settings.bucket,
        prefix=settings.prefix,
        region=settings.region,
        access_key=_key(tier, settings.access_key, settings.access_key_env),
        secret_key=_key(tier, settings.secret_key, settings.secret_key_env),
        path_style=path_style,
    )


def _key(tier: str, given: str | None, variable: str | None) -> str:
    found = os.environ.get(variable, "") if variable is not None else given
    if not found:
        raise StartError(f"tier {tier}: there is no {variable} in the environment")
    return found


def remote_row(spec: RemoteSpec) -> Drive:
    """What the database has of a remote tier: it counts as a drive."""
    return Drive(
        id=spec.id,
        tier=spec.tier,
        node=spec.endpoint or "s3.amazonaws.com",
        address=f"{spec.bucket}/{spec.prefix}",
        capacity_bytes=1 << 60,
        free_bytes=1 << 60,
    )


def open_remotes(specs: Sequence[RemoteSpec], cluster_id: str, run: Path) -> "list[RemoteDrive]":
    """A drive for each remote tier; what is being uploaded gathers below ``run``. Does not ask if they are there."""
    if not specs:
        return []
    # The library is large: only who has a remote tier loads it.
    from objstore.drive.bucket import BucketPlace
    from objstore.drive.remote import RemoteDrive

    spool = run / SPOOL
    spool.mkdir(mode=0o700, exist_ok=True)
    return [RemoteDrive(spec.id, spec.tier, cluster_id, _place(BucketPlace, spec), spool) for spec in specs]


def _place(place: Any, spec: RemoteSpec) -> Any:
    return place(
        spec.endpoint, spec.bucket, spec.prefix, spec.region, spec.access_key, spec.secret_key, spec.path_style
    )

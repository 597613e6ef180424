"""Quota: how much a bucket, or all buckets of an owner together, may hold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """``bucket_id`` 0: of all buckets of ``owner`` (a canonical id). None: as much as there is room for."""

    bucket_id: int
    owner: str
    bytes_max: int | None
    objects_max: int | None


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """A quota, and what is there: all versions, and parts of open uploads. ``bucket``: its name, empty of an owner."""

    quota: Quota
    bucket: str
    bytes: int
    objects: int

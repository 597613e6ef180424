"""RestoreObject: an archived version gets a copy on the hot tier for some days, or becomes hot for good.

Its own bytes stay where they are: when the days are over only the copy goes. Reads of an archived version take the
extents of its copy, and are refused while it has none.
"""

from dataclasses import replace

from objstore.meta.restored import Restored, RestoredCopies
from objstore.meta.tasks import Task, TaskKind
from objstore.model import clock, days
from objstore.model.errors import (
    InvalidArgument,
    InvalidObjectState,
    ObjectNotInActiveTierError,
    RestoreAlreadyInProgress,
)
from objstore.model.notification import RESTORING, teller
from objstore.model.objects import Bucket, ObjectVersion
from objstore.model.restore import RestoreStatus
from objstore.model.storage_class import access_tier_of, shown_class
from objstore.model.tiers import is_archived

VersionName = tuple[int, bytes, bytes]


class Restores:
    """Restored copies of archived versions."""

    def __init__(self, copies: RestoredCopies) -> None:
        self._copies = copies

    async def restore(self, version: ObjectVersion, count: int | None, bucket: Bucket | None = None) -> bool:
        """Ask for a copy for so many days, or (None) for the version to become hot for good; True: it is there.

        ``bucket``: the version's, whose listeners are to be told of what is begun.
        One that access rules have archived comes back for good only. Raises InvalidObjectState for a version that is
        not archived, RestoreAlreadyInProgress, InvalidArgument.
        """
        if not is_archived(version.storage_class):
            raise InvalidObjectState(
                "Restore is not allowed for the object's current storage class", StorageClass=version.storage_class
            )
        if count is not None and access_tier_of(version.storage_class):
            raise InvalidArgument(
                "Days must not be specified for an object in an archive access tier of S3 Intelligent-Tiering",
                ArgumentName="Days",
                ArgumentValue=count,
            )
        now = clock.now()
        task = Task(*name_of(version), TaskKind.RESTORE, now, 0, "", "restore")
        tell = None if bucket is None else teller(bucket, RESTORING)
        events = [] if tell is None else tell(version)
        before = await self._copies.ask(task, count or 0, days.due_after(now, count or 0), events)
        if before is not None and before.is_ongoing:
            raise RestoreAlreadyInProgress()
        return before is not None

    async def readable(self, version: ObjectVersion) -> ObjectVersion:
        """The version with extents that may be read. Raises InvalidObjectState if it is archived and not restored."""
        if not is_archived(version.storage_class):
            return version
        found = (await self._copies.get([name_of(version)])).get(name_of(version))
        if found is None or found.is_ongoing or found.until <= clock.now():
            raise _is_archived(version)
        return replace(version, extents=found.extents)

    async def check_source(self, version: ObjectVersion) -> None:
        """Raise ObjectNotInActiveTierError if a version may not be copied: archived, and not restored."""
        if is_archived(version.storage_class):
            try:
                await self.readable(version)
            except InvalidObjectState:
                raise ObjectNotInActiveTierError() from None

    async def statuses(self, versions: list[ObjectVersion]) -> dict[VersionName, RestoreStatus]:
        """How the restores of versions stand, of those that have any."""
        names = [name_of(version) for version in versions if is_archived(version.storage_class)]
        found = await self._copies.get(names)
        return {name: status_of(one) for name, one in found.items() if one.is_ongoing or one.until > clock.now()}


def _is_archived(version: ObjectVersion) -> InvalidObjectState:
    access_tier = access_tier_of(version.storage_class)
    if access_tier is None:
        return InvalidObjectState(StorageClass=version.storage_class)
    return InvalidObjectState(
        "The operation is not valid for the object's access tier",
        StorageClass=shown_class(version.storage_class),
        AccessTier=access_tier,
    )


def name_of(version: ObjectVersion) -> VersionName:
    """What a restored copy is known by."""
    return version.bucket_id, version.key, version.version_id


def status_of(found: Restored) -> RestoreStatus:
    """As clients see it: in calendar days, however short ours are."""
    if found.is_ongoing:
        return RestoreStatus(True)
    return RestoreStatus(False, days.calendar_date(found.until - days.days(found.days), found.days))

"""Objects: versions by key, in batches."""

from collections.abc import Mapping, Sequence
from typing import Any

from objstore.meta import attributes, listing, proof, relocate, tagging, version_listing, versioning, versions
from objstore.meta.add import add
from objstore.meta.commit import Guard, Outcome, Role, Write, commit, commit_together
from objstore.meta.current import LOOKUP, Name
from objstore.meta.database import Database, Transaction
from objstore.meta.object_owners import owners_of
from objstore.meta.relocate import Referent, Swap
from objstore.meta.rows import version_of
from objstore.meta.versions import VersionName
from objstore.model.notification import Event
from objstore.model.objects import ObjectVersion

__all__ = ["Guard", "Objects", "Outcome", "Referent", "Role", "Swap", "Write"]


class Objects:
    """The tables of current and of other versions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lookup(self, keys: Sequence[Name]) -> list[ObjectVersion | None]:
        """Current versions of (bucket id, key) pairs, in their order; one query. HOT."""
        found: list[ObjectVersion | None] = [None] * len(keys)
        if not keys:
            return found
        buckets, names = zip(*keys, strict=True)
        for record in await self._database.fetch(LOOKUP, buckets, names):
            index = record[0] - 1
            bucket_id, key = keys[index]
            found[index] = version_of(bucket_id, key, record[1:])
        return found

    async def lookup_versions(self, names: Sequence[VersionName]) -> list[ObjectVersion | None]:
        """Versions by (bucket id, key, version id), in their order; NULL_VERSION is the ``null`` version of a key."""
        return await versions.lookup(self._database, names)

    async def latest_marker(self, bucket_id: int, key: bytes) -> ObjectVersion | None:
        """The delete marker that is the latest version of a key, if it is one."""
        return await versions.latest_marker(self._database, bucket_id, key)

    async def add(self, writes: Sequence[Write]) -> list[ObjectVersion | None]:
        """Commit those of the writes that make new keys in buckets that never had versions, in one statement.

        None for each that is left to ``commit``.
        Raises DatabaseUnavailable when the outcome cannot be found out. HOT.
        """
        return await add(self._database, writes)

    async def commit(self, writes: Sequence[Write]) -> list[Outcome]:
        """Apply a batch of changes in one transaction, in order. HOT.

        One outcome a write: the version as written, with its ``seq``; for a delete the version that was deleted, or
        None, or the delete marker that was made; or the error that refused this write alone. What a refused write had
        appended is garbage from then on.
        """
        if not writes:
            return []
        return await versioning.transact(self._database, lambda transaction: commit(transaction, writes))

    async def commit_together(self, writes: Sequence[Write], kept: bytes) -> None:
        """Apply changes of several keys in one transaction, all of them or none.

        ``kept``: extents that one of them lets go of and another takes over. Raises what refuses one of them: then
        what they had appended is garbage that the ledger does not know of, until the volume's audit.
        """

        async def work(transaction: Transaction) -> list[Outcome]:
            return await commit_together(transaction, writes, kept)

        await versioning.transact(self._database, work)

    async def list_page(self, bucket_id: int, prefix: bytes, after: bytes, limit: int) -> list[ObjectVersion]:
        """At most ``limit`` versions in key order whose key begins with ``prefix`` and is greater than ``after``.

        Without extents, parts, attrs and tags.
        """
        return await listing.page(self._database, bucket_id, prefix, after, limit)

    async def list_delimited(
        self, bucket_id: int, prefix: bytes, delimiter: bytes, after: bytes, limit: int
    ) -> list[ObjectVersion | bytes]:
        """As ``list_page``, but keys that have ``delimiter`` after the prefix are rolled up into common prefixes.

        A common prefix counts as one entry. It is listed if a key greater than ``after`` is below it, unless it is
        ``after`` itself.
        """
        return await listing.delimited(self._database, bucket_id, prefix, delimiter, after, limit)

    async def list_versions(
        self, bucket_id: int, prefix: bytes, delimiter: bytes, after: tuple[bytes, int | None], limit: int
    ) -> list[ObjectVersion | bytes]:
        """At most ``limit`` versions and markers by key, newest first in a key; common prefixes as in listings of keys.

        ``after``: a key, of which versions older than a seq are still listed, or (None) nothing.
        """
        return await version_listing.page(self._database, bucket_id, prefix, delimiter, after, limit)

    async def owners(self, bucket_id: int, names: Sequence[tuple[bytes, bytes]]) -> dict[tuple[bytes, bytes], str]:
        """Owners of versions (key, version id) of a bucket, of those that say who owns them."""
        return await owners_of(self._database, bucket_id, names)

    async def set_tags(
        self, version: ObjectVersion, tags: Mapping[str, str] | None, events: Sequence[Event] = ()
    ) -> bool:
        """Replace the tags of a version, and tell of it; False if it is not where it was: look it up again.

        Raises InvalidArgument.
        """
        return await self._database.transact(lambda transaction: tagging.set_tags(transaction, version, tags, events))

    async def set_attrs(
        self, version: ObjectVersion, attrs: dict[str, Any] | None, events: Sequence[Event] = ()
    ) -> bool:
        """Replace the attributes of a version, and tell of it; False if it, or they, are not as they were.

        Then it has to be looked up again. Raises InvalidArgument.
        """
        return await self._database.transact(
            lambda transaction: attributes.set_attrs(transaction, version, attrs, events)
        )

    async def swap(self, swaps: Sequence[Swap]) -> list[bool]:
        """Replace extents where the version and its old extents still hold and the target volumes are open.

        Which of them did; for the others the new bytes are garbage. The names of a batch must differ.
        """
        return await self._database.patient.transact(lambda held: relocate.swap(held, swaps)) if swaps else []

    async def refers(self, volume_id: bytes) -> bool:
        """True if any object or part has an extent in the volume; looks at every row, so rarely to be asked."""
        return await proof.refers(self._database.patient, volume_id)

    async def referents(self, volume_id: bytes, names: Sequence[Name], limit: int = 10_000) -> list[Referent]:
        """Objects and parts that have an extent in a volume, by the names found in its records and by its links.

        At most ``limit``: relocate those, then ask again.
        """
        return await relocate.referents(self._database.patient, volume_id, names, limit)

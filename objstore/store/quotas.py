"""Limits: quotas as this process knows them, so that a write is held against them without asking anybody.

What is there is read from the database every few seconds (``take``), and what this process lets through in between is
added to it at once. So a quota is exceeded by no more than what is on its way, and what other processes have let
through since they were last read; and what is deleted gives room with the next reading.
"""

from collections.abc import Iterable

from objstore.model.errors import QuotaExceeded
from objstore.model.objects import Bucket
from objstore.model.quota import QuotaUse


class _Known:
    """A quota, what is there, and what was let through since that was read; ``late``: since the reading began."""

    __slots__ = ("added", "late", "use")

    def __init__(self, use: QuotaUse, added: tuple[int, int]) -> None:
        self.use, self.added, self.late = use, added, (0, 0)

    def check(self, size: int, objects: int) -> None:
        use, quota = self.use, self.use.quota
        whose = f"bucket {use.bucket}" if use.bucket else "bucket's owner"
        if quota.bytes_max is not None and use.bytes + self.added[0] + size > quota.bytes_max:
            raise QuotaExceeded(f"The {whose} may hold {quota.bytes_max} bytes, and this would be more.")
        if quota.objects_max is not None and use.objects + self.added[1] + objects > quota.objects_max:
            raise QuotaExceeded(f"The {whose} may hold {quota.objects_max} objects, and this would be more.")

    def add(self, size: int, objects: int) -> None:
        self.added = (self.added[0] + size, self.added[1] + objects)
        self.late = (self.late[0] + size, self.late[1] + objects)


class Limits:
    """``known``: by bucket id or owner; empty where nobody has a quota, which is all that most writes look at."""

    def __init__(self) -> None:
        self.known: dict[int | str, _Known] = {}

    def begin(self) -> None:
        """What is let through from now on is perhaps not part of what is about to be read."""
        for known in self.known.values():
            known.late = (0, 0)

    def take(self, uses: Iterable[QuotaUse]) -> None:
        """What there is, as was just read."""
        before, self.known = self.known, {}
        for use in uses:
            name = use.quota.bucket_id or use.quota.owner
            known = before.get(name)
            self.known[name] = _Known(use, known.late if known is not None else (0, 0))

    def admit(self, bucket: Bucket, size: int, objects: int = 1) -> None:
        """Let so many bytes and objects more into a bucket. Raises QuotaExceeded."""
        concerned = [known for name in (bucket.id, bucket.owner) if (known := self.known.get(name)) is not None]
        for known in concerned:
            known.check(size, objects)
        for known in concerned:
            known.add(size, objects)

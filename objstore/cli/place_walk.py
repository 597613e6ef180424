"""Place walk: through the ledger of usage, bucket by bucket and a stretch at a time, to the largest prefixes of each.

    look     for the next bucket; one whose ledger is short is passed over: it is summed up when somebody asks
    sum up   a stretch of its ledger, and join that with what is known of the bucket so far
    keep     the sums, once the bucket's end is reached; forget those of buckets in between, which are no more

What a step takes is bounded, and so is what is remembered between steps. A walk that is given up begins again.
"""

from dataclasses import dataclass
from datetime import datetime

from objstore.meta.bucket_places import BEFORE_EVERY_BUCKET, forget, keep, next_bucket
from objstore.meta.database import Database
from objstore.meta.place_sums import last_prefix, sums_of_prefixes
from objstore.model import clock, days
from objstore.model.places import Place, Places, joined, places_of
from objstore.model.series import BAND_DAYS

PREFIXES_MAX = 256


@dataclass(slots=True)
class _Bucket:
    """``low``: up to where its ledger has been summed up; ``at``: since when."""

    id: int
    at: datetime
    low: bytes
    places: Places


class PlaceWalk:
    """Of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database.patient
        self.restart()

    def restart(self) -> None:
        """From the first bucket."""
        self._after = self._last = BEFORE_EVERY_BUCKET
        self._bucket: _Bucket | None = None

    async def go(self, seconds: float) -> bool:
        """At least one stretch, and then as many as begin within ``seconds``; True once all buckets were seen.

        Raises DatabaseUnavailable: then the bucket is left for the next walk.
        """
        end = clock.monotonic_seconds() + seconds
        while True:
            if self._bucket is not None:
                bucket, self._bucket = self._bucket, None  # where it fails, the others go on
                await self._sum_up(bucket)
            elif not await self._look():
                return True
            if clock.monotonic_seconds() >= end:
                return False

    async def _look(self) -> bool:
        """For the next bucket; False if there is none, and the next walk begins."""
        found = await next_bucket(self._database, self._after)
        if found is None:
            await forget(self._database, self._last, None)
            self.restart()
            return False
        self._after, is_long = found
        if is_long:
            await forget(self._database, self._last, self._after)
            self._last = self._after
            self._bucket = _Bucket(self._after, clock.now(), b"", Places([], Place(""), 0))
        return True

    async def _sum_up(self, bucket: _Bucket) -> None:
        last = await last_prefix(self._database, bucket.id, bucket.low)
        sums, count = await sums_of_prefixes(
            self._database, bucket.id, days.day_of(bucket.at), BAND_DAYS, PREFIXES_MAX, bucket.low, last
        )
        found = places_of([one.named for one in sums], PREFIXES_MAX)
        found.rest_count = count - len(found.shown)
        bucket.places = joined(bucket.places, found, PREFIXES_MAX)
        if last is None:
            await keep(self._database, bucket.id, bucket.places, bucket.at)
        else:
            bucket.low = last + b"\0"
            self._bucket = bucket

"""Metrics of one process, in Prometheus' multiprocess mode: any gateway worker answers for all of them.

A request is counted in plain Python numbers (half a microsecond); once a second, and before an answer to
``/-/metrics``, they are added to the memory-mapped values of prometheus-client, which cost some microseconds each.
``PROMETHEUS_MULTIPROC_DIR`` has to be in the environment before this module is imported: the cli sees to that.
"""

import asyncio
import contextlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Literal

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from objstore.model import clock
from objstore.model.series import FIRST_BYTE_SECONDS

CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()
FLUSH_SECONDS = 1.0
LAG_PROBE_SECONDS = 0.1
SERIES_MAX = 2000  # operations × status codes; what would go beyond is counted as "other"

# From a cached 4 KiB GET to a 5 GiB upload.
SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
# For what background work gives way by: steps of a fifth, from 100 µs to 20 s. Large bodies take what their client's
# network takes.
FINE_BUCKETS = tuple(0.0001 * 1.2**step for step in range(68))
SMALL_BYTES, SMALL_REQUESTS_MIN = 64 * 1024, 100
LAG_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)

_registry = CollectorRegistry()  # of this process; what is served is collected from all processes' files
_requests = Counter("objstore_s3_requests_total", "S3 requests answered.", ["api", "code"], registry=_registry)
_seconds = Histogram(
    "objstore_s3_request_duration_seconds",
    "Time from a request's headers to the last byte of its answer.",
    ["api"],
    buckets=SECONDS_BUCKETS,
    registry=_registry,
)
_first_byte = Histogram(
    "objstore_s3_ttfb_seconds",
    "Time from a request's headers to the first byte of its answer.",
    ["api"],
    buckets=FIRST_BYTE_SECONDS,
    registry=_registry,
)
_read_first_byte = Histogram(
    "objstore_read_ttfb_seconds",
    "Time to the first byte of objects that are read, by where it came from: memory, hot or cold drives.",
    ["source"],
    buckets=FIRST_BYTE_SECONDS,
    registry=_registry,
)
_rejected = Counter(
    "objstore_s3_requests_rejected_total",
    "S3 requests refused: denied (401, 403), invalid (400) or busy (503).",
    ["reason"],
    registry=_registry,
)
_canceled = Counter(
    "objstore_s3_requests_canceled_total", "S3 requests whose client went away before the end.", registry=_registry
)
_received = Counter("objstore_s3_traffic_received_bytes_total", "Bodies of S3 requests, declared.", registry=_registry)
_sent = Counter("objstore_s3_traffic_sent_bytes_total", "Bodies of answers to S3 requests.", registry=_registry)
_lag = Histogram(
    "objstore_event_loop_lag_seconds",
    f"How late a timer of {LAG_PROBE_SECONDS} s rings.",
    buckets=LAG_BUCKETS,
    registry=_registry,
)
_batch = Histogram("objstore_batch_items", "Items of a batch.", ["boundary"], buckets=BATCH_BUCKETS, registry=_registry)
_gauges = {
    name: Gauge(name, text, multiprocess_mode="livesum", registry=_registry)
    for name, text in (
        ("objstore_connections", "Open client connections."),
        ("objstore_s3_requests_inflight", "Requests being served."),
        ("objstore_lifecycle_share_ratio", "The part of the time that lifecycle work may take beside clients, of 1."),
        ("objstore_lifecycle_backlog", "Versions and uploads that wait for lifecycle rules."),
        ("objstore_lifecycle_lag_seconds", "Since when the oldest of them is due."),
        ("objstore_volumes_short_of_redundancy", "Volumes with fewer healthy shards than they should have."),
        ("objstore_repair_waiting_volumes", "Volumes that wait to be repaired or moved."),
        ("objstore_repair_waiting_bytes", "About how many bytes of shards these are, one shard each."),
        ("objstore_scrub_oldest_seconds", "How long ago the last complete pass over a drive ended, at worst."),
    )
}

# What history tells apart of operations.
_GROUPS = {
    "GetObject": "get",
    "HeadObject": "get",
    "GetObjectAttributes": "get",
    "PutObject": "put",
    "PostObject": "put",
    "UploadPart": "put",
    "CopyObject": "put",
    "UploadPartCopy": "put",
    "CompleteMultipartUpload": "put",
    "ListObjects": "list",
    "ListObjectsV2": "list",
    "ListObjectVersions": "list",
    "ListBuckets": "list",
    "DeleteObject": "delete",
    "DeleteObjects": "delete",
}
CANCELED = 499
_REASONS = {400: "invalid", 401: "denied", 403: "denied", 503: "busy"}
Source = Callable[[], Iterable[tuple[tuple[str, ...], float]]]
DurationSource = Callable[[], Iterable[tuple[tuple[str, ...], list[int], float]]]
Mode = Literal["livesum", "max", "min", "livemax"]


def quantile(counts: list[int], part: float) -> float:
    """Seconds that so large a part of what ``FINE_BUCKETS`` counted took at most; within a bucket evenly spread."""
    wanted = part * sum(counts)
    for at, count in enumerate(counts):
        if count and wanted <= count:
            low = FINE_BUCKETS[at - 1] if at else 0.0
            high = FINE_BUCKETS[at] if at < len(FINE_BUCKETS) else low
            return low + (high - low) * wanted / count
        wanted -= count
    return 0.0


class Tally:
    """Numbers of one histogram since the last flush: count a bucket, then the sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def flush_into(self, histogram: Histogram) -> None:
        """Add everything to ``histogram`` (of the same bounds) and begin anew."""
        self.copy_into(histogram)
        self.counts, self.total = [0] * len(self.counts), 0.0

    def copy_into(self, histogram: Histogram) -> None:
        """Add everything to ``histogram`` (of the same bounds)."""
        for value, count in zip(histogram._buckets, self.counts, strict=True):
            if count:
                value.inc(count)
        histogram._sum.inc(self.total)


class _Operation:
    """What is counted of one operation since the last flush: answers by status, how long they took, first bytes."""

    __slots__ = ("codes", "first_bytes", "seconds")

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}
        self.seconds = Tally(SECONDS_BUCKETS)
        self.first_bytes: dict[str, Tally] = {}  # by source; empty: no object was read


class Metrics:
    """What this process counts. ``observe`` is the Gateway's hook; gauges are asked for when they are flushed.

    ``totals``: what history keeps of requests, by series and label (model/series.py), as of the last flush.
    """

    def __init__(self) -> None:
        self._operations: dict[str, _Operation] = {}
        self._series = 0
        self._batches: dict[str, Tally] = {}
        self._lag = Tally(LAG_BUCKETS)
        self._small = [0] * (len(FINE_BUCKETS) + 1)
        self._received = self._sent = 0
        self._levels: dict[str, Callable[[], float]] = {}
        self._sources: list[tuple[Counter, Source]] = []
        self._gauges: list[tuple[Gauge, Source, set[tuple[str, ...]]]] = []
        self._durations: list[tuple[Histogram, DurationSource]] = []
        self._durations_seen: dict[tuple[str, tuple[str, ...]], tuple[list[int], float]] = {}
        self._seen: dict[tuple[str, tuple[str, ...]], float] = {}
        self.totals: defaultdict[tuple[str, str], float] = defaultdict(float)

    def observe(self, api: str, status: int, seconds: float, received: int, sent: int) -> None:
        """Count one answered request. HOT."""
        try:
            operation = self._operations[api]
            operation.codes[status] += 1
        except KeyError:
            operation = self._new(api, status)
        tally = operation.seconds
        tally.counts[bisect_left(SECONDS_BUCKETS, seconds)] += 1
        tally.total += seconds
        self._received += received
        self._sent += sent
        if received + sent <= SMALL_BYTES:
            self._small[bisect_left(FINE_BUCKETS, seconds)] += 1

    def p99_seconds(self) -> float:
        """What 99 of 100 small requests took at most since this was last asked; 0 if there were too few to say."""
        counts, self._small = self._small, [0] * len(self._small)
        return quantile(counts, 0.99) if sum(counts) >= SMALL_REQUESTS_MIN else 0.0

    def observe_first_byte(self, api: str, source: str, seconds: float) -> None:
        """Count how long an answer let wait. ``source``: of an object that is read, else empty. HOT."""
        try:
            tally = self._operations[api].first_bytes[source]
        except KeyError:
            tally = self._operation(api).first_bytes.setdefault(source, Tally(FIRST_BYTE_SECONDS))
        tally.counts[bisect_left(FIRST_BYTE_SECONDS, seconds)] += 1
        tally.total += seconds

    def observe_batch(self, boundary: str, size: int) -> None:
        """Count a batch of ``size`` items at one boundary."""
        tally = self._batches.get(boundary)
        if tally is None:
            tally = self._batches[boundary] = Tally(BATCH_BUCKETS)
        tally.add(size)

    def gauge_from(self, name: str, level: Callable[[], float]) -> None:
        """One of the gauges above, read when it is flushed."""
        assert name in _gauges
        self._levels[name] = level

    def count_from(self, name: str, text: str, labels: tuple[str, ...], source: Source) -> None:
        """A counter whose values others keep: ``source`` gives (label values, total of this process)."""
        self._sources.append((Counter(name, text, labels, registry=_registry), source))

    def gauges_from(
        self, name: str, text: str, labels: tuple[str, ...], source: Source, mode: Mode = "livesum"
    ) -> None:
        """Gauges of one name: ``source`` gives (label values, level) of those that there are now.

        ``mode``: what those of several processes come to.
        """
        gauge = Gauge(name, text, labels, multiprocess_mode=mode, registry=_registry)
        self._gauges.append((gauge, source, set()))

    def durations_from(
        self, name: str, text: str, labels: tuple[str, ...], bounds: tuple[float, ...], source: DurationSource
    ) -> None:
        """A histogram whose counts others keep: ``source`` gives (label values, counts by bound, sum) of all time."""
        self._durations.append((Histogram(name, text, labels, buckets=bounds, registry=_registry), source))

    def flush(self) -> None:
        """Hand everything to prometheus-client."""
        for api, operation in self._operations.items():
            for status, count in operation.codes.items():
                if count:
                    _requests.labels(api, str(status)).inc(count)
                    operation.codes[status] = 0
                    self._keep(api, status, count)
            if operation.codes:
                operation.seconds.flush_into(_seconds.labels(api))
            self._flush_first_bytes(api, operation)
        for boundary, tally in self._batches.items():
            tally.flush_into(_batch.labels(boundary))
        self._lag.flush_into(_lag)
        received, sent, self._received, self._sent = self._received, self._sent, 0, 0
        _received.inc(received)
        _sent.inc(sent)
        self.totals["received_bytes", ""] += received
        self.totals["sent_bytes", ""] += sent
        self._flush_sources()

    async def run(self) -> None:
        """Flush once a second and measure the event loop, until cancelled."""
        flushed = clock.monotonic_seconds()
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                before = clock.monotonic_seconds()
                await asyncio.sleep(LAG_PROBE_SECONDS)
                after = clock.monotonic_seconds()
                self._lag.add(max(0.0, after - before - LAG_PROBE_SECONDS))
                if after - flushed >= FLUSH_SECONDS:
                    flushed = after
                    self.flush()
        self.flush()

    def render(self) -> bytes:
        """The text format, of all processes."""
        self.flush()
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _new(self, api: str, status: int) -> _Operation:
        operation = self._operation(api if self._series < SERIES_MAX else "other")
        self._series += status not in operation.codes
        operation.codes[status] = operation.codes.get(status, 0) + 1
        return operation

    def _operation(self, api: str) -> _Operation:
        if api not in self._operations and len(self._operations) >= SERIES_MAX:
            api = "other"
        return self._operations.setdefault(api, _Operation())

    def _keep(self, api: str, status: int, count: int) -> None:
        if status in _REASONS:
            _rejected.labels(_REASONS[status]).inc(count)
        elif status == CANCELED:
            _canceled.inc(count)
        self.totals["requests", _GROUPS.get(api, "other")] += count
        if status >= 400:
            self.totals["errors", "5xx" if status >= 500 else "4xx"] += count

    def _flush_first_bytes(self, api: str, operation: _Operation) -> None:
        for source, tally in operation.first_bytes.items():
            if not any(tally.counts):
                continue
            if source:
                for bound, count in zip((*FIRST_BYTE_SECONDS, "inf"), tally.counts, strict=True):
                    if count:
                        self.totals["ttfb", f"{source}:{bound}"] += count
                tally.copy_into(_read_first_byte.labels(source))
            tally.flush_into(_first_byte.labels(api))

    def _flush_sources(self) -> None:
        for name, level in self._levels.items():
            _gauges[name].set(level())
        for gauge, source, shown in self._gauges:
            levels = dict(source())
            for labels in shown | levels.keys():  # one that is no more stays as 0
                (gauge.labels(*labels) if labels else gauge).set(levels.get(labels, 0.0))
            shown |= levels.keys()
        self._flush_durations()
        for counter, source in self._sources:
            for labels, total in source():
                seen = self._seen.get((counter._name, labels), 0.0)
                if total > seen:
                    (counter.labels(*labels) if labels else counter).inc(total - seen)
                    self._seen[counter._name, labels] = total

    def _flush_durations(self) -> None:
        for histogram, source in self._durations:
            for labels, counts, total in source():
                name = histogram._name, labels
                before, total_before = self._durations_seen.get(name, ([0] * len(counts), 0.0))
                self._durations_seen[name] = (counts, total)
                child = histogram.labels(*labels)
                for value, count, old in zip(child._buckets, counts, before, strict=True):
                    if count > old:
                        value.inc(count - old)
                child._sum.inc(max(0.0, total - total_before))


def registry() -> CollectorRegistry:
    """What this process has registered: names, types, helps."""
    return _registry


def forget_process(pid: int, directory: str) -> None:
    """Drop the gauges of a process that has ended; its counters stay, they only ever grow."""
    mark_process_dead(pid, directory)  # type: ignore[no-untyped-call]

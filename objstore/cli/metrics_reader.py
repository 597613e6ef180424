"""What a server's /-/metrics say, and what became of it between two looks."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from objstore.cli.problem import CommandError

METRICS_BYTES_MAX = 64 * 2**20
TIMEOUT_SECONDS = 10


@dataclass(slots=True)
class Look:
    """Values by name and labels, at a moment."""

    at: float
    values: dict[str, dict[tuple[tuple[str, str], ...], float]] = field(default_factory=lambda: defaultdict(dict))

    def total(self, name: str, **labels: str) -> float:
        """The sum of all series of a name that have these labels."""
        wanted = set(labels.items())
        return sum(value for key, value in self.values.get(name, {}).items() if wanted <= set(key))

    def labels(self, name: str, label: str) -> set[str]:
        """The values of a label."""
        return {dict(key).get(label, "") for key in self.values.get(name, {})}


def look(endpoint: str) -> Look:
    """Now. Raises CommandError."""
    try:
        with urlopen(f"{endpoint}/-/metrics", timeout=TIMEOUT_SECONDS) as answer:
            text = answer.read(METRICS_BYTES_MAX).decode()
    except (URLError, OSError) as error:
        raise CommandError(f"{endpoint} does not answer: {getattr(error, 'reason', error)}") from None
    found = Look(time.monotonic())
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.values[sample.name][tuple(sorted(sample.labels.items()))] = sample.value
    return found


def rates(before: Look, now: Look) -> dict[str, Any]:
    """Requests, errors, bytes and latency a second, of all and by operation; and of the drives by tier."""
    seconds = max(now.at - before.at, 1e-9)

    def rate(name: str, **labels: str) -> float:
        return max(0.0, now.total(name, **labels) - before.total(name, **labels)) / seconds

    operations: list[dict[str, Any]] = []
    for api in sorted(now.labels("objstore_s3_requests_total", "api")):
        count = rate("objstore_s3_requests_total", api=api)
        if count:
            spent = rate("objstore_s3_request_duration_seconds_sum", api=api)
            counted = rate("objstore_s3_request_duration_seconds_count", api=api)
            failed = sum(
                rate("objstore_s3_requests_total", api=api, code=code)
                for code in now.labels("objstore_s3_requests_total", "code")
                if code.startswith("5")
            )
            operations.append({
                "operation": api, "requests_per_second": round(count, 1), "errors_per_second": round(failed, 2),
                "mean_seconds": round(spent / counted, 6) if counted else None,
            })  # fmt: skip
    tiers: list[dict[str, Any]] = [
        {
            "tier": tier,
            "read_bytes_per_second": round(rate("objstore_drive_read_bytes_total", tier=tier)),
            "written_bytes_per_second": round(rate("objstore_drive_written_bytes_total", tier=tier)),
            "syncs_per_second": round(rate("objstore_drive_syncs_total", tier=tier), 1),
        }
        for tier in sorted(now.labels("objstore_drive_reads_total", "tier"))
    ]
    return {
        "seconds": round(seconds, 2),
        "requests_per_second": round(sum(one["requests_per_second"] for one in operations), 1),
        "received_bytes_per_second": round(rate("objstore_s3_traffic_received_bytes_total")),
        "sent_bytes_per_second": round(rate("objstore_s3_traffic_sent_bytes_total")),
        "inflight": int(now.total("objstore_s3_requests_inflight")),
        "connections": int(now.total("objstore_connections")),
        "lifecycle_backlog": int(now.total("objstore_lifecycle_backlog")),
        "repair_waiting": int(now.total("objstore_repair_waiting_volumes")),
        "operations": sorted(operations, key=lambda one: float(one["requests_per_second"]), reverse=True),
        "tiers": tiers,
    }

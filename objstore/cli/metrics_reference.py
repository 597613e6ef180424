"""The reference of all metrics, as Markdown: ``python -m objstore.cli.metrics_reference > docs/metrics.md``."""

from types import SimpleNamespace
from typing import Any, cast

from prometheus_client import CollectorRegistry

from objstore.api.metrics import Metrics, registry
from objstore.cli.cluster_metrics import ClusterMetrics
from objstore.cli.counters import (
    count_accesses,
    count_clients,
    count_connections,
    count_degraded,
    count_drives,
    count_hedges,
    count_moves,
    count_queues,
)
from objstore.cli.heap import Heap
from objstore.cli.lifecycle_metrics import LifecycleMetrics
from objstore.cli.process_metrics import count_process
from objstore.cli.repair_metrics import RepairMetrics
from objstore.cli.tls import count_certificate
from objstore.store.accesses import Accesses
from objstore.store.flows import Flows

HEAD = """\
# Metrics

Every server answers `GET /-/metrics` in Prometheus' text format, for all of its processes together, without
credentials: there are no names of buckets, keys or users in it. A worker that runs by itself does so at its
`ops_listen`. Counters and histograms add up over servers. What is said to be *of the cluster* is the same everywhere:
take the maximum.
`deploy/` has a Grafana dashboard and alert rules; what to watch is in [operations.md](operations.md#watching).

This page is made from the code (`python -m objstore.cli.metrics_reference`).
"""
_GROUPS = {
    "Requests": ("objstore_s3_", "objstore_read_ttfb", "objstore_connections"),
    "Tiers, heat and what moves": ("objstore_tier_", "objstore_heat_", "objstore_accesses_"),
    "Lifecycle rules": ("objstore_lifecycle_",),
    "Drives": ("objstore_drive", "objstore_hedged", "objstore_degraded"),
    "Redundancy and the cluster": (
        "objstore_volumes_",
        "objstore_short_of",
        "objstore_repair_",
        "objstore_scrub_",
        "objstore_cluster_",
        "objstore_nodes_",
    ),
    "Batches and Postgres": ("objstore_batch_", "objstore_queue_", "objstore_database_"),
    "Processes": ("objstore_", "process_", "python_"),
}
OF_CLUSTER = (
    "objstore_cluster_",
    "objstore_nodes_",
    "objstore_heat_",
    "objstore_tier_capacity",
    "objstore_tier_used",
    "objstore_tier_objects",
    "objstore_tier_usage",
    "objstore_drives",
    "objstore_drive_total_bytes",
    "objstore_drive_free_bytes",
    "objstore_volumes_",
    "objstore_short_of",
    "objstore_repair_",
    "objstore_scrub_",
    "objstore_lifecycle_",
)

OF_SERVER = ("objstore_drives_unreachable",)


def register() -> CollectorRegistry:
    """Every metric that any process has, with nothing behind it."""
    metrics, nothing = Metrics(), cast(Any, SimpleNamespace(depth=0, expires_seconds=0.0, lent=0, idle=0, size=0))
    count_drives(metrics, [])
    count_accesses(metrics, Accesses(), nothing)
    count_hedges(metrics)
    count_degraded(metrics, lambda: 0)
    count_clients(metrics, Flows())
    count_moves(metrics, Flows())
    count_queues(metrics, dict)
    count_connections(metrics, nothing)
    count_process(metrics, "gateway", "", Heap())
    count_certificate(metrics, nothing)
    LifecycleMetrics(metrics, nothing)
    RepairMetrics(metrics, nothing)
    ClusterMetrics(metrics, nothing, {})
    return registry()


def reference() -> str:
    """The page."""
    left = sorted(register().collect(), key=lambda family: family.name)
    pieces = [HEAD]
    for title, prefixes in _GROUPS.items():
        mine = [family for family in left if family.name.startswith(prefixes)]
        left = [family for family in left if family not in mine]
        rows = [_row(family) for family in mine]
        pieces.append(
            f"## {title}\n\n| Name | Type | Labels | What it says |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    assert not left, left
    return "\n".join(pieces)


def _row(family: Any) -> str:
    name = family.name + ("_total" if family.type == "counter" else "")
    labels = ", ".join(f"`{label}`" for label in labels_of(family.name))
    cluster = " *Of the cluster.*" if name.startswith(OF_CLUSTER) and name not in OF_SERVER else ""
    return f"| `{name}` | {family.type} | {labels} | {family.documentation}{cluster} |"


def labels_of(name: str) -> tuple[str, ...]:
    """Of a metric that was registered, by its name without ``_total``."""
    found = registry()._names_to_collectors[name]
    return tuple(getattr(found, "_labelnames", ()))


if __name__ == "__main__":
    print(reference(), end="")

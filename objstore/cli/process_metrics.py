"""What this process is and takes, under the names that Prometheus' clients use for it.

The client library's own collectors say nothing where metrics are of several processes; these add up over them.
"""

import gc
import os
import platform
import resource
from collections.abc import Callable
from pathlib import Path

from objstore import __version__
from objstore.api.metrics import Metrics
from objstore.cli.heap import Heap
from objstore.model import clock

LOOK_SECONDS = 15.0
_STATUS = Path("/proc/self/statm")
_FILES = Path("/proc/self/fd")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def count_process(metrics: Metrics, role: str, codec: str, heap: Heap) -> None:
    """Let ``metrics`` read them. ``role``: gateway or background. ``codec``: who computes parity."""
    started = clock.now_seconds()
    about = (__version__, platform.python_version(), codec)
    metrics.gauges_from(
        "objstore_build_info",
        "Always 1: what runs here.",
        ("version", "python", "codec"),
        lambda: [(about, 1.0)],
        "max",
    )
    metrics.gauges_from("objstore_processes", "Processes of this server that run.", ("role",), lambda: [((role,), 1.0)])
    metrics.count_from(
        "process_cpu_seconds_total", "CPU time of all processes, user and system.", (), lambda: [((), _cpu_seconds())]
    )
    for name, text, level in (
        ("process_resident_memory_bytes", "Resident memory of all processes; what they share counts in each.", _memory),
        ("process_open_fds", "Open file descriptors of all processes.", _Slowly(lambda: len(os.listdir(_FILES)))),
        (
            "process_max_fds",
            "How many they may open, all together.",
            lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        ),
    ):
        metrics.gauges_from(name, text, (), lambda level=level: [((), level())])  # type: ignore[misc]
    metrics.gauges_from(
        "objstore_process_heap_bytes",
        "What the allocators of all processes have given out (used), and what they keep of memory beside it (free).",
        ("state",),
        lambda: [(("used",), heap.used_bytes()), (("free",), heap.free_bytes())],
    )
    metrics.gauges_from(
        "process_start_time_seconds",
        "When the oldest process was started, in seconds since 1970.",
        (),
        lambda: [((), started)],
        "min",
    )
    metrics.count_from(
        "python_gc_collections_total",
        "Runs of Python's collector of cyclic garbage, in all processes.",
        ("generation",),
        lambda: [((str(i),), one["collections"]) for i, one in enumerate(gc.get_stats())],
    )


class _Slowly:
    """What costs something, looked up now and then."""

    def __init__(self, look: Callable[[], float]) -> None:
        self._look, self._value, self._until = look, 0.0, 0.0

    def __call__(self) -> float:
        now = clock.monotonic_seconds()
        if now >= self._until:
            self._value, self._until = self._look(), now + LOOK_SECONDS
        return self._value


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory() -> float:
    return int(_STATUS.read_text().split()[1]) * _PAGE_BYTES

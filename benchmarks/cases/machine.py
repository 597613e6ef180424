"""The machine's own rates."""

from benchmarks import machine
from benchmarks.figures import Figure, middle, spread
from benchmarks.rig import Rig


def run(rig: Rig) -> list[Figure]:
    """MD5, memcpy, durable append, sequential write."""
    syncs = sorted(machine.sync_seconds(rig.folder, 200))
    # The first write after a pause is slow on a virtual disk that grows.
    writes = [machine.disk_write_rate(rig.folder) for _ in range(4)][1:]
    return [
        Figure("MD5 of one core", machine.md5_rate() / 1e6, "MB/s"),
        Figure("memcpy of one core", machine.memcpy_rate() / 1e9, "GB/s"),
        Figure("4 KiB append and fdatasync", middle(syncs) * 1e6, "µs", note=f"p99 {syncs[-2] * 1e6:.0f} µs"),
        Figure(
            "256 MiB written and fdatasync", middle(writes) / 1e6, "MB/s", note=spread([each / 1e6 for each in writes])
        ),
    ]

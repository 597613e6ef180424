"""What the machine itself can do: MD5 of one core, memcpy, the latency of a durable append."""

import hashlib
import os
import platform
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.figures import middle

MIB = 1024 * 1024
BLOCK_BYTES = 64 * MIB


def _rate(work: Any, count: int, runs: int) -> float:
    """Bytes a second: the median of ``runs`` runs over ``count`` bytes."""
    rates = []
    for _ in range(runs):
        start = perf_counter()
        work()
        rates.append(count / (perf_counter() - start))
    return middle(rates)


def md5_rate(runs: int = 3) -> float:
    """MD5 of one core in bytes a second, over 64 MiB."""
    data = os.urandom(BLOCK_BYTES)
    return _rate(lambda: hashlib.md5(data).digest(), BLOCK_BYTES, runs)


def memcpy_rate(runs: int = 5) -> float:
    """Copy from memory to memory in bytes a second, over 64 MiB, one core."""
    source, goal = memoryview(os.urandom(BLOCK_BYTES)), memoryview(bytearray(BLOCK_BYTES))

    def copy() -> None:
        goal[:] = source

    copy()  # touches the pages once, outside the clock
    return _rate(copy, BLOCK_BYTES, runs)


def sync_seconds(folder: Path, count: int = 100) -> list[float]:
    """Latencies of appending 4 KiB and fdatasync, on the file system of ``folder``."""
    path, block, times = folder / f"sync-{os.getpid()}", os.urandom(4096), []
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(count):
            start = perf_counter()
            os.write(fd, block)
            os.fdatasync(fd)
            times.append(perf_counter() - start)
    finally:
        os.close(fd)
        path.unlink()
    return times


def describe(folder: Path) -> dict[str, Any]:
    """What the figures were measured on."""
    from importlib.metadata import version

    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory.split()[1]) / MIB, 1),
        "kernel": platform.release(),
        "file_system": file_system(folder),
        "python": platform.python_version(),
        "uvicorn": version("uvicorn"),
        "uvloop": version("uvloop"),
    }


def file_system(folder: Path) -> str:
    """Type of the file system that ``folder`` is on."""
    best = ("", "unknown")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, kind, *_ = line.split()
        if str(folder.resolve()).startswith(mount) and len(mount) > len(best[0]):
            best = (mount, kind)
    return best[1]


def disk_write_rate(folder: Path, count: int = 256 * MIB) -> float:
    """Sequential write with one fdatasync at the end, in bytes a second."""
    path, block = folder / f"write-{os.getpid()}", os.urandom(8 * MIB)
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        start = perf_counter()
        for _ in range(count // len(block)):
            os.write(fd, block)
        os.fdatasync(fd)
        return count / (perf_counter() - start)
    finally:
        os.close(fd)
        path.unlink()

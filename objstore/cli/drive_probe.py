"""What a drive's directory really does: flushes that are measured, ways of writing that are tried. Blocking."""

import contextlib
import mmap
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

BLOCK_BYTES = 4096
FLUSHES = 40
SECONDS_MAX = 5.0  # a slow disk is known by fewer
# A flush that reaches a medium, or memory with a battery behind a bus, takes longer than a system call alone.
HONEST_SECONDS_MIN = 20e-6
SLOW_SECONDS = 0.05
MEMORY_FILE_SYSTEMS = {"tmpfs", "ramfs", "devtmpfs", "hugetlbfs"}


@dataclass(frozen=True, slots=True)
class Probe:
    """``flush_seconds``: median of fdatasync after 4 KiB; ``direct``, ``dsync``: whether O_DIRECT, O_DSYNC work.

    ``write_cache``: what the kernel takes the device for: "write back" (flushes matter), "write through", or unknown.
    """

    file_system: str
    device: str
    options: str
    write_cache: str
    rotational: bool | None
    flush_seconds: float
    direct: bool
    dsync: bool

    @property
    def is_in_memory(self) -> bool:
        """Nothing of it outlives the machine."""
        return self.file_system in MEMORY_FILE_SYSTEMS

    @property
    def seems_to_lie(self) -> bool:
        """Flushes come back before anything can have been written."""
        return self.is_in_memory or self.flush_seconds < HONEST_SECONDS_MIN


def probe(directory: Path) -> Probe:
    """Write to a file of its own there, and take it away. Raises OSError."""
    file_system, device, options = _mount_of(directory)
    fd, name = tempfile.mkstemp(prefix=".objstore-doctor-", dir=directory)
    try:
        flush = _flush_seconds(fd)
        direct = _can_write(name, os.O_DIRECT)
        dsync = _can_write(name, os.O_DSYNC)
    finally:
        os.close(fd)
        os.unlink(name)
    cache, rotational = _queue_of(directory)
    return Probe(file_system, device, options, cache, rotational, flush, direct, dsync)


def _flush_seconds(fd: int) -> float:
    block, taken, until = os.urandom(BLOCK_BYTES), [], time.monotonic() + SECONDS_MAX
    for number in range(FLUSHES):
        os.pwrite(fd, block, number * BLOCK_BYTES)
        began = time.perf_counter()
        os.fdatasync(fd)
        taken.append(time.perf_counter() - began)
        if time.monotonic() > until:
            break
    return statistics.median(taken)


def _can_write(name: str, flag: int) -> bool:
    """One block from aligned memory."""
    try:
        fd = os.open(name, os.O_WRONLY | flag)
    except OSError:
        return False
    try:
        with mmap.mmap(-1, BLOCK_BYTES) as block:
            return os.pwrite(fd, block, 0) == BLOCK_BYTES
    except OSError:
        return False
    finally:
        os.close(fd)


def _mount_of(directory: Path) -> tuple[str, str, str]:
    """File system, device and options of the mount that a path is on."""
    path, best = os.path.realpath(directory), ("", "unknown", "", "")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        device, point, kind, options = line.split()[:4]
        point = point.replace("\\040", " ")
        if (path == point or path.startswith(point.rstrip("/") + "/")) and len(point) >= len(best[0]):
            best = (point, kind, device, options)
    return best[1], best[2], best[3]


def _queue_of(directory: Path) -> tuple[str, bool | None]:
    """Write cache and kind of the block device below, as far as the kernel tells."""
    number = directory.stat().st_dev
    device = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    for queue in (device / "queue", device / ".." / "queue"):  # of a partition, the disk's
        with contextlib.suppress(OSError):
            cache = (queue / "write_cache").read_text().strip()
            return cache, (queue / "rotational").read_text().strip() == "1"
    return "unknown", None

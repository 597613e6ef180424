"""Disk: a file system of its own, in a sparse file behind a loop device, so that one drive alone is full or slow.

Needs root, ``losetup``, ``mkfs.ext4`` and, to be slow, the blkio controller of cgroup v1.
"""

import errno
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

SIZE_BYTES = 32 * 2**30  # takes a few megabytes: what is not written is not there
CONTROLLER = Path("/sys/fs/cgroup/blkio")
SLOW_OPERATIONS, SLOW_BYTES = 40, 8_000_000  # a second, each way: a fiftieth of a cheap SSD
_FILLER = "filler"


def why_no_disk() -> str:
    """Why there can be none here; empty where it works."""
    if os.geteuid() != 0:
        return "a disk of its own needs root"
    for program in ("losetup", "mkfs.ext4", "mount"):
        if shutil.which(program) is None:
            return f"a disk of its own needs {program}"
    found = _run("losetup", "--find", check=False)
    return "" if found.startswith("/dev/") else "there is no free loop device"


def why_not_slow() -> str:
    """Why it cannot be slowed here; empty where it can."""
    needed = CONTROLLER / "blkio.throttle.io_serviced"
    return why_no_disk() or ("" if needed.exists() else "slowing a device needs the blkio controller of cgroup v1")


class Disk:
    """Mounted at ``mount``, an empty directory, until it is closed."""

    def __init__(self, image: Path, mount: Path) -> None:
        self.mount, self._image = mount, image
        with image.open("wb") as file:
            file.truncate(SIZE_BYTES)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard,lazy_itable_init=1", str(image))
        self._device = _run("losetup", "--find", "--show", str(image))
        try:
            _run("mount", self._device, str(mount))
        except BaseException:
            _run("losetup", "--detach", self._device)
            raise
        (mount / "lost+found").rmdir()
        self._group = CONTROLLER / f"objstore-{os.getpid()}-{Path(self._device).name}"

    @property
    def free_bytes(self) -> int:
        """What is left."""
        stat = os.statvfs(self.mount)
        return stat.f_bavail * stat.f_frsize

    def fill(self) -> None:
        """To the last block."""
        with (self.mount / _FILLER).open("wb") as file:
            end, step = 0, SIZE_BYTES
            while step >= 4096:
                try:
                    os.posix_fallocate(file.fileno(), end, step)
                    end += step
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    end = file.seek(0, os.SEEK_END)  # a part may have been found
                    step //= 2

    def empty(self) -> None:
        """As before ``fill``."""
        (self.mount / _FILLER).unlink(missing_ok=True)

    def slow(self, pids: Sequence[int]) -> None:
        """For these processes, also what the page cache had for them."""
        major, minor = os.major(os.stat(self._device).st_rdev), os.minor(os.stat(self._device).st_rdev)
        self._group.mkdir()
        for what, limit in (("iops", SLOW_OPERATIONS), ("bps", SLOW_BYTES)):
            for way in ("read", "write"):
                name = f"blkio.throttle.{way}_{what}_device"
                (self._group / name).write_text(f"{major}:{minor} {limit}")
        for pid in pids:
            (self._group / "cgroup.procs").write_text(str(pid))
        for path in self.mount.rglob("*.shard"):
            fd = os.open(path, os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)

    @property
    def slowed_operations(self) -> int:
        """How many have gone through since ``slow``."""
        number = f"{os.major(os.stat(self._device).st_rdev)}:{os.minor(os.stat(self._device).st_rdev)}"
        lines = (self._group / "blkio.throttle.io_serviced").read_text().splitlines()
        return sum(int(line.split()[2]) for line in lines if line.split()[:2] == [number, "Total"])

    def mend(self) -> None:
        """As fast as it was."""
        if self._group.exists():
            for pid in (self._group / "cgroup.procs").read_text().split():
                with suppress(ProcessLookupError):
                    (CONTROLLER / "cgroup.procs").write_text(pid)
            self._group.rmdir()

    def close(self) -> None:
        """Gone, with all that was on it; nobody may use it any more."""
        self.mend()
        _run("umount", "--lazy", str(self.mount))
        _run("losetup", "--detach", self._device)
        self._image.unlink()


def _run(*command: str, check: bool = True) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout.strip()

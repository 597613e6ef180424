"""What /proc says about the server's processes: who listens, CPU seconds, resident memory, bytes read."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_LISTEN = "0A"


def tree(root: int) -> list[int]:
    """``root`` and all that descends from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def listeners(pids: list[int], port: int) -> list[int]:
    """Those of ``pids`` that hold a listening socket on ``port``: the gateway workers."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    return [pid for pid in pids if inodes & _links(pid)]


def named(pids: list[int], name: str) -> list[int]:
    """Those of ``pids`` whose command is ``name``."""
    return [pid for pid in pids if _read(pid, "comm").strip() == name]


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of the processes so far, all threads."""
    total = 0
    for pid in pids:
        fields = _stat(pid)
        total += int(fields[11]) + int(fields[12]) if fields else 0
    return total / _TICKS


def rss_bytes(pid: int) -> int:
    """Resident memory now."""
    return _status(pid, "VmRSS")


def rss_peak_bytes(pid: int) -> int:
    """Highest resident memory since the start, or since ``reset_peak``."""
    return _status(pid, "VmHWM")


def reset_peak(pid: int) -> None:
    """Let the peak start again from what is resident now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def read_bytes(pid: int) -> int:
    """Bytes that came back from read calls, from the page cache too."""
    for line in _read(pid, "io").splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    return 0


def _links(pid: int) -> set[str]:
    try:
        return {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return set()


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except OSError:
        return ""


def _stat(pid: int) -> list[str]:
    """Fields after the command's closing bracket: state, parent, …"""
    return _read(pid, "stat").rpartition(")")[2].split()


def _status(pid: int, name: str) -> int:
    for line in _read(pid, "status").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0

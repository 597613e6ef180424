"""Second opinion on flushes: the kernel's count of the system calls, by perf where it works, else by strace."""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# While small objects are written every pwritev2 is a durable one (RWF_DSYNC): write and flush in one call.
CALLS = ("fsync", "fdatasync", "pwritev2")


@dataclass(slots=True)
class Counted:
    """``syncs``: calls seen between start and end, None when nothing could count them."""

    tool: str = ""
    syncs: int | None = None


@contextmanager
def count_syncs(pids: list[int]) -> Iterator[Counted]:
    """Count flushes of the processes, their threads and what they start."""
    counted = Counted("perf" if _perf_works() else "strace" if shutil.which("strace") else "")
    if not counted.tool:
        yield counted
        return
    command = _perf(pids) if counted.tool == "perf" else _strace(pids)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(1.0)  # attaching to a hundred threads takes a moment
    try:
        yield counted
    finally:
        process.send_signal(signal.SIGINT)
        report = process.communicate(timeout=30)[1]
        counted.syncs = _sum(counted.tool, report)


def _perf(pids: list[int]) -> list[str]:
    events = ",".join(f"syscalls:sys_enter_{call}" for call in CALLS)
    return ["perf", "stat", "-x", ";", "-e", events, "-p", ",".join(map(str, pids))]


def _strace(pids: list[int]) -> list[str]:
    return [
        "strace",
        "-f",
        "-c",
        "-e",
        f"trace={','.join(CALLS)}",
        *(word for pid in pids for word in ("-p", str(pid))),
    ]


def _perf_works() -> bool:
    if not shutil.which("perf"):
        return False
    command = ["perf", "stat", "-x", ";", "-e", f"syscalls:sys_enter_{CALLS[0]}", "true"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0 and "not" not in done.stderr


def _sum(tool: str, report: str) -> int | None:
    if tool == "perf":
        found = re.findall(r"^(\d+);[^;]*;syscalls:sys_enter_", report, re.M)
    else:
        found = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) .*(?:fsync|fdatasync|pwritev2)$", report, re.M)
    return sum(map(int, found)) if found else None

"""Stage sampler, loaded into the server's processes through PYTHONPATH by the case ``stages``; stdlib only.

SIGPROF comes each few milliseconds of CPU time of the process. The handler charges the main thread's CPU time since
the last sample to the stage that the innermost telling frame belongs to, and the rest (pool threads: encoding,
writing, syncing, with the GIL released) to the drives' threads. Totals go to a file a process, in microseconds.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

INTERVAL_SECONDS = 0.002  # the kernel rounds it up to its tick
WRITE_EACH = 25

# The first match on a frame's file decides; a frame that matches none is looked through to its caller.
STAGES = (
    ("/objstore/api/auth/", "auth"),
    ("/objstore/api/protocol", "HTTP"),
    ("/objstore/api/", "answer"),
    ("/objstore/meta/", "metadata"),
    ("/asyncpg/", "metadata"),
    ("/sqlalchemy/", "metadata"),
    ("/objstore/store/", "data"),
    ("/objstore/volume/", "data"),
    ("/objstore/drive/", "data"),
    ("/objstore/erasure/", "data"),
    ("/objstore/format/", "data"),
    ("/objstore/placement/", "data"),
    ("work/batcher.py", "batching"),
    ("/uvicorn/", "HTTP"),
    ("/asyncio/runners.py", "HTTP"),  # nothing of Python's within the event loop: sockets and parsing
)
_stage_of_file: dict[str, str | None] = {}


class Sampler:
    """Totals of one process."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{os.getpid()}.json"
        self.totals: dict[str, int] = {}
        self.count, self.main, self.all = 0, time.thread_time_ns(), time.process_time_ns()

    def begin(self) -> None:
        """Take samples from now on."""
        signal.signal(signal.SIGPROF, self.sample)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL_SECONDS, INTERVAL_SECONDS)

    def sample(self, _signal: int, frame: FrameType | None) -> None:
        """Charge what passed since the last sample."""
        main, everything = time.thread_time_ns(), time.process_time_ns()
        spent, threads = main - self.main, (everything - self.all) - (main - self.main)
        self.main, self.all = main, everything
        stage = stage_of(frame)
        self.totals[stage] = self.totals.get(stage, 0) + spent // 1000
        self.totals["data, threads"] = self.totals.get("data, threads", 0) + max(0, threads) // 1000
        self.count += 1
        if self.count % WRITE_EACH == 0:
            fresh = self.path.with_suffix(".new")
            fresh.write_text(json.dumps(self.totals))
            fresh.replace(self.path)


def stage_of(frame: FrameType | None) -> str:
    """Stage of the innermost frame that tells one."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name not in _stage_of_file:
            _stage_of_file[name] = next((stage for part, stage in STAGES if part in name), None)
        stage = _stage_of_file[name]
        if stage:
            return stage
        frame = frame.f_back
    return "other"


def install(folder: str) -> None:
    """Sample this process. A forked child has no timer, so that one that executes Postgres is not killed by SIGPROF;
    but workers are forked, too, by a process that does nothing else.
    """
    Sampler(Path(folder)).begin()
    if "_fork_server" in sys.orig_argv:
        os.register_at_fork(after_in_child=lambda: Sampler(Path(folder)).begin())


if os.environ.get("STAGE_SAMPLER_FOLDER") and threading.current_thread() is threading.main_thread():
    install(os.environ["STAGE_SAMPLER_FOLDER"])

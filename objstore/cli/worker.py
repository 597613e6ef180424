"""Entry of a worker process: what is common to gateway and background."""

import asyncio
import gc
import os
import resource
import signal
import sys
from collections.abc import Coroutine
from typing import Any

import structlog
import uvloop

from objstore.cli.fork_server import name_process
from objstore.cli.logs import configure_logs
from objstore.cli.process import READY_LINE
from objstore.cli.spec import WorkerSpec
from objstore.model import days, lifecycle, tiering, tiers
from objstore.model.errors import ObjstoreError
from objstore.model.storage_class import add_custom

SWITCH_SECONDS = 0.0005


def run_worker() -> None:
    """Read the spec from standard input, run the role until SIGTERM."""
    spec = WorkerSpec.decode(sys.stdin.buffer.read())
    name_process(f"{spec.role}-{spec.index}")
    os.umask(0o077)
    configure_logs(spec.log_format, spec.log_level, worker=f"{spec.role}-{spec.index}")
    days.configure(spec.lifecycle_day_seconds)
    lifecycle.configure(spec.transition_min_bytes)
    tiering.configure(spec.intelligent_tiering_min_bytes, spec.intelligent_tiering_days)
    available = {drive.tier for drive in spec.drives} | {remote.tier for remote in spec.remotes}
    if spec.node_key:  # drives come and go
        available |= spec.profiles.keys()
    tiers.configure(spec.storage_classes, spec.tiers, available, spec.like)
    add_custom(spec.class_codes)
    allow_files()
    # Threads that hash and encode let go of the GIL by themselves; those that do not may keep the event loop from
    # running for this long.
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        uvloop.run(_role(spec))
    except ObjstoreError as error:  # most likely the database is not there: the supervisor tries again
        structlog.get_logger().error("worker_failed", error=repr(error))
        sys.exit(1)


def report_ready() -> None:
    """Tell the supervisor, and make what was built so far exempt from garbage collection: it stays for good."""
    gc.collect()
    gc.freeze()
    # Requests make few cycles: look for them a tenth as often as by default.
    gc.set_threshold(7000, 20, 50)
    sys.stdout.buffer.write(READY_LINE)
    sys.stdout.buffer.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nobody reads the socket from here on


def stop_event() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _role(spec: WorkerSpec) -> Coroutine[Any, Any, None]:
    if spec.role == "gateway":
        from objstore.cli.gateway import run_gateway

        return run_gateway(spec)
    from objstore.cli.background import run_background

    return run_background(spec)


def allow_files() -> None:
    """A socket a client and two descriptors a shard: take what the system gives."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

"""Child: one worker process, started again (later and later) when it ends without having been asked to."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import structlog

import objstore
from objstore.cli.forks import CODE_NOT_FORKED, Fork, Forks
from objstore.cli.spec import WorkerSpec
from objstore.model import clock

READY_LINE = b"ready\n"
READY_SECONDS_MAX = 120.0
BACKOFF_SECONDS_MIN = 0.1
BACKOFF_SECONDS_MAX = 10.0
HEALTHY_SECONDS = 60.0  # a process that ran this long starts with the shortest pause again
KILL_SECONDS = 10.0

log = structlog.get_logger(__name__)


class Child:
    """A worker process and its watch. ``on_change``: of a process that has ended, its id; None: one is ready."""

    def __init__(self, spec: WorkerSpec, forks: Forks, on_change: Callable[[int | None], None]) -> None:
        self.role, self.name = spec.role, f"{spec.role}-{spec.index}"
        self.ready = asyncio.Event()
        self.pid: int | None = None
        self.spec = spec
        self.forks = forks
        self._on_change = on_change
        self._process: Fork | None = None
        self._stopping = asyncio.Event()
        self._watch = asyncio.create_task(self._run())

    async def stop(self, seconds: float) -> None:
        """Ask the process to finish, wait, kill it when ``seconds`` and a little more are over."""
        self._stopping.set()
        if self._process is None or not self._process.is_running:
            self._watch.cancel()
        else:
            self._process.send_signal(signal.SIGTERM)
        ended, _ = await asyncio.wait([self._watch], timeout=seconds + KILL_SECONDS)
        if not ended:
            self.kill()
            # Not even SIGKILL ends a process whose thread hangs in a drive: it goes when the drive lets it.
            await asyncio.wait([self._watch], timeout=KILL_SECONDS)

    def kill(self) -> None:
        """End the process now."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)

    async def _run(self) -> None:
        pause = BACKOFF_SECONDS_MIN
        while not self._stopping.is_set():
            started = clock.monotonic_seconds()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            if clock.monotonic_seconds() - started > HEALTHY_SECONDS:
                pause = BACKOFF_SECONDS_MIN
            log.error("worker_ended", worker=self.name, pid=self.pid, code=code, starts_again_in_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, BACKOFF_SECONDS_MAX)

    async def _run_once(self) -> int:
        try:
            self._process = process = self.forks.fork()
        except OSError as error:
            log.error("worker_not_forked", worker=self.name, error=str(error))
            return CODE_NOT_FORKED
        reader, writer = await asyncio.open_connection(sock=process.channel)
        try:
            await self._wait_until_ready(process, reader, writer)
            return await process.wait()
        finally:
            writer.close()
            self.ready.clear()
            if process.pid:  # else there never was one
                self._on_change(process.pid)

    async def _wait_until_ready(
        self, process: Fork, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(READY_SECONDS_MAX):
                await process.until_forked()
                self.pid = process.pid
                writer.write(self.spec.encode())
                writer.write_eof()
                if await reader.readline() == READY_LINE:
                    self.ready.set()
                    self._on_change(None)
        except ConnectionError:  # it has ended already
            return
        except TimeoutError:
            log.error("worker_not_ready", worker=self.name, pid=self.pid, seconds=READY_SECONDS_MAX)
            if process.is_running:
                self.kill()
            else:  # nothing comes of the fork server any more: it goes, with all that it started
                self.forks.kill()


def worker_environment(metrics_directory: str) -> dict[str, str]:
    """The environment of workers: ours without settings and secrets, and what tunes them."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OBJSTORE_", "AWS_"))}
    paths = [str(Path(objstore.__file__).parents[1]), *filter(None, [environment.get("PYTHONPATH")])]
    return environment | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PROMETHEUS_MULTIPROC_DIR": metrics_directory,
        "PYTHONUNBUFFERED": "1",
        # numpy is used for buffers only: its BLAS would keep threads, and spin in them.
        "OPENBLAS_NUM_THREADS": "1",
        # glibc gives every thread an arena of its own, and a gateway has a hundred threads that each hold a buffer now
        # and then: two arenas keep resident memory near what is in use.
        "MALLOC_ARENA_MAX": "2",
        # Stripe buffers (up to some MiB) are reused from the heap instead of being mapped, faulted in and unmapped each
        # time; what is larger goes back to the kernel at once, and so does a free heap top above 64 MiB.
        "MALLOC_MMAP_THRESHOLD_": str(16 * 2**20),
        "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
    }

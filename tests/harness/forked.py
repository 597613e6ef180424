"""Forked: commands in Python as processes that need not import what they run: they are forked from one that has.

What a command imports is most of what its start costs (three seconds of CPU for a server), and the tests start
hundreds. One process for this one, the template, has imported all of it; the rest is as if Python had been run:
arguments, environment, standard files, exit code, a process group of its own. With ``TEST_RUN_ANEW=1`` in the
environment everything is run by a Python of its own, as some tests have it in any case.
"""

import atexit
import contextlib
import errno
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from objstore.cli.fork_server import MESSAGE_BYTES_MAX
from objstore.cli.process import worker_environment

ROOT = Path(__file__).parents[2]
OFF = "TEST_RUN_ANEW"
OBJSTORE, AWS = "objstore", "aws"
PROGRAMS = {OBJSTORE: "objstore", AWS: "awscli"}
LISTEN_SECONDS_MAX = 0.2  # another thread may have taken the message


class Process(Protocol):
    """What tests need of a process, forked or not."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...


def start(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    output: IO[bytes],
    *,
    anew: bool = False,
    network: Path | None = None,
) -> Process:
    """``objstore ARGUMENTS``, writing to ``output``; ``anew``: by a Python of its own. ``network``: its namespace."""
    if anew or not is_on():
        through = ["nsenter", f"--net={network}", "--"] if network else []
        command = [*through, sys.executable, "-m", "objstore", *arguments]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=dict(environment))
    with open(os.devnull, "rb") as nothing:
        standard = (nothing.fileno(), output.fileno(), output.fileno())
        return fork(arguments, environment, standard, network=network)


def run(
    arguments: Sequence[str], environment: Mapping[str, str], given: str = "", timeout: float = 120
) -> "subprocess.CompletedProcess[str]":
    """Run ``objstore ARGUMENTS`` to its end with ``given`` as standard input; raises TimeoutExpired."""
    done = run_bytes(OBJSTORE, arguments, environment, given.encode(), timeout)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def run_bytes(
    program: str, arguments: Sequence[str], environment: Mapping[str, str], given: bytes, timeout: float
) -> "subprocess.CompletedProcess[bytes]":
    """The same for any of ``PROGRAMS``."""
    if not is_on():
        command = [sys.executable, "-m", PROGRAMS[program], *arguments]
        return subprocess.run(
            command, input=given, env=dict(environment), capture_output=True, timeout=timeout, check=False
        )
    with contextlib.ExitStack() as stack:
        standard = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        standard[0].write(given)
        standard[0].seek(0)
        process = fork(arguments, environment, [file.fileno() for file in standard], program=program)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            raise
        for file in standard[1:]:
            file.seek(0)
        return subprocess.CompletedProcess(list(arguments), code, standard[1].read(), standard[2].read())


def fork(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    standard: Sequence[int],
    *,
    network: Path | None = None,
    directory: str = "",
    program: str = OBJSTORE,
) -> Process:
    """``PROGRAM ARGUMENTS`` with these standard input, output and errors, if ``is_on``."""
    asked = {
        "arguments": list(arguments),
        "environment": dict(environment),
        "directory": directory or os.getcwd(),
        "network": str(network) if network else None,
    }
    return _template(program).fork(json.dumps(asked).encode(), standard)


def is_on() -> bool:
    """Whether processes are forked. What they are forked from ends with the thread that asks first: one that stays."""
    if os.environ.get(OFF) or (_template.cache_info().currsize == 0 and not _is_main_thread()):
        return False
    return bool(_template(OBJSTORE))


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


class _Forked:
    def __init__(self, template: "_Template", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._template = template

    def poll(self) -> int | None:
        self._template.listen(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + (timeout if timeout is not None else 1e9)
        while self.returncode is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired("objstore", timeout or 0)
            self._template.listen(min(left, LISTEN_SECONDS_MAX))
        return self.returncode

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)


class _Template:
    """The process that all are forked from. ``listen`` takes in what it says of those that have ended."""

    def __init__(self, program: str) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        from tests.harness.server import clean_environment

        # What tunes workers is taken at the start of a process: the number of threads, the allocator.
        tuned = {name: value for name, value in worker_environment("").items() if name not in os.environ}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.harness.template", program, str(theirs.fileno())],
                stdin=subprocess.DEVNULL, env=tuned | clean_environment(), cwd=ROOT, pass_fds=[theirs.fileno()],
            )  # fmt: skip
        atexit.register(self._close)
        self._lock = threading.RLock()
        self._running: dict[int, _Forked] = {}
        self._new: deque[_Forked] = deque()

    def fork(self, asked: bytes, standard: Sequence[int]) -> _Forked:
        """A process with these standard input, output and errors."""
        ours, theirs = socket.socketpair()
        with self._lock, ours:
            with theirs:
                socket.send_fds(self._control, [b"f"], [theirs.fileno()])
            socket.send_fds(ours, [b"\n"], list(standard))
            while not self._new:
                self.listen(LISTEN_SECONDS_MAX)
            ours.sendall(asked)
            return self._new.popleft()

    def listen(self, seconds: float) -> None:
        """Wait for a message for so long, and take what is there, unless another thread has."""
        if not select.select([self._control], [], [], seconds)[0]:
            return
        with self._lock:
            while select.select([self._control], [], [], 0)[0]:
                self._take(self._control.recv(MESSAGE_BYTES_MAX).decode().split())

    def _take(self, message: list[str]) -> None:
        match message:
            case ["forked", pid]:
                self._running[int(pid)] = forked = _Forked(self, int(pid))
                self._new.append(forked)
            case ["ended", pid, code]:
                self._running.pop(int(pid)).returncode = int(code)
            case ["failed", number]:
                raise OSError(int(number), errno.errorcode[int(number)])
            case _:
                raise RuntimeError(f"what tests fork from has ended: {self._process.wait()}")

    def _close(self) -> None:
        self._control.close()
        if not self._running:
            self._process.wait()


@functools.cache
def _template(program: str) -> _Template:
    return _Template(program)

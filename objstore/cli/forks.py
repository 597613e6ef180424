"""Forks: the supervisor's side of a fork server, see ``fork_server``."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import deque

from objstore.cli.fork_server import MESSAGE_BYTES_MAX

CODE_NOT_FORKED = 1


class Fork:
    """A process that was forked. ``channel`` is the other end of its standard input and output."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.pid = 0
        self._forked, self._ended = asyncio.Event(), asyncio.Event()
        self.code: int | None = None

    @property
    def is_running(self) -> bool:
        """Whether there is a process to be signalled: one that has ended may have left its number to another."""
        return bool(self.pid) and self.code is None

    def send_signal(self, number: signal.Signals) -> None:
        """Nothing happens if it has ended."""
        if self.is_running:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:  # we are about to be told
                return

    async def until_forked(self) -> None:
        """Wait for its ``pid``, or for its end if it could not be forked."""
        await self._forked.wait()

    async def wait(self) -> int:
        """Its exit code, negative: the signal that ended it."""
        await self._ended.wait()
        assert self.code is not None
        return self.code

    def on_forked(self, pid: int) -> None:
        """It is there."""
        self.pid = pid
        self._forked.set()

    def on_ended(self, code: int) -> None:
        """It is no longer there."""
        self.code = code
        self._forked.set()
        self._ended.set()


class Forks:
    """Where processes come from: a fork server, started at once, and anew when it has ended."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._current = _Server(environment)

    def fork(self) -> Fork:
        """Ask for a process, in an event loop; raises OSError if that cannot be."""
        if self._current.is_over:
            self._current = _Server(self._environment)
        return self._current.fork()

    def kill(self) -> None:
        """End the fork server, and with it all that was forked from it."""
        self._current.kill()

    def renew(self) -> None:
        """What is forked from here on has the program as it is on disk now."""
        self._current.retire()
        self._current = _Server(self._environment)


class _Server:
    def __init__(self, environment: dict[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        with theirs:
            self._process = start_fork_server(theirs.fileno(), environment)
        self._asked: deque[Fork] = deque()
        self._running: dict[int, Fork] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_retired = False

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def fork(self) -> Fork:
        """See ``Forks.fork``."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._control, self._on_message)
        ours, theirs = socket.socketpair()
        fork = Fork(ours)
        with theirs:
            try:
                socket.send_fds(self._control, [b"f"], [theirs.fileno()])
            except OSError:
                ours.close()
                raise
        self._asked.append(fork)
        return fork

    def kill(self) -> None:
        """End it, and with it what was forked from it."""
        self._process.kill()

    def retire(self) -> None:
        """It ends with the last of its processes."""
        self._is_retired = True
        self._close_if_done()

    def _on_message(self) -> None:
        try:
            message = self._control.recv(MESSAGE_BYTES_MAX).decode()
        except BlockingIOError:
            return
        except OSError:
            message = ""
        match message.split():
            case ["forked", pid]:
                fork = self._running[int(pid)] = self._asked.popleft()
                fork.on_forked(int(pid))
            case ["failed", _]:
                self._asked.popleft().on_ended(CODE_NOT_FORKED)
            case ["ended", pid, code]:
                self._running.pop(int(pid)).on_ended(int(code))
            case _:  # it is gone, and its processes with it: the kernel sees to that
                self._is_retired = True
                for fork in (*self._asked, *self._running.values()):
                    fork.on_ended(-signal.SIGKILL)
                self._asked.clear()
                self._running.clear()
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._is_retired and not self._asked and not self._running:
            if self._loop is not None:
                self._loop.remove_reader(self._control)
            self._control.close()


def start_fork_server(number: int, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """A new process, for the socket that has this file number."""
    return subprocess.Popen(
        # -P: not the package of that name that may lie in the working directory
        [sys.executable, "-P", "-m", "objstore", "_fork_server", str(number)],
        stdin=subprocess.DEVNULL,
        env=environment,
        pass_fds=[number],
        start_new_session=True,  # Ctrl-C goes to the supervisor alone
    )

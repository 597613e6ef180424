"""Run command line clients."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.harness import forked
from tests.harness.server import Server


class Command:
    """A client program with the environment that it needs to find the server."""

    def __init__(self, server: Server, name: str, *, environment: dict[str, str] | None = None) -> None:
        self._program = program(name)
        self._environment = server.client_environment | (environment or {})

    def __call__(self, *arguments: object, status: int = 0, data: bytes | None = None) -> str:
        """Run it, expect ``status``, give what it printed."""
        assert self._program is not None
        done = self._run([str(argument) for argument in arguments], data)
        assert done.returncode == status, (arguments, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout.decode("utf-8", "surrogateescape")

    def _run(self, arguments: list[str], data: bytes | None) -> "subprocess.CompletedProcess[bytes]":
        if Path(str(self._program)).name in forked.PROGRAMS:
            return forked.run_bytes(Path(str(self._program)).name, arguments, self._environment, data or b"", 120)
        return subprocess.run(
            [str(self._program), *arguments], env=self._environment, input=data, capture_output=True, check=False,
            timeout=120,
        )  # fmt: skip


def program(name: str) -> str | None:
    """Where a program is: beside this Python, or on the path."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)

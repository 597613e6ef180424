"""The process that ``forked`` forks commands from; run with the file number of its socket.

A server's own fork server is forked as well, where the supervisor would run it anew, with the environment that it is
given: so all that is imported is imported here, once.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import shutil
import socket
import sys
import tempfile
import time
import traceback
from typing import Any, NoReturn

from objstore.cli import fork_server, forks
from tests.harness import forked

# What commands import when they run. Postgres' and botocore's parts too, which are loaded late.
MODULES = (
    "objstore.cli.main",
    "objstore.cli.supervisor",
    "objstore.cli.background",
    "objstore.cli.gateway",
    "objstore.cli.worker",
    "objstore.cli.node",
    "objstore.cli.load_settings",
    "objstore.cli.admin_client",
    "objstore.cli.s3_client",
    "objstore.cli.transfers",
    "objstore.cli.trees",
    "objstore.cli.places",
    "objstore.cli.output",
    "objstore.cli.recover",
    "objstore.meta.migrate",
    "objstore.meta.distribute",
    "rich.live",
    "rich.table",
)

_CLONE_NEWNET = 0x40000000


def main(program: str, number: int) -> None:
    """Import everything that the program needs, then fork whenever the socket asks for it."""
    fork_server._die_with(os.getppid())
    gc.disable()
    command = {forked.OBJSTORE: _objstore, forked.AWS: _aws}[program]()
    gc.collect()
    gc.freeze()
    gc.enable()
    with socket.socket(fileno=number) as control:
        parent = fork_server._ForkServer(control).serve()
    if parent is not None:
        fork_server._die_with(parent)
        _run(program, command, _asked())


def _aws() -> Any:
    """The command line of AWS, whose parts are imported when it is made."""
    from awscli import clidriver

    clidriver.create_clidriver()
    data_path = os.environ["AWS_DATA_PATH"]  # which the import has set

    def command() -> None:
        os.environ["AWS_DATA_PATH"] = data_path
        sys.exit(clidriver.main())

    return command


def _objstore() -> Any:
    """Metrics are those of one of several processes, as in a worker: they take their directory at their first use."""
    directory = tempfile.mkdtemp(prefix="objstore-test-template-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
    try:
        for name in MODULES:
            importlib.import_module(name)
    finally:
        shutil.rmtree(directory)
        del os.environ["PROMETHEUS_MULTIPROC_DIR"]
    from objstore.cli.main import main as command

    return command


def _asked() -> dict[str, Any]:
    """What is to be run; its standard files are in place then."""
    with socket.socket(fileno=os.dup(0)) as channel:
        _, files, *_ = socket.recv_fds(channel, 1, 3)
        text = b"".join(iter(lambda: channel.recv(65536), b""))
    for standard, file in enumerate(files):
        os.dup2(file, standard)
        os.close(file)
    # Anew: what Python knows of the old ones, for instance that they can be sought in, is no longer so.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    return dict(json.loads(text))


def _run(program: str, command: Any, asked: dict[str, Any]) -> NoReturn:
    _become(asked["environment"])
    os.chdir(asked["directory"])
    if asked["network"]:
        _enter(asked["network"])
    sys.argv = [program, *asked["arguments"]]
    started_with = _open_files()
    anew = forks.start_fork_server

    def start_fork_server(number: int, environment: dict[str, str]) -> Any:
        # One that takes the place of another is run: what the event loop had begun would be forked with it.
        is_first = forks.start_fork_server is start_fork_server
        forks.start_fork_server = anew
        return _ForkServer(number, environment, started_with) if is_first else anew(number, environment)

    forks.start_fork_server = start_fork_server
    _leave(command)


class _ForkServer:
    """A server's fork server: what the supervisor needs of Popen. Its files are those of the beginning, and one."""

    def __init__(self, number: int, environment: dict[str, str], files: set[int]) -> None:
        self.pid = os.fork()
        self._code: int | None = None
        if not self.pid:
            os.setsid()
            for file in _open_files() - files - {number}:
                with contextlib.suppress(OSError):  # the one that the list was read from
                    os.close(file)
            _become(environment)
            with open(os.devnull, "rb") as nothing:
                os.dup2(nothing.fileno(), 0)
            _leave(lambda: fork_server.main(number))

    def poll(self) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, 9)


def _become(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()


def _enter(network: str) -> None:
    with open(network, "rb") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {network}")


def _open_files() -> set[int]:
    return {int(name) for name in os.listdir("/proc/self/fd")}


def _leave(command: Any) -> NoReturn:
    """Run it and end as Python does, but for memory, which nobody has to clear up."""
    code: Any = 1
    try:
        command()
        code = 0
    except SystemExit as error:
        code = error.code if error.code is not None else 0
        if not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code & 0xFF)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

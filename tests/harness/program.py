"""Program: an ``objstore`` for a search path. What it is asked to do runs in a process that ``forked`` makes."""

import contextlib
import json
import os
import socket
import sys
import threading
from pathlib import Path

from tests.harness import forked

# Waits for its command to end, with what it was called with: arguments, environment, directory, standard files.
CLIENT = """#!{python} -IS
import json, os, socket, sys
there = socket.socket(socket.AF_UNIX)
there.connect({path!r})
socket.send_fds(there, [b"f"], [0, 1, 2])
there.sendall(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode())
there.shutdown(socket.SHUT_WR)
sys.exit(int(there.recv(16)))
"""


class Program:
    """``directory`` has it, for ``PATH``. Close it."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "objstore"
        self._socket = socket.socket(socket.AF_UNIX)
        if not forked.is_on():
            self._write(f'#!/bin/sh\nexec {sys.executable} -m objstore "$@"\n')
            return
        path = f"\0objstore-test-{os.getpid()}-{id(self)}"  # no file: its path may be too long
        self._socket.bind(path)
        self._socket.listen()
        self._write(CLIENT.format(python=sys.executable, path=path))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Nobody can call it any more."""
        with contextlib.suppress(OSError):  # nobody waits to be called
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _write(self, text: str) -> None:
        self._file.write_text(text)
        self._file.chmod(0o755)

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(caller,), daemon=True).start()

    def _run(self, caller: socket.socket) -> None:
        with caller:
            _, files, *_ = socket.recv_fds(caller, 1, 3)
            asked = b"".join(iter(lambda: caller.recv(65536), b""))
            arguments, environment, directory = json.loads(asked)
            try:
                process = forked.fork(arguments, environment, files, directory=directory)
            finally:
                for file in files:
                    os.close(file)
            code = process.wait()
            caller.sendall(str(code if code >= 0 else 128 - code).encode())

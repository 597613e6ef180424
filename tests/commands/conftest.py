"""The session's server, a directory of files, and commands run against it."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from objstore.cli.main import app
from objstore.cli.problem import CommandError, StartError
from objstore.client.errors import ClientError
from tests.harness.server import Server


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture(scope="session")
def run(server: Server) -> Run:
    """A command, in this process, with the server's credentials."""
    wanted = server.client_environment
    unset = {name: None for name in os.environ if name.startswith(("OBJSTORE_", "AWS_"))}

    def run(*arguments: str, given: str | None = None, code: int = 0, **environment: str) -> Done:
        given_environment = {**unset, **wanted, "COLUMNS": "80", **environment}
        done = CliRunner().invoke(app, arguments, input=given, env=given_environment)
        found = Done(done.exit_code, done.stdout, done.stderr)
        if isinstance(done.exception, StartError | CommandError | ClientError):
            found = Done(1, done.stdout, f"{done.stderr}objstore: {done.exception}\n")  # as main says it
        elif done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert found.returncode == code, found
        return found

    return run


@pytest.fixture(scope="session")
def answer(run: Run) -> Callable[..., Any]:
    """A command's JSON."""

    def answer(*arguments: str, given: str | None = None, code: int = 0, **environment: str) -> Any:
        return json.loads(run(*arguments, "--json", given=given, code=code, **environment).stdout)

    return answer


def write(path: Path, text: str) -> None:
    """A file of a minute ago: the store tells whole seconds, so what was changed in that of its upload goes again."""
    path.write_text(text)
    then = path.stat().st_mtime_ns - 60 * 10**9
    os.utime(path, ns=(then, then))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Small files, in the order that is wrong for keys, and links."""
    root = tmp_path / "tree"
    (root / "a" / "deep").mkdir(parents=True)
    for name in ("a.txt", "a/1", "a/2", "a-b", "a/deep/ü x", "z"):
        write(root / name, name * 100)
    (root / "loop").symlink_to(root)
    (root / "broken").symlink_to("/no/such")
    return root

"""The embedded Postgres: starts over whatever the last one left, and lets nobody else in."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from objstore.cli.postgres import EmbeddedPostgres, _processes_in
from objstore.cli.problem import StartError


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "postgres"
    assert not (tmp_path / "postgres").exists() or not _processes_in(tmp_path / "postgres")


def new(directory: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(directory, directory.parent / "postgres.log")


def query(postgres: EmbeddedPostgres, sql: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(postgres.url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(run())


def test_first_start_and_restart(directory: Path) -> None:
    directory.mkdir()
    (directory / "half").write_text("of an initdb that was interrupted")
    postgres = new(directory)
    postgres.start()
    query(postgres, "create table kept as select 1 as one")
    settings = ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "data_checksums")
    assert [query(postgres, f"show {name}") for name in settings] == ["on", "on", "on", "", "on"]
    assert query(postgres, "show server_encoding") == "UTF8"
    postgres.stop()
    assert postgres.poll() is None
    again = new(directory)
    again.start()
    assert query(again, "select one from kept") == 1
    again.stop()


def test_server_that_was_left_over_is_stopped_first(directory: Path) -> None:
    first, second = new(directory), new(directory)
    first.start()
    query(first, "create table kept as select 1 as one")
    left_over = first.pid
    second.start()
    assert second.pid != left_over
    assert first.poll() == 0
    assert query(second, "select one from kept") == 1
    second.stop()


@pytest.mark.parametrize("stranger", ["alive", "zombie", "nobody"])
def test_stale_pid_file_does_not_matter(directory: Path, stranger: str) -> None:
    postgres = new(directory)
    postgres.start()
    file = directory / "postmaster.pid"
    lines = file.read_text().split("\n")
    postgres.stop()
    zombie = subprocess.Popen(["true"])
    time.sleep(0.1)
    lines[0] = {"alive": str(os.getpid()), "zombie": str(zombie.pid), "nobody": "4194300"}[stranger]
    file.write_text("\n".join(lines))
    (directory / ".s.PGSQL.5432.lock").write_text("\n".join(lines))
    postgres.start()
    assert query(postgres, "select 1") == 1
    postgres.stop()
    zombie.wait()


def test_path_too_long_for_a_socket(tmp_path: Path) -> None:
    postgres = new(tmp_path / ("long" * 30) / "postgres")
    (tmp_path / ("long" * 30)).mkdir()
    postgres.start()
    assert query(postgres, "select 1") == 1
    postgres.stop()
    postgres._socket_dir.rmdir()  # empty now, and outside of what pytest clears up


def test_other_version_is_refused(directory: Path) -> None:
    directory.mkdir()
    (directory / "PG_VERSION").write_text("12\n")
    with pytest.raises(StartError, match="was made by Postgres 12"):
        new(directory)


def test_failure_to_start_shows_the_log(directory: Path) -> None:
    postgres = new(directory)
    postgres.start()
    postgres.stop()
    (directory / "global" / "pg_control").unlink()
    with pytest.raises(StartError, match="pg_control"):
        postgres.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_other_users_get_in_neither_by_file_nor_by_socket(directory: Path) -> None:
    postgres = new(directory)
    postgres.start()
    psql = [postgres._program("psql"), "-h", str(directory), "-U", "postgres", "-d", "objstore", "-c", "select 1"]
    for command in (psql, ["ls", str(directory)]):
        done = subprocess.run(
            command, user=65534, group=65534, extra_groups=[], capture_output=True, text=True, check=False
        )
        assert done.returncode != 0
        assert "denied" in done.stderr
    postgres.stop()

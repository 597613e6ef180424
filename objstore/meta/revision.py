"""Whether a database has the newest schema: without loading what would bring it there."""

from pathlib import Path

import asyncpg
from sqlalchemy import Text, column, select, table

import objstore
from objstore.meta.statement import Statement
from objstore.model.errors import DatabaseUnavailable

CONNECT_SECONDS = 10.0
_VERSION = Statement(select(column("version_num", Text)).select_from(table("alembic_version")))


def migrations_path() -> Path:
    """The directory of the Alembic scripts: inside an installed package, beside it in a source tree."""
    package = Path(objstore.__file__).parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def newest_revision() -> str:
    """Scripts are named REVISION_what.py, in the order in which they run."""
    return max(path.name.partition("_")[0] for path in (migrations_path() / "versions").glob("[0-9]*_*.py"))


async def is_current(url: str) -> bool:
    """Whether nothing is left to be migrated. Raises DatabaseUnavailable."""
    try:
        # Nothing kept prepared: behind a pooler the next one may get this connection.
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, statement_cache_size=0)
        try:
            found = await connection.fetch(_VERSION.sql)
        finally:
            await connection.close()
    except asyncpg.UndefinedTableError:
        return False
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable(f"cannot connect to Postgres: {error!r}") from error
    return [record[0] for record in found] == [newest_revision()]

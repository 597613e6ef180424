"""Is there a Postgres, and is it new enough?"""

import asyncio

import asyncpg
import structlog

from objstore.cli.problem import StartError

POSTGRES_VERSION_MIN = 15
POLL_SECONDS = 0.5

log = structlog.get_logger(__name__)


async def check_postgres(url: str, wait: bool) -> None:
    """Raises StartError if this is no Postgres for us; ``wait``: until it is there, for it may start after us."""
    while True:
        try:
            # Nothing kept prepared: behind a pooler the next one may get this connection.
            connection = await asyncpg.connect(url, timeout=10, statement_cache_size=0)
            break
        except (ValueError, asyncpg.ClientConfigurationError) as error:
            raise StartError(f"OBJSTORE_DATABASE_URL: {error}") from None
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if not wait or isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
                raise StartError(f"OBJSTORE_DATABASE_URL: cannot connect to Postgres: {error or repr(error)}") from None
            log.warning("waiting_for_postgres", error=repr(error))
            await asyncio.sleep(POLL_SECONDS)
    version = connection.get_server_version()
    await connection.close()
    if version.major < POSTGRES_VERSION_MIN:
        raise StartError(
            f"OBJSTORE_DATABASE_URL: Postgres {version.major} is too old, {POSTGRES_VERSION_MIN} or newer is needed"
        )

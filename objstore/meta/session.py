"""Session: one connection to Postgres, set up for our statements."""

from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy import column, select, table

from objstore.meta.statement import Statement
from objstore.model.errors import DatabaseUnavailable
from objstore.model.limits import MAINTENANCE_SECONDS_MAX

if TYPE_CHECKING:
    _Connection = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection  # generic in its stubs only

# A plan is cached with its statement. One that was made while a table was empty (sequential scan, sort) must not live
# on in a full one, so only the shape that every statement is written for is allowed: index probes in nested loops.
SETTINGS = """
SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off;
SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off;
SET idle_in_transaction_session_timeout = '60s'
"""

# Postgres discards its statistics when it recovers from a crash, and a standby has its own: the time of their reset
# names one run of one server.
SERVER_RUN = Statement(select(column("stats_reset")).select_from(table("pg_stat_wal")))

UNAVAILABLE = (
    OSError,  # TimeoutError too
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # a primary that became a standby
)


class Session(_Connection):
    """A connection. ``server_run``: which run of which server it is connected to."""

    server_run: datetime | None = None

    def is_lost(self, error: Exception) -> bool:
        """True if ``error`` says that the connection (or the server) is of no more use, not that we did wrong."""
        return isinstance(error, UNAVAILABLE) or self.is_closed()


async def open_session(url: str, application_name: str, seconds: float) -> Session:
    """Connect within ``seconds``; raises DatabaseUnavailable."""
    try:
        session = await asyncpg.connect(
            url,
            timeout=seconds,
            command_timeout=MAINTENANCE_SECONDS_MAX,
            statement_cache_size=1000,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=0,
            server_settings={"application_name": application_name},
            connection_class=Session,
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
        raise DatabaseUnavailable(f"cannot connect to Postgres: {error!r}") from error
    try:
        await session.execute(SETTINGS, timeout=seconds)
        session.server_run = await session.fetchval(SERVER_RUN.sql, timeout=seconds)
    except BaseException as error:
        session.terminate()
        if isinstance(error, UNAVAILABLE):
            raise DatabaseUnavailable(f"lost Postgres while connecting: {error!r}") from error
        raise
    return session

"""Session: one connection to Postgres, set up for our statements."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from sqlalchemy import column, select, table

from objstore.meta.statement import Statement
from objstore.model.errors import DatabaseBusy, DatabaseUnavailable
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

STATEMENTS_MAX = 1000  # more than there are

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
    """A connection.

    ``server_run``: which run of which server it is connected to. ``is_cut_short``: Postgres said that something was
    committed here, although it gave up waiting for the synchronous standby: a failover would lose it.
    """

    server_run: datetime | None = None
    is_cut_short = False

    def is_lost(self, error: Exception) -> bool:
        """True if ``error`` says that the connection (or the server) is of no more use, not that we did wrong."""
        return isinstance(error, UNAVAILABLE) or self.is_closed()


def _hear(connection: Any, message: asyncpg.PostgresLogMessage) -> None:
    """Text is translated; the function that gave the warning is not. It comes before the answer it belongs to."""
    if message.server_source_function == "SyncRepWaitForLSN":
        connection.is_cut_short = True


async def open_session(url: str, application_name: str, seconds: float, is_pooled: bool = False) -> Session:
    """Connect within ``seconds`` to a primary; raises DatabaseUnavailable, DatabaseBusy.

    ``is_pooled``: somebody in between gives each transaction another connection (PgBouncer, in transaction mode).
    """
    try:
        session = await asyncpg.connect(
            url,
            timeout=seconds,
            command_timeout=MAINTENANCE_SECONDS_MAX,
            # A prepared statement would be on one connection and be called for on another.
            statement_cache_size=0 if is_pooled else STATEMENTS_MAX,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=0,
            server_settings={"application_name": application_name},
            connection_class=Session,
            # A standby would answer with what was, and knows less of transactions than it seems. A URL may say more.
            target_session_attrs=None if "target_session_attrs=" in url else SessionAttribute.primary,
        )
    except asyncpg.TooManyConnectionsError as error:
        raise DatabaseBusy(f"Postgres: {error!r}") from error
    except (OSError, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
        raise DatabaseUnavailable(f"cannot connect to Postgres: {error!r}") from error
    session.add_log_listener(_hear)
    try:
        await session.execute(SETTINGS, timeout=seconds)
        session.server_run = await session.fetchval(SERVER_RUN.sql, timeout=seconds)
    except BaseException as error:
        session.terminate()
        if isinstance(error, UNAVAILABLE):
            raise DatabaseUnavailable(f"lost Postgres while connecting: {error!r}") from error
        raise
    return session

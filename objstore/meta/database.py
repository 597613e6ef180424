"""Database: single reads, and transactions whose outcome is known.

An ambiguous commit (the connection is lost between COMMIT and its answer) is resolved by looking, not by guessing:

    pg_xact_status      same server run      a crash or a failover in between
    committed           success              unknown: numbers that were never written are given out again
    aborted, not known  tried once more      tried once more
    in progress         asked again          asked again
    no answer in time   DatabaseUnavailable  DatabaseUnavailable

Everything is done within ``STATEMENTS_SECONDS_MAX``, for a client waits; ``Database.patient`` is for maintenance. A
connection on which something was late is cut: what had been sent before COMMIT is rolled back, COMMIT itself may still
be carried out, and counts as ambiguous.

With a synchronous standby "committed" is not enough: Postgres stops waiting for the standby when it is told to (by
pg_cancel_backend, a timeout, the end of the backend), and then everybody sees what a failover would lose. So nothing
that was found by looking is said before ``settle``.
"""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import BigInteger, Text, cast, func, literal_column, select
from sqlalchemy.types import UserDefinedType

from objstore.meta.pool import Pool, seconds_left
from objstore.meta.session import SERVER_RUN, UNAVAILABLE, Session, open_session
from objstore.meta.statement import Statement, param
from objstore.model import clock
from objstore.model.errors import DatabaseBusy, DatabaseUnavailable
from objstore.model.limits import MAINTENANCE_SECONDS_MAX, STATEMENTS_SECONDS_MAX
from objstore.work.spans import span

Result = TypeVar("Result")
Record = asyncpg.Record

DEADLOCK_RETRIES_MAX = 5
RACE_SECONDS_MAX = 2.0
CONFLICT_PAUSE_SECONDS = 0.005
CONFLICT_PAUSE_SECONDS_MAX = 0.05
SETTLE_SECONDS_MAX = 2.0
SETTLE_PAUSE_SECONDS = 0.02
ROLLBACK_SECONDS_MAX = 1.0
COMMIT_SECONDS_MIN = 0.5  # a COMMIT that is cut short is ambiguous: once it is sent, it gets a chance


class _Xid8(UserDefinedType[int]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
_IDENTIFY = Statement(select(func.pg_current_xact_id()))
_STATUS = Statement(select(func.pg_xact_status(cast(cast(param("xid", BigInteger), Text), _Xid8()))), "xid")
# It has a number and writes to the log, so its commit waits for the standby; it changes nothing.
_MARK = Statement(
    select(
        func.pg_logical_emit_message(
            literal_column("true"), literal_column("'objstore'::text"), literal_column("''::text")
        )
    )
)
_CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


class LostRace(Exception):
    """A row appeared that was not there a moment ago: the transaction has to look again."""


class Lost(Exception):
    """The connection is gone, and what it was doing has not happened."""


class NotReplicated(Exception):
    """Committed, but somebody made Postgres give up waiting for the synchronous standby."""


class Transaction:
    """One transaction; ``xid`` is its number, once a statement has asked for it. Over by ``deadline`` or not at all."""

    __slots__ = ("_deadline", "_session", "xid")

    def __init__(self, session: Session, deadline: float) -> None:
        self._session, self._deadline = session, deadline
        self.xid: int | None = None

    async def identify(self) -> None:
        """Ask for the number, so that a lost COMMIT can be looked up."""
        self.xid = await self._session.fetchval(_IDENTIFY.sql, timeout=_left(self._deadline))

    async def fetch(self, statement: Statement, *arguments: Any) -> list[Record]:
        """All rows of a statement."""
        return await self._session.fetch(statement.sql, *arguments, timeout=_left(self._deadline))

    async def first(self, statement: Statement, *arguments: Any) -> Record | None:
        """The first row of a statement, or None."""
        return await self._session.fetchrow(statement.sql, *arguments, timeout=_left(self._deadline))

    async def execute(self, statement: Statement, *arguments: Any) -> int:
        """Run a statement that changes rows; how many it did."""
        status = await self._session.execute(statement.sql, *arguments, timeout=_left(self._deadline))
        return int(status.rpartition(" ")[2])

    async def begin(self) -> None:
        """BEGIN."""
        await self._session.execute(_BEGIN, timeout=_left(self._deadline))

    async def commit(self) -> Exception | None:
        """COMMIT; gives the error if the connection was lost on the way. It is not even sent when it is too late."""
        seconds = max(_left(self._deadline), COMMIT_SECONDS_MIN)
        try:
            status = await self._session.execute("COMMIT", timeout=seconds)
        except Exception as error:
            if self._session.is_lost(error):
                return error
            raise
        assert status == "COMMIT", "an error inside of the transaction was swallowed"
        return NotReplicated() if self._session.is_cut_short else None


class Database:
    """A Postgres database (15 or newer), shared by all that is in meta.

    ``patient``: the same, with the same connections, for what no client waits for.
    """

    def __init__(self, url: str, pool_size: int, application_name: str, is_pooled: bool) -> None:
        self._url = url
        self._application_name = application_name
        self._is_pooled = is_pooled
        self._pool = Pool(self._open, pool_size)
        self._seconds = STATEMENTS_SECONDS_MAX
        self.patient: Database = copy.copy(self)
        self.patient._seconds, self.patient.patient = MAINTENANCE_SECONDS_MAX, self.patient

    @property
    def pool(self) -> Pool:
        """Its connections, for those who count."""
        return self._pool

    @classmethod
    async def connect(
        cls, url: str, *, pool_size: int = 4, application_name: str = "objstore", is_pooled: bool = False
    ) -> "Database":
        """Connect to ``url``; raises DatabaseUnavailable if nobody answers there. ``is_pooled``: see open_session."""
        database = cls(url, pool_size, application_name, is_pooled)
        await database.ping()
        return database

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def open_session(self) -> Session:
        """A connection of the caller's own, for copying whole tables; the caller ends it. DatabaseUnavailable."""
        return await self._open(seconds_left(self._deadline()))

    async def ping(self) -> None:
        """Raise DatabaseUnavailable unless Postgres answers."""
        await self.fetch(SERVER_RUN)

    async def fetch(self, statement: Statement, *arguments: Any) -> Sequence[Record]:
        """Rows of a statement that only reads; tried once more if the connection is lost."""
        deadline = self._deadline()
        try:
            return await self._fetch(statement, arguments, deadline)
        except Lost:
            pass
        try:
            return await self._fetch(statement, arguments, deadline)
        except Lost as lost:
            raise DatabaseUnavailable(str(lost)) from lost

    async def statement(self, statement: Statement, *arguments: Any) -> Sequence[Record]:
        """A transaction of one statement, in one round trip; its rows.

        Not repeated: raises Lost when the connection is lost (then it may or may not have been committed), and what
        ``is_conflict`` tells of.
        """
        return await self._fetch(statement, arguments, self._deadline())

    async def settle(self) -> None:
        """Return once all that can be seen now is wherever Postgres has to have it, a synchronous standby included.

        The log is one sequence: when a later transaction has been answered, so have those before it.
        Raises DatabaseUnavailable.
        """
        await self._settle(self._deadline())

    async def transact(self, work: Callable[[Transaction], Awaitable[Result]]) -> Result:
        """Run ``work`` in a transaction, commit, give its result; what it raises rolls back.

        ``work`` may run more than once: it is repeated whole when it raises LostRace (for ``RACE_SECONDS_MAX``), when
        it is the victim of a deadlock (up to ``DEADLOCK_RETRIES_MAX`` times) and when the connection is lost without
        anything having been committed (once). It has to see to it that the transaction's ``xid`` is known before it
        changes anything. Raises DatabaseUnavailable, also if the outcome cannot be found out.
        """
        races = deadlocks = losses = 0
        deadline = self._deadline()
        give_up = clock.monotonic_seconds() + RACE_SECONDS_MAX
        while True:
            try:
                return await self._transact_once(work, deadline)
            except LostRace as error:
                races += 1
                if clock.monotonic_seconds() > give_up:
                    raise DatabaseBusy(f"lost {races} races: {error}") from error
            except _CONFLICTS as error:
                deadlocks += 1
                if deadlocks > DEADLOCK_RETRIES_MAX:
                    raise DatabaseBusy(f"met other transactions {deadlocks} times: {error!r}") from error
            except Lost as lost:
                losses += 1
                if losses > 1:
                    raise DatabaseUnavailable(str(lost)) from lost
            await asyncio.sleep(_pause_seconds(races + deadlocks))

    async def change(self, statement: Statement, *arguments: Any) -> int:
        """A transaction of one statement; how many rows it changed."""

        async def work(transaction: Transaction) -> int:
            await transaction.identify()
            return await transaction.execute(statement, *arguments)

        return await self.transact(work)

    def _deadline(self) -> float:
        return clock.monotonic_seconds() + self._seconds

    async def _open(self, seconds: float) -> Session:
        return await open_session(self._url, self._application_name, seconds, self._is_pooled)

    async def _fetch(self, statement: Statement, arguments: Sequence[Any], deadline: float) -> list[Record]:
        _left(deadline)
        session = await self._pool.acquire(deadline)
        healthy = False
        try:
            with span("postgres statement"):
                records = await session.fetch(statement.sql, *arguments, timeout=_left(deadline))
            healthy = not session.is_cut_short
        except Exception as error:
            if session.is_lost(error):
                raise Lost(f"Postgres: {error!r}") from error
            healthy = True
            raise
        finally:
            self._pool.release(session, healthy)
        if not healthy:
            raise Lost("Postgres did not wait for its standby")
        return records

    async def _transact_once(self, work: Callable[[Transaction], Awaitable[Result]], deadline: float) -> Result:
        _left(deadline)
        session = await self._pool.acquire(deadline)
        transaction = Transaction(session, deadline)
        healthy = False
        try:
            with span("postgres transaction"):
                await transaction.begin()
                result = await work(transaction)
                lost = await transaction.commit()
            healthy = lost is None
        except Exception as error:
            if session.is_lost(error):
                raise Lost(f"Postgres: {error!r}") from error
            healthy = await _roll_back(session)
            raise
        finally:
            self._pool.release(session, healthy)
        if lost is not None and not await self._was_committed(transaction.xid, session.server_run):
            raise Lost(f"Postgres, at COMMIT: {lost!r}") from lost
        return result

    async def _was_committed(self, xid: int | None, server_run: datetime | None) -> bool:
        """Whether transaction ``xid`` was; raises DatabaseUnavailable if that cannot be said."""
        deadline = clock.monotonic_seconds() + SETTLE_SECONDS_MAX
        while xid is not None and clock.monotonic_seconds() < deadline:
            with suppress(DatabaseUnavailable, *UNAVAILABLE, asyncpg.InterfaceError):
                status, server_run_now = await self._status(xid, deadline)
                if status == "aborted":
                    return False
                if status == "committed":
                    if server_run_now == server_run:
                        await self._settle(deadline)
                        return True
                    break
            await asyncio.sleep(SETTLE_PAUSE_SECONDS)
        raise DatabaseUnavailable("the connection was lost during COMMIT, and its outcome cannot be found out")

    async def _settle(self, deadline: float) -> None:
        try:
            await self._fetch(_MARK, (), deadline)
        except Lost as lost:
            raise DatabaseUnavailable(str(lost)) from lost

    async def _status(self, xid: int, deadline: float) -> tuple[str | None, datetime | None]:
        session = await self._open(seconds_left(deadline))
        try:
            return await session.fetchval(_STATUS.sql, xid, timeout=seconds_left(deadline)), session.server_run
        except asyncpg.InvalidParameterValueError:  # in the future: the server has never written of it
            return "aborted", session.server_run
        finally:
            session.terminate()


def is_conflict(error: Exception) -> bool:
    """True for the victim of a deadlock or of a serialization failure: nothing was changed, repeat it whole."""
    return isinstance(error, _CONFLICTS)


def _pause_seconds(conflicts: int) -> float:
    """Random, so that those who met do not meet again."""
    longest = min(conflicts * CONFLICT_PAUSE_SECONDS, CONFLICT_PAUSE_SECONDS_MAX)
    return longest * clock.random_bytes(1)[0] / 255


def _left(deadline: float) -> float:
    """Seconds until ``deadline``; raises DatabaseUnavailable if it is past."""
    left = deadline - clock.monotonic_seconds()
    if left <= 0:
        raise DatabaseUnavailable("Postgres took too long")
    return left


async def _roll_back(session: Session) -> bool:
    with suppress(*UNAVAILABLE, asyncpg.InterfaceError):
        await session.execute("ROLLBACK", timeout=ROLLBACK_SECONDS_MAX)
        return True
    return False

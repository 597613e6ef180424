"""Bulletin: tells every gateway at once what has changed, so that a change holds everywhere when it is answered.

Each gateway listens on a connection of its own (LISTEN). Who has changed something notifies, and waits until as many
have said that they have seen it as are listening, at most ``SEEN_SECONDS_MAX``. None of this is what anything relies
on: a gateway that hears nothing looks for itself, every ``LOOK_SECONDS``. Through a pooler, which gives each
transaction another connection, nobody can listen: there gateways only look, and who has changed something waits until
all have.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import asyncpg
import structlog
from sqlalchemy import Text, column, func, select, table

from objstore.meta.session import UNAVAILABLE, Session, open_session
from objstore.meta.statement import Statement, param
from objstore.model import clock
from objstore.model.errors import DatabaseUnavailable

LOOK_SECONDS = 0.5
SEEN_SECONDS_MAX = 0.5
CONNECT_SECONDS_MAX = 2.0
NAME = "objstore-bulletin"
_NEWS, _SEEN = "objstore_news", "objstore_seen"
_NOTIFY = Statement(select(func.pg_notify(param("channel", Text), param("payload", Text))), "channel", "payload")
_activity = table("pg_stat_activity", column("application_name"), column("datname"))
_LISTENERS = Statement(
    select(func.count())
    .select_from(_activity)
    .where(_activity.c.application_name == param("name", Text), _activity.c.datname == func.current_database()),
    "name",
)

log = structlog.get_logger(__name__)

Hear = Callable[[str, str], Awaitable[None]]
Look = Callable[[], Awaitable[Any]]


class Bulletin:
    """``hear`` is told each subject and name; ``look`` is called again and again, and whenever news may be missed.

    ``is_pooled``: see ``open_session``.
    """

    def __init__(self, url: str, hear: Hear, look: Look, is_pooled: bool = False) -> None:
        self._url, self._hear, self._look, self._is_pooled = url, hear, look, is_pooled
        self._session: Session | None = None
        self._waiting: dict[str, asyncio.Semaphore] = {}
        self._heard: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()  # a connection runs one statement at a time

    async def start(self) -> None:
        """Listen from now on."""
        if not self._is_pooled:
            await self._connect()
        self._task = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._session is not None:
            self._session.terminate()

    async def announce(self, subject: str, name: str) -> None:
        """Tell everybody, and wait until they have taken it in; never fails, never waits long."""
        if self._is_pooled:
            with suppress(DatabaseUnavailable):
                await self._hear(subject, name)
            await asyncio.sleep(2 * LOOK_SECONDS)
            return
        session = self._session
        if session is None or session.is_closed():
            return
        number = clock.random_bytes(8).hex()
        seen = self._waiting[number] = asyncio.Semaphore(0)
        try:
            async with asyncio.timeout(SEEN_SECONDS_MAX):
                async with self._turn:
                    listeners = await session.fetchval(_LISTENERS.sql, NAME)
                    await session.fetchval(_NOTIFY.sql, _NEWS, f"{number} {subject} {name}")
                for _ in range(listeners):
                    await seen.acquire()
        except (*UNAVAILABLE, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("not all gateways have said that they know", subject=subject, error=repr(error))
        finally:
            del self._waiting[number]

    async def _run(self) -> None:
        blind = False
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if not self._is_pooled and (self._session is None or self._session.is_closed()):
                    await self._connect()
                await self._look()
                blind = False
            except Exception as error:
                # Whatever it was, the next look may pass; requests go by what is known. It is said once.
                if not blind:
                    log.warning("cannot see what has changed", error=repr(error))
                blind = True

    async def _connect(self) -> None:
        session = await open_session(self._url, NAME, CONNECT_SECONDS_MAX)
        await session.add_listener(_NEWS, self._on_news)
        await session.add_listener(_SEEN, self._on_seen)
        self._session = session

    def _on_news(self, _connection: Any, _pid: int, _channel: str, payload: Any) -> None:
        task = asyncio.ensure_future(self._take(str(payload)))
        self._heard.add(task)
        task.add_done_callback(self._heard.discard)

    def _on_seen(self, _connection: Any, _pid: int, _channel: str, payload: Any) -> None:
        waiting = self._waiting.get(str(payload))
        if waiting is not None:
            waiting.release()

    async def _take(self, payload: str) -> None:
        number, subject, name = payload.split(" ", 2)
        try:
            await self._hear(subject, name)
        except DatabaseUnavailable as error:
            log.warning("cannot read what has changed", error=repr(error))
            return
        session = self._session
        if session is not None:
            with suppress(*UNAVAILABLE, asyncpg.PostgresError, asyncpg.InterfaceError):
                async with self._turn:
                    await session.fetchval(_NOTIFY.sql, _SEEN, number)

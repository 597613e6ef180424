"""Deliver: takes events from the outbox and sends them to their targets, again and again until they are taken."""

import asyncio
from collections.abc import Mapping

import structlog

from objstore.events.targets import Target
from objstore.meta.events import Events, Taken
from objstore.model import clock

BATCH_MAX = 100
LEASE_SECONDS = 60.0
SEND_SECONDS_MAX = 40.0
BACKOFF_SECONDS_MIN, BACKOFF_SECONDS_MAX = 1.0, 600.0
KEPT_SECONDS = 7 * 86400.0

log = structlog.get_logger(__name__)


class Deliverer:
    """``targets``: by name. ``unit_seconds``: the first pause after a failure; each further one is twice as long."""

    def __init__(
        self, events: Events, targets: Mapping[str, Target], unit_seconds: float = BACKOFF_SECONDS_MIN
    ) -> None:
        self._events, self._targets, self._unit = events, targets, unit_seconds

    async def step(self) -> int:
        """Deliver what is due; how many events were looked at. Raises DatabaseUnavailable."""
        token = clock.random_id()
        taken = await self._events.take(token, BATCH_MAX, LEASE_SECONDS)
        by_target: dict[str, list[Taken]] = {}
        for one in taken:
            by_target.setdefault(one.target, []).append(one)
        await asyncio.gather(*(self._send(name, found, token) for name, found in by_target.items()))
        return len(taken)

    async def expire(self) -> int:
        """Give up what nobody has taken for a week; how many."""
        given_up = await self._events.expire(KEPT_SECONDS)
        if given_up:
            log.error("events_given_up", events=given_up)
        return given_up

    async def close(self) -> None:
        """Let go of all targets."""
        await asyncio.gather(*(target.close() for target in self._targets.values()), return_exceptions=True)

    async def _send(self, name: str, found: list[Taken], token: bytes) -> None:
        target, ids = self._targets.get(name), [one.id for one in found]
        problem = ""
        if target is None:
            problem = "there is no such target"
        else:
            try:
                async with asyncio.timeout(SEND_SECONDS_MAX):
                    await target.send([one.payload for one in found])
            except Exception as error:  # whatever a client of a broker raises: it is tried again
                problem = f"{type(error).__name__}: {error}"
        if not problem:
            await self._events.done(ids, token)
            return
        attempts = max(one.attempts for one in found)
        log.warning("events_not_delivered", target=name, events=len(found), attempts=attempts, problem=problem[:200])
        pause = min(self._unit * 2.0 ** min(attempts, 30), BACKOFF_SECONDS_MAX)
        await self._events.later(ids, token, pause, problem)

"""Kept: what pages show, for a moment, so that ten people who look at the same page cost as much as one.

Only for what is the same for everybody who may ask for it; who may is decided before.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, TypeVar

from fastapi import Response
from pydantic import BaseModel

from objstore.model import clock

Value = TypeVar("Value")
Key = tuple[Hashable, ...]

KEPT_SECONDS = 1.0
KEPT_MAX = 64


class Kept:
    """Of one process: at most ``KEPT_MAX`` things, for ``KEPT_SECONDS`` after each was made."""

    def __init__(self) -> None:
        self._values: OrderedDict[Key, tuple[float, Any]] = OrderedDict()
        self._making: dict[Key, asyncio.Task[Any]] = {}

    async def get(self, key: Key, make: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        """What ``make`` gave, a moment ago or now; who asks meanwhile waits for the same. Its errors are not kept."""
        known = self._values.get(key)
        if known is not None and clock.monotonic_seconds() - known[0] < KEPT_SECONDS:
            return known[1]  # type: ignore[no-any-return]
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(make())
            task.add_done_callback(lambda done: self._made(key, done))
        return await asyncio.shield(task)

    async def answer(self, key: Key, make: Callable[[], Coroutine[Any, Any, BaseModel]]) -> Response:
        """The same as JSON."""

        async def body() -> bytes:
            return (await make()).model_dump_json(by_alias=True).encode()

        return Response(await self.get(key, body), media_type="application/json")

    def _made(self, key: Key, task: "asyncio.Task[Any]") -> None:
        del self._making[key]
        if task.cancelled() or task.exception() is not None:
            return
        now = clock.monotonic_seconds()
        self._values[key] = (now, task.result())
        self._values.move_to_end(key)
        while len(self._values) > KEPT_MAX or now - next(iter(self._values.values()))[0] >= KEPT_SECONDS:
            self._values.popitem(last=False)

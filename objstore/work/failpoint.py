"""Failpoints: named places where a test may stop, race or crash what runs there. Unset they cost next to nothing."""

from collections.abc import Awaitable, Callable

_armed: dict[str, Callable[[], Awaitable[None]]] = {}


async def reach(name: str) -> None:
    """Run what is armed under this name, if anything is; what it raises is raised here."""
    if _armed:
        action = _armed.get(name)
        if action is not None:
            await action()


def arm(name: str, action: Callable[[], Awaitable[None]]) -> None:
    """Have ``reach(name)`` run ``action`` from now on."""
    _armed[name] = action


def disarm() -> None:
    """Forget everything that was armed."""
    _armed.clear()

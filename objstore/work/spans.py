"""Spans: what takes how long and because of whom, for whoever traces. Nobody does unless ``install`` was called.

A *span* is a context manager. A batch has the requests that it serves as parents; what a thread does is a child of what
started it. While nobody traces all of this is a comparison a call.
"""

import contextvars
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

Begin = Callable[[str, Iterable[Any], dict[str, Any]], AbstractContextManager[Any]]
Here = Callable[[], Any]

_NOTHING: AbstractContextManager[Any] = nullcontext()
_begin: Begin | None = None
_here: Here | None = None


def install(begin: Begin | None, here: Here | None = None) -> None:
    """``begin(name, parents, attributes)``: a span; without parents it belongs to what runs. ``here``: what runs."""
    global _begin, _here
    _begin, _here = begin, here


def here() -> Any:
    """What runs now, to be a parent later; None while nobody traces."""
    return None if _here is None else _here()


def span(name: str, parents: Iterable[Any] = (), **attributes: Any) -> AbstractContextManager[Any]:
    """A span, which lasts as long as the context."""
    return _NOTHING if _begin is None else _begin(name, parents, attributes)


def carried(name: str, work: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The same work for another thread: in a span there, whose parent is what runs here."""
    if _begin is None:
        return work, args
    return contextvars.copy_context().run, (_run, name, work, args)


def _run(name: str, work: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    with span(name):
        return work(*args)

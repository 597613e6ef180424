"""What commands print: JSON for programs, tables and progress bars for people. No colour and no bar in a pipe."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 1000  # nothing is cut where nobody looks
POLL_SECONDS = 1.0


def print_json(value: Any) -> None:
    """One document."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table; columns whose name begins with ``#`` are numbers."""
    console = _console()
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD if console.is_terminal else None)
    for name in columns:
        right = name.startswith("#")
        table.add_column(name.removeprefix("#"), justify="right" if right else "left", no_wrap=right, overflow="fold")
    for row in rows:
        table.add_row(*[Text("" if value is None else str(value)) for value in row])  # keys are no markup
    console.print(table)


def say(text: str) -> None:
    """A line for people."""
    _console().print(text, markup=False, highlight=False)


def follow(title: str, look: Callable[[], tuple[int, int, bool]], poll_seconds: float = POLL_SECONDS) -> None:
    """A progress bar until what ``look`` gives (done, total, finished) is finished; silent in a pipe."""
    console = _console()
    done, total, finished = look()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task(title, total=total or 1, completed=done)
        while not finished:
            time.sleep(poll_seconds)
            done, total, finished = look()
            progress.update(task, total=total or 1, completed=done)
        progress.update(task, total=total or 1, completed=total or 1)


def size(count: float) -> str:
    """Bytes in the unit that fits: ``1.5 GiB``."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(count) < 1024 or unit == "TiB":
            break
        count /= 1024
    return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"


def count_of(count: int, noun: str) -> str:
    """``1 rule``, ``1,234 rules``."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def number(count: float) -> str:
    """With separators: ``1,234,567``."""
    return f"{count:,}"


def moment(text: str | None) -> str:
    """An ISO time as people write it, in UTC; empty for none."""
    return "" if text is None else f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def span(seconds: float) -> str:
    """``0 s``, ``12 s``, ``3 min``, ``5.0 h``, ``2.0 d``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} d"


def _console() -> Console:
    is_terminal = sys.stdout.isatty()
    return Console(width=None if is_terminal else PIPE_WIDTH, force_terminal=None if is_terminal else False)

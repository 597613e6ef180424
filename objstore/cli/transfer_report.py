"""What a transfer has done so far: counted by many threads, shown as a bar, told at the end."""

import sys
import threading
import time
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from objstore.cli.output import number, print_json, say, size, span
from objstore.cli.places import shown

FAILURES_KEPT, FAILURES_SHOWN = 1000, 20


class _Rate(ProgressColumn):
    """Bytes a second, in the units of all else."""

    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed
        return Text("" if rate is None else f"{size(rate)}/s")


class Report:
    """Counts. ``bytes``: transferred; ``resumed_bytes``: that were there from an interrupted run.

    ``unverified``: downloads of objects without a checksum of the whole that could be compared.
    """

    def __init__(self, verb: str) -> None:
        self.verb = verb
        self.files = self.bytes = self.resumed_bytes = self.unchanged = self.deleted = self.left_out = 0
        self.unverified = self.failed = 0
        self.failures: list[str] = []
        self._planned_files = self._planned_bytes = 0
        self._lock, self._began = threading.Lock(), time.monotonic()
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            DownloadColumn(binary_units=True),
            _Rate(),
            TimeRemainingColumn(compact=True),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=0)

    def __enter__(self) -> "Report":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def plan(self, count: int) -> None:
        """One more file of so many bytes has been found."""
        with self._lock:
            self._planned_files += 1
            self._planned_bytes += count
        self._show()

    def moved(self, count: int) -> None:
        """Bytes have been transferred."""
        with self._lock:
            self.bytes += count
        self._show()

    def resumed(self, count: int) -> None:
        """Bytes that need not be transferred again."""
        with self._lock:
            self.resumed_bytes += count
        self._show()

    def done(self, *, verified: bool = True) -> None:
        """A file is there."""
        with self._lock:
            self.files += 1
            self.unverified += not verified
        self._show()

    def same(self) -> None:
        """A file was as it should be."""
        self.unchanged += 1

    def removed(self, count: int) -> None:
        """So many have been deleted."""
        with self._lock:
            self.deleted += count

    def leave_out(self, text: str) -> None:
        """Something that is no file."""
        self.left_out += 1
        self._bar.console.print(f"left out: {shown(text)}", markup=False, highlight=False)

    def say(self, text: str) -> None:
        """A line for people, above the bar."""
        self._bar.console.print(text, markup=False, highlight=False)

    def fail(self, name: str, why: str) -> None:
        """A file could not be transferred; the others go on."""
        with self._lock:
            self.failed += 1
            if len(self.failures) < FAILURES_KEPT:
                self.failures.append(f"{shown(name)}: {why}")
            shows = self.failed <= FAILURES_SHOWN
        if shows:
            self._bar.console.print(f"{shown(name)}: {why}", markup=False, highlight=False, style="red")

    def tell(self, as_json: bool, *, dry_run: bool = False) -> int:
        """Print it; the exit code."""
        seconds = time.monotonic() - self._began
        if as_json:
            print_json(self._json(seconds, dry_run))
        else:
            say(self._text(seconds, dry_run))
        if self.failed > FAILURES_SHOWN:
            print(f"… and {self.failed - FAILURES_SHOWN} more that failed", file=sys.stderr)
        return 1 if self.failed else 0

    def _show(self) -> None:
        text = f"{self.files}/{self._planned_files} files"
        done = self.bytes + self.resumed_bytes
        self._bar.update(self._task, description=text, completed=done, total=self._planned_bytes)

    def _json(self, seconds: float, dry_run: bool) -> dict[str, Any]:
        names = ("files", "bytes", "resumed_bytes", "unchanged", "deleted", "left_out", "unverified", "failed")
        counts = {name: getattr(self, name) for name in names}
        return {"did": self.verb, "dry_run": dry_run, **counts, "seconds": round(seconds, 3), "failures": self.failures}

    def _text(self, seconds: float, dry_run: bool) -> str:
        verb = f"would be {self.verb}" if dry_run else self.verb
        files = "1 file" if self.files == 1 else f"{number(self.files)} files"
        bytes_ = self._planned_bytes if dry_run else self.bytes
        parts = [f"{files}, {size(bytes_)} {verb}"] if self.files else []
        if not dry_run and self.bytes and parts:
            parts[0] += f" in {span(seconds)} ({size(self.bytes / max(seconds, 1e-9))}/s)"
        for count, what in (
            (self.unchanged, "unchanged"),
            (self.deleted, "to delete" if dry_run else "deleted"),
            (self.left_out, "left out"),
            (self.unverified, "without a checksum to compare"),
            (self.failed, "failed"),
        ):
            if count:
                parts.append(f"{number(count)} {what}")
        if self.resumed_bytes:
            parts.append(f"{size(self.resumed_bytes)} were there already")
        return "; ".join(parts) or "nothing to do"

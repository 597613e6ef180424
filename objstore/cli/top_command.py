"""``objstore top``: what a server does now, drawn anew every few seconds."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint

if TYPE_CHECKING:
    from rich.console import RenderableType

OPERATIONS_SHOWN = 12
Rows = tuple[tuple[str, ...], list[tuple[Any, ...]]]


def top(
    interval: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds from one look to the next.")] = 2.0,
    count: Annotated[int, typer.Option(min=0, help="End after so many looks; 0: with Ctrl-C. [1 in a pipe]")] = 0,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show live what a server does: requests, bytes, latency by operation, drives by tier, what waits.

    The figures are those of the server that is asked; of several gateways each has its own.
    """
    import os

    from objstore.cli.metrics_reader import look, rates
    from objstore.cli.output import print_json
    from objstore.cli.target import find_target

    where = find_target(endpoint, credentials, dict(os.environ)).endpoint
    live = sys.stdout.isatty() and not as_json
    left, before = count or (0 if live else 1), look(where)
    if as_json or not live:
        for number in range(left):
            time.sleep(interval)
            now = look(where)
            found, before = rates(before, now), now
            if as_json:
                print_json(found)
            else:
                _print(found, last=number + 1 == left)
        return
    from rich.console import Console
    from rich.live import Live

    console = Console()
    with Live(f"{where}: the first figures come in {interval:g} s", console=console, screen=count == 0) as screen:
        while True:
            time.sleep(interval)
            now = look(where)
            screen.update(_drawn(where, rates(before, now)), refresh=True)
            before, left = now, left - 1
            if count and not left:
                return


def _drawn(where: str, found: dict[str, Any]) -> "RenderableType":
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = [Text(f"{where}   {time.strftime('%H:%M:%S')}   Ctrl-C ends", style="dim")]
    parts += [Text(line) for line in _lines(found)]
    for columns, rows in _tables(found):
        table = Table(box=box.SIMPLE_HEAD)
        for name in columns:
            table.add_column(name.removeprefix("#"), justify="right" if name.startswith("#") else "left")
        for row in rows:
            table.add_row(*row)
        parts.append(table)
    return Group(*parts)


def _print(found: dict[str, Any], *, last: bool) -> None:
    from objstore.cli.output import print_table, say

    for line in _lines(found):
        say(line)
    for columns, rows in _tables(found):
        print_table("", columns, rows)
    if not last:
        say("")


def _lines(found: dict[str, Any]) -> list[str]:
    from objstore.cli.output import number, size

    return [
        f"{number(found['requests_per_second'])} requests/s   in {size(found['received_bytes_per_second'])}/s   "
        f"out {size(found['sent_bytes_per_second'])}/s   {found['inflight']} in flight, "
        f"{found['connections']} connections",
        f"waiting: {number(found['repair_waiting'])} volumes to repair or move, "
        f"{number(found['lifecycle_backlog'])} objects for lifecycle rules",
    ]


def _tables(found: dict[str, Any]) -> list[Rows]:
    from objstore.cli.output import number, size

    operations = [
        (one["operation"], number(one["requests_per_second"]), _milliseconds(one["mean_seconds"]),
         number(one["errors_per_second"]))
        for one in found["operations"][:OPERATIONS_SHOWN]
    ]  # fmt: skip
    tiers = [
        (one["tier"], f"{size(one['read_bytes_per_second'])}/s", f"{size(one['written_bytes_per_second'])}/s",
         number(one["syncs_per_second"]))
        for one in found["tiers"]
    ]  # fmt: skip
    tables: list[Rows] = []
    if operations:
        tables.append((("Operation", "#Requests/s", "#Mean", "#Errors/s"), operations))
    tables.append((("Drives of tier", "#Read", "#Written", "#Flushes/s"), tiers))
    return tables


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.1f} ms"

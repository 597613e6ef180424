"""``objstore doctor``: is everything in order, and what to do where it is not."""

import os
from pathlib import Path
from typing import Annotated

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint

MARKS = {"ok": "ok", "warning": "look", "wrong": "WRONG"}


def doctor(
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Data directory. [objstore-data]")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file. [DIR/objstore.toml if it is there]")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask a server: none is meant to run.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="What is in order, too.")] = False,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Check settings, clocks, permissions, drives, Postgres, limits and certificates; say what to do.

    Drives are written to (a small file of the doctor's own, taken away again), to see whether their flushes are honest.
    Exit code 1: something is wrong.
    """
    from objstore.cli.doctor_findings import Finding, ok, wrong
    from objstore.cli.doctor_here import look_here
    from objstore.cli.doctor_there import look_at_postgres, look_at_server, running_database
    from objstore.cli.load_settings import load_settings
    from objstore.cli.output import print_json
    from objstore.cli.problem import CommandError, StartError
    from objstore.cli.target import find_target

    found: list[Finding] = []
    try:
        settings = load_settings(config, {"data": data})
        found.append(ok("settings", "they can be used"))
        found += look_here(settings)
        found += look_at_postgres(settings, settings.database_url or running_database(settings.data.absolute()))
    except StartError as error:
        found.append(wrong("settings", str(error), "`objstore config show --origin` says where each comes from"))
    if not offline:
        environment = dict(os.environ) | ({"OBJSTORE_DATA": str(data)} if data else {})
        try:
            found += look_at_server(find_target(endpoint, credentials, environment))
        except CommandError as error:
            found.append(wrong("server", str(error), "or say --offline if none is meant to run"))
    if as_json:
        print_json({"findings": [one.json() for one in found], "wrong": sum(one.level == "wrong" for one in found)})
    else:
        _show(found, verbose)
    if any(one.level == "wrong" for one in found):
        raise typer.Exit(1)


def _show(found: list, verbose: bool) -> None:  # type: ignore[type-arg]
    from objstore.cli.output import print_table, say

    order = {"wrong": 0, "warning": 1, "ok": 2}
    shown = [one for one in sorted(found, key=lambda one: order[one.level]) if verbose or one.level != "ok"]
    if shown:
        rows = [(MARKS[one.level], one.about, one.found + (f"\n→ {one.advice}" if one.advice else "")) for one in shown]
        print_table("", ("", "About", "Found"), rows)
    counts = {level: sum(one.level == level for one in found) for level in order}
    hint = "" if verbose else " (--verbose shows it)"
    say(f"{counts['wrong']} wrong, {counts['warning']} to look at, {counts['ok']} in order{hint}")

"""``objstore migrate``: bring the schema up to this release by hand, and spread it over a distributed Postgres."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from objstore.cli.options import AsJson


class Distributed(StrEnum):
    """The distributed Postgres that we know."""

    CITUS = "citus"


def migrate(
    distributed: Annotated[
        Distributed | None, typer.Option(help="Then distribute the tables over the machines of this cluster.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the SQL that would distribute them, do nothing.")] = False,
    database_url: Annotated[str | None, typer.Option(help="The Postgres. [OBJSTORE_DATABASE_URL]")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the schema up to this release. Servers do so by themselves when they start."""
    import asyncio

    from objstore.cli.load_settings import load_settings
    from objstore.cli.migrating import migrate as bring_up
    from objstore.cli.output import print_json
    from objstore.cli.problem import CommandError
    from objstore.meta.distribute import NotDistributed, distribute, plan
    from objstore.model.errors import DatabaseUnavailable

    if show:
        statements = [f"{statement};" for statement in plan()]
        print_json({"statements": statements}) if as_json else print(*statements, sep="\n")
        return
    url = load_settings(config, {"database_url": database_url}).database_url
    if not url:
        raise CommandError("set OBJSTORE_DATABASE_URL: which Postgres")
    plans = None
    try:
        asyncio.run(bring_up(url))
        if not as_json:
            print("the schema is that of this release")
        if distributed is not None:
            plans = asyncio.run(distribute(url))
    except (DatabaseUnavailable, NotDistributed) as error:
        raise CommandError(str(error)) from None
    if as_json:
        print_json({"current": True, "plans": plans})
        return
    for name, lines in (plans or {}).items():
        print(f"\n{name}:", *lines, sep="\n  ")

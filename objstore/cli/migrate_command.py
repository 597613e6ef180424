"""``objstore migrate``: bring the schema up to this release by hand, and spread it over a distributed Postgres."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


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
) -> None:
    """Bring the schema up to this release. Servers do so by themselves when they start."""
    import asyncio

    from objstore.cli.load_settings import load_settings
    from objstore.cli.migrating import migrate as bring_up
    from objstore.cli.problem import CommandError
    from objstore.meta.distribute import NotDistributed, distribute, plan
    from objstore.model.errors import DatabaseUnavailable

    if show:
        print("\n".join(f"{statement};" for statement in plan()))
        return
    url = load_settings(config, {"database_url": database_url}).database_url
    if not url:
        raise CommandError("set OBJSTORE_DATABASE_URL: which Postgres")
    try:
        asyncio.run(bring_up(url))
        print("the schema is that of this release")
        if distributed is not None:
            for name, lines in asyncio.run(distribute(url)).items():
                print(f"\n{name}:", *lines, sep="\n  ")
    except (DatabaseUnavailable, NotDistributed) as error:
        raise CommandError(str(error)) from None

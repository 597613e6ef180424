"""``objstore backup`` and ``objstore recover``: the metadata, kept elsewhere, and made anew from the drives."""

from pathlib import Path
from typing import Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint


def backup(
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Into a file, instead of the store itself.")
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="Show those that are kept in the store.")] = False,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Back the metadata up, as it is at one moment: all rows that ``recover`` needs."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import moment, print_json, print_table, say, size

    client = connect(endpoint, credentials)
    if to is not None:
        from objstore.cli.backup_file import write_backup

        answer: Any = {"file": str(to), "bytes": write_backup(client.stream("/backups/stream"), to)}
        text = f"{to}: {size(answer['bytes'])}"
    elif show:
        answer = client.call("GET", "/backups")
        text = ""
        if not as_json:
            rows = [
                (one["name"], moment(one["taken"]), size(one["bytes"]), "whole" if one["full"] else "changes")
                for one in answer["backups"]
            ]
            print_table("", ("Name", "Taken", "#Size", ""), rows)
    else:
        answer = client.call("POST", "/backups")
        text = f"{answer['name']}: {size(answer['bytes'])}, in the store"
    if as_json:
        print_json(answer)
    elif text:
        say(text)


def recover(
    drives: Annotated[
        list[Path] | None,
        typer.Option("--drives", metavar="PATH", help="A drive, repeatable. [those of the configuration, or of DIR]"),
    ] = None,
    backup_file: Annotated[
        Path | None, typer.Option("--backup", metavar="FILE", help="Begin with this, not with one from the drives.")
    ] = None,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Data directory. [objstore-data]")] = None,
    database_url: Annotated[
        str | None, typer.Option(help="An empty Postgres database, instead of the embedded one in DIR.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file. [DIR/objstore.toml if it is there]")] = None,
    as_json: AsJson = False,
) -> None:
    """Make an empty database whole again from what lies on the drives; the server must not run."""
    from objstore.cli.load_settings import load_settings
    from objstore.cli.recover import recover_from

    settings = load_settings(config, {"data": data, "database_url": database_url})
    recover_from(settings, drives or [], backup_file, as_json)

"""The ``objstore`` command."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from objstore import __version__
from objstore.cli import identity_commands, lifecycle_commands, tier_commands, warm_commands
from objstore.cli.problem import CommandError, StartError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(lifecycle_commands.app, name="lifecycle")
app.add_typer(tier_commands.app, name="tier")
app.add_typer(warm_commands.app, name="pin")
app.add_typer(identity_commands.users, name="user")
app.add_typer(identity_commands.accounts, name="account")
app.add_typer(identity_commands.keys, name="key")
app.command()(warm_commands.warm)

Drives = Annotated[
    list[str] | None,
    typer.Option("--drive", metavar="TIER=PATH", help="A drive, repeatable. Without any, DIR emulates them all."),
]
Profiles = Annotated[
    list[str] | None,
    typer.Option(
        "--profile",
        metavar="NAME|TIER=K+M",
        help="compat: manners for foreign test suites; or the erasure profile of a tier, repeatable: hot=4+2.",
    ),
]


@app.callback()
def _objstore() -> None:
    """An S3-compatible, erasure-coded, tiered object store."""


@app.command()
def version() -> None:
    """Print the version."""
    print(f"objstore {__version__}")


@app.command()
def serve(
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Data directory. [objstore-data]")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one. [9000]")] = None,
    workers: Annotated[int | None, typer.Option(help="Gateway processes. [number of CPUs]")] = None,
    drive: Drives = None,
    profile: Profiles = None,
    region: Annotated[str | None, typer.Option(help="Region that buckets are in. [us-east-1]")] = None,
    domain: Annotated[str | None, typer.Option(help="Serve BUCKET.DOMAIN too (virtual-host style).")] = None,
    database_url: Annotated[
        str | None, typer.Option(help="A Postgres (15 or newer) to use instead of the embedded one.")
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json. [text]")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error. [info]")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file. [DIR/objstore.toml if it is there]")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="Write endpoint and process ids here when ready.")] = None,
) -> None:
    """Run a server. Every setting also goes by OBJSTORE_NAME and by name in the TOML file; see docs/operations.md."""
    from objstore.cli.drives import plan_drives
    from objstore.cli.profiles import PROFILES
    from objstore.cli.settings import load_settings, parse_profile

    named = [text for text in profile or [] if text in (*PROFILES, "standard")]
    tier = dict(parse_profile(text) for text in profile or [] if text not in named)
    flags = {"data": data, "host": host, "port": port, "workers": workers, "drives": drive, "tier": tier,
             "region": region, "domain": domain, "database_url": database_url, "log_format": log_format,
             "log_level": log_level, "profile": named[-1] if named else None}  # fmt: skip
    settings = load_settings(config, flags)
    plan_drives(settings)  # what is plainly wrong is said at once, before anything is loaded or made
    from objstore.cli.supervisor import serve

    serve(settings, ready_file)


def main() -> None:
    """Entry point; ``_worker`` is what the supervisor starts."""
    if sys.argv[1:] == ["_worker"]:
        from objstore.cli.worker import main as worker_main

        worker_main()
        return
    try:
        app()
    except (StartError, CommandError) as error:
        print(f"objstore: {error}", file=sys.stderr)
        sys.exit(1)

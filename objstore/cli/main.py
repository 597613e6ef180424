"""The ``objstore`` command."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from objstore import __version__
from objstore.cli import (
    backup_commands,
    bench_command,
    bucket_commands,
    certs_commands,
    cluster_commands,
    config_command,
    copy_commands,
    doctor_command,
    drive_commands,
    identity_commands,
    lifecycle_commands,
    list_commands,
    migrate_command,
    node_commands,
    object_commands,
    pace_commands,
    quota_commands,
    repair_commands,
    status_command,
    tier_commands,
    top_command,
    warm_commands,
)
from objstore.cli.options import AsJson
from objstore.cli.problem import CommandError, StartError
from objstore.cli.telling import tell
from objstore.client.errors import ClientError

FILES, BUCKETS, PEOPLE = "Files and objects", "Buckets and rules", "Users"
CLUSTER, CARE, SERVERS = "Cluster", "Redundancy and care", "Run a server"

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown")
for function in (list_commands.ls, copy_commands.cp, copy_commands.mirror, list_commands.rm, list_commands.du,
                 list_commands.find):  # fmt: skip
    app.command(rich_help_panel=FILES)(function)
app.add_typer(object_commands.app, name="object", rich_help_panel=FILES)
app.add_typer(bucket_commands.app, name="bucket", rich_help_panel=BUCKETS)
app.add_typer(lifecycle_commands.app, name="lifecycle", rich_help_panel=BUCKETS)
app.add_typer(tier_commands.app, name="tier", rich_help_panel=BUCKETS)
app.command(rich_help_panel=BUCKETS)(warm_commands.warm)
app.add_typer(warm_commands.app, name="pin", rich_help_panel=BUCKETS)
app.add_typer(identity_commands.users, name="user", rich_help_panel=PEOPLE)
app.add_typer(identity_commands.accounts, name="account", rich_help_panel=PEOPLE)
app.add_typer(identity_commands.keys, name="key", rich_help_panel=PEOPLE)
app.add_typer(quota_commands.app, name="quota", rich_help_panel=PEOPLE)
app.command(rich_help_panel=FILES)(config_command.env)
app.command(rich_help_panel=CLUSTER)(status_command.status)
app.command(rich_help_panel=CLUSTER)(top_command.top)
app.command(rich_help_panel=CARE)(doctor_command.doctor)
app.command(rich_help_panel=CARE)(bench_command.bench)
app.add_typer(drive_commands.app, name="drive", rich_help_panel=CLUSTER)
app.add_typer(cluster_commands.app, name="cluster", rich_help_panel=CLUSTER)
app.command(rich_help_panel=CLUSTER)(drive_commands.drain)
app.command(rich_help_panel=CLUSTER)(cluster_commands.rebalance)
app.command(rich_help_panel=CARE)(repair_commands.heal)
app.command(rich_help_panel=CARE)(repair_commands.scrub)
app.command(rich_help_panel=CARE)(repair_commands.fsck)
app.add_typer(repair_commands.app, name="repair", rich_help_panel=CARE)
app.add_typer(pace_commands.app, name="pace", rich_help_panel=CARE)
app.command(rich_help_panel=CARE)(migrate_command.migrate)
app.command(rich_help_panel=CARE)(backup_commands.backup)
app.command(rich_help_panel=CARE)(backup_commands.recover)
app.add_typer(node_commands.app, name="node", rich_help_panel=SERVERS)
app.add_typer(config_command.app, name="config", rich_help_panel=SERVERS)
app.add_typer(certs_commands.app, name="certs", rich_help_panel=SERVERS)

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

TlsCert = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Serve TLS with this certificate; taken anew when it changes.")
]
TlsKey = Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate's key.")]


def _say_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
]


@app.callback()
def _objstore(version: Version = False) -> None:
    """An S3-compatible, erasure-coded, tiered object store."""


@app.command(rich_help_panel=SERVERS)
def version(as_json: AsJson = False) -> None:
    """Print the version."""

    tell(as_json, {"version": __version__}, f"objstore {__version__}")


@app.command(rich_help_panel=SERVERS)
def serve(
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Data directory. [objstore-data]")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one. [9000]")] = None,
    workers: Annotated[int | None, typer.Option(help="Gateway processes. [number of CPUs]")] = None,
    drive: Drives = None,
    profile: Profiles = None,
    region: Annotated[str | None, typer.Option(help="Region that buckets are in. [us-east-1]")] = None,
    domain: Annotated[str | None, typer.Option(help="Serve BUCKET.DOMAIN too (virtual-host style).")] = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
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
    from objstore.cli.load_settings import load_settings

    flags = {"data": data, "host": host, "port": port, "workers": workers, "drives": drive,
             "region": region, "domain": domain, "database_url": database_url, "log_format": log_format,
             "log_level": log_level, "tls_cert": tls_cert, "tls_key": tls_key}  # fmt: skip
    settings = load_settings(config, flags | _profile_flags(profile))
    plan_drives(settings)  # what is plainly wrong is said at once, before anything is loaded or made
    from objstore.cli.supervisor import serve

    serve(settings, ready_file)


ClusterDatabase = Annotated[
    str | None, typer.Option(help="The cluster's Postgres (15 or newer). [OBJSTORE_DATABASE_URL]")
]
LogFormat = Annotated[str | None, typer.Option(help="text or json. [text]")]
LogLevel = Annotated[str | None, typer.Option(help="debug, info, warning or error. [info]")]
ConfigFile = Annotated[Path | None, typer.Option(help="TOML file. [DIR/objstore.toml if it is there]")]
ReadyFile = Annotated[Path | None, typer.Option(help="Write endpoint and process ids here when ready.")]
DataDirectory = Annotated[Path | None, typer.Option(metavar="DIR", help="For locks, logs, state. [objstore-data]")]


@app.command(rich_help_panel=SERVERS)
def gateway(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one. [9000]")] = None,
    workers: Annotated[int | None, typer.Option(help="Gateway processes. [number of CPUs]")] = None,
    data: DataDirectory = None,
    profile: Profiles = None,
    region: Annotated[str | None, typer.Option(help="Region that buckets are in. [us-east-1]")] = None,
    domain: Annotated[str | None, typer.Option(help="Serve BUCKET.DOMAIN too (virtual-host style).")] = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    database_url: ClusterDatabase = None,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
    config: ConfigFile = None,
    ready_file: ReadyFile = None,
) -> None:
    """Serve S3 over the drives of all nodes. Needs OBJSTORE_DATABASE_URL and OBJSTORE_CLUSTER_SECRET."""
    flags = {"host": host, "port": port, "workers": workers, "data": data, "region": region, "domain": domain,
             "tls_cert": tls_cert, "tls_key": tls_key, "database_url": database_url, "log_format": log_format,
             "log_level": log_level}  # fmt: skip
    _serve_part("gateway", config, flags, profile, ready_file)


@app.command(rich_help_panel=SERVERS)
def worker(
    ops_listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Serve health and metrics there. [nowhere]")
    ] = None,
    data: DataDirectory = None,
    profile: Profiles = None,
    database_url: ClusterDatabase = None,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
    config: ConfigFile = None,
    ready_file: ReadyFile = None,
) -> None:
    """Do a cluster's background work. Needs OBJSTORE_DATABASE_URL and OBJSTORE_CLUSTER_SECRET."""
    flags = {"ops_listen": ops_listen, "data": data, "database_url": database_url, "log_format": log_format,
             "log_level": log_level}  # fmt: skip
    _serve_part("worker", config, flags, profile, ready_file)


def _profile_flags(texts: list[str] | None) -> dict[str, Any]:
    """``--profile`` names the manners of the server, or says a tier's erasure profile."""
    from objstore.cli.load_settings import parse_profile
    from objstore.cli.profiles import PROFILES

    named = [text for text in texts or [] if text in (*PROFILES, "standard")]
    tiers = dict(parse_profile(text) for text in texts or [] if text not in named)
    return {"tier": tiers, "profile": named[-1] if named else None}


def _serve_part(
    part: str, config: Path | None, flags: dict[str, Any], profiles: list[str] | None, ready_file: Path | None
) -> None:
    from objstore.cli.load_settings import load_settings
    from objstore.cli.secret import check_cluster_secret

    settings = load_settings(config, flags | _profile_flags(profiles))
    check_cluster_secret(settings.cluster_secret)
    if not settings.database_url:
        raise StartError("set OBJSTORE_DATABASE_URL: the Postgres of the cluster")
    from objstore.cli.supervisor import serve

    serve(settings, ready_file, part)


def main() -> None:
    """Entry point; ``_fork_server`` is what the supervisor starts."""
    if sys.argv[1:2] == ["_fork_server"]:
        from objstore.cli.fork_server import main as serve_forks

        serve_forks(int(sys.argv[2]))
        return
    try:
        app(prog_name="objstore")
    except (StartError, CommandError, ClientError) as error:
        print(f"objstore: {error}", file=sys.stderr)
        sys.exit(1)

"""``objstore node``: serves the drives of a host; and below it what can be asked of the nodes of a cluster."""

from pathlib import Path
from typing import Annotated

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint
from objstore.cli.problem import StartError

app = typer.Typer(invoke_without_command=True)
DatabaseUrl = Annotated[str | None, typer.Option(help="The cluster's Postgres (15 or newer). [OBJSTORE_DATABASE_URL]")]


@app.callback()
def node(
    context: typer.Context,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where gateways reach it; port 0: a free one.")
    ] = None,
    drive: Annotated[
        list[str] | None, typer.Option("--drive", metavar="TIER=PATH", help="A drive to serve, repeatable.")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Zone that the node is in. [default]")] = None,
    rack: Annotated[str | None, typer.Option(help="Rack that the node is in. [default]")] = None,
    name: Annotated[str | None, typer.Option(help="The node's name, for good. [its address]")] = None,
    advertise: Annotated[str | None, typer.Option(metavar="URL", help="http://HOST:PORT for gateways.")] = None,
    database_url: DatabaseUrl = None,
    log_format: Annotated[str | None, typer.Option(help="text or json. [text]")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error. [info]")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file. [DIR/objstore.toml if it is there]")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="Write endpoint and process ids here when ready.")] = None,
) -> None:
    """Serve drives of this host to gateways; `node ls` shows the nodes of a cluster.

    Serving needs --listen and --drive, OBJSTORE_DATABASE_URL and OBJSTORE_CLUSTER_SECRET.
    """
    if context.invoked_subcommand is not None:
        return
    if listen is None or not drive:
        raise StartError(
            "name where to listen, and drives: objstore node --listen HOST:PORT --drive TIER=PATH; "
            "`objstore node ls` shows the nodes"
        )
    from objstore.cli.load_settings import load_settings

    flags = {"drives": drive, "zone": zone, "rack": rack, "node_name": name, "advertise": advertise,
             "database_url": database_url, "log_format": log_format, "log_level": log_level}  # fmt: skip
    settings = load_settings(config, flags)
    from objstore.cli.node import serve_node

    serve_node(settings, listen, ready_file)


@app.command()
def ls(endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False) -> None:
    """Show the nodes: where, of which version, in which state, with how many drives."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import print_json, print_table, say, size, span

    answer = connect(endpoint, credentials).call("GET", "/status")
    if as_json:
        print_json({"nodes": answer["nodes"]})
        return
    if not answer["nodes"]:
        say("There are no nodes: this server has its drives itself.")
        return
    rows = []
    for one in answer["nodes"]:
        mine = [drive for drive in answer["drives"] if drive["node"] == one["name"]]
        up, free = sum(drive["state"] == "up" for drive in mine), sum(drive["free_bytes"] for drive in mine)
        rows.append((one["name"], one["zone"], one["rack"], one["state"], span(one["silent_seconds"]), one["version"],
                     f"{up}/{len(mine)}", size(free)))  # fmt: skip
    print_table("", ("Node", "Zone", "Rack", "State", "#Silent", "Version", "#Drives up", "#Free"), rows)

"""``objstore cluster``: the cluster as a whole."""

from pathlib import Path
from typing import Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint

app = typer.Typer(no_args_is_help=True, help="The cluster: run, durability, rebalance.")
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow it to the end.")]


@app.command()
def rebalance(
    tier: Annotated[str, typer.Argument(metavar="TIER")] = "hot",
    cancel: Annotated[bool, typer.Option("--cancel", help="End it; what has moved stays.")] = False,
    wait: Wait = True,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Make the drives of TIER evenly full, after one was added; moves no more than that needs."""
    from objstore.cli.admin_client import connect, segment
    from objstore.cli.output import follow, number, print_json, say, size

    client, path = connect(endpoint, credentials), f"/rebalance/{segment(tier)}"
    answer = client.call("DELETE" if cancel else "POST", path)
    if wait and not cancel:

        def look() -> tuple[int, int, bool]:
            found: dict[str, Any] = client.call("GET", path)
            return found["moved"], found["planned"], found["state"] != "running"

        follow(f"shards of {tier} moved", look)
        answer = client.call("GET", path)
    if as_json:
        print_json(answer)
    else:
        moved = f"{number(answer['moved'])} shards, {size(answer['moved_bytes'])} moved"
        say(f"{tier}: {answer['state']}; {moved}, {number(answer['left'])} wait")


@app.command()
def durability(
    afr: Annotated[float, typer.Option(help="The part of drives that fails in a year.")] = 0.014,
    repair_bytes_per_second: Annotated[
        float | None, typer.Option(help="How fast a drive is rebuilt. [as measured, else 100 MB/s]")
    ] = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show how many drives, nodes, racks, zones each tier may lose, and the chance of a loss within a year."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import number, print_json, print_table

    query = {"afr": afr, "repair_bytes_per_second": repair_bytes_per_second}
    answer = connect(endpoint, credentials).call("GET", "/durability", query=query)
    if as_json:
        print_json(answer)
        return
    kinds = ("drives", "nodes", "racks", "zones")
    rows = [
        (
            name,
            tier["profile"],
            when,
            *("" if tier[when] is None else tier[when][kind] for kind in kinds),
            number(tier["volumes"]),
            number(tier["combinations"]),
            tier["repair_hours"],
            tier["nines"],
        )
        for name, tier in answer["tiers"].items()
        for when in ("now", "whole", "new")
    ]
    columns = ("Tier", "Profile", "Volumes", *(f"#{kind.capitalize()}" for kind in kinds))
    print_table("May be lost", (*columns, "#Volumes", "#Combinations", "#Repair h", "#Nines"), rows)


@app.command()
def run(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Where all of it is.")] = Path("objstore-cluster"),
    host: Annotated[str, typer.Option(help="Address that gateways listen on.")] = "127.0.0.1",
    port: Annotated[list[int] | None, typer.Option(help="Of a gateway, repeatable. [9000 and 9001]")] = None,
    nodes: Annotated[int, typer.Option(min=1, max=64)] = 7,
    hot: Annotated[int, typer.Option(min=1, max=256, help="Drives of the hot tier.")] = 6,
    capacity: Annotated[int, typer.Option(min=0, max=256, help="Drives of the capacity tier.")] = 14,
) -> None:
    """Run a whole cluster on this machine: Postgres, nodes with emulated drives, gateways, a worker."""
    from objstore.cli.emulate import run_cluster

    run_cluster(data, host, port or [9000, 9001], nodes, hot, capacity)

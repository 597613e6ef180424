"""``objstore tier``: the tiers of a server, and reencoding one to its present erasure profile."""

from typing import Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint

app = typer.Typer(no_args_is_help=True, help="Tiers: ls, reencode, savings.")


@app.command()
def ls(endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False) -> None:
    """Show the tiers: profile, classes, drives, how full."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import number, print_json, print_table, say, size

    answer = connect(endpoint, credentials).call("GET", "/tiers")
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            tier["name"],
            tier["profile"] or "",
            number(tier["drives"]),
            size(tier["capacity_bytes"]),
            size(tier["capacity_bytes"] - tier["free_bytes"]),
            size(tier["data_bytes"]),
            size(tier["garbage_bytes"]),
        )
        for tier in answer["tiers"]
    ]
    print_table("", ("Tier", "Profile", "#Drives", "#Capacity", "#Used", "#Payload", "#Garbage"), rows)
    for tier in answer["tiers"]:
        say(f"{tier['name']}: {', '.join(tier['classes']) or 'no storage class lies on it'}")
        for one in tier["profiles"]:
            if one["profile"] != tier["profile"]:
                say(f"  {number(one['volumes'])} volumes of {one['profile']}, {size(one['data_bytes'])}: "
                    f"`objstore tier reencode {tier['name']}` rewrites them")  # fmt: skip


@app.command()
def reencode(
    tier: Annotated[str, typer.Argument(metavar="TIER")],
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow it to the end.")] = True,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Rewrite the volumes of TIER that have another erasure profile than is configured now."""
    from objstore.cli.admin_client import connect, segment
    from objstore.cli.output import follow, print_json, say, size

    client, path = connect(endpoint, credentials), f"/tiers/{segment(tier)}/reencode"
    answer = client.call("POST", path)
    if wait:

        def look() -> tuple[int, int, bool]:
            found: dict[str, Any] = client.call("GET", path)
            return found["volumes"], found["volumes"] + found["left_volumes"], found["finished"] is not None

        follow(f"{tier} to {answer['profile']}", look)
        answer = client.call("GET", path)
    if as_json:
        print_json(answer)
    else:
        state = "done" if answer["finished"] else f"{answer['left_volumes']} volumes are left"
        moved = f"{answer['volumes']} volumes, {size(answer['bytes'])} rewritten"
        say(f"{tier} to {answer['profile']}: {moved}; {state}")


@app.command()
def savings(
    bucket: Annotated[str | None, typer.Option(metavar="BUCKET", help="One bucket only.")] = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what lies where, and what that saves against all of it lying on the hot tier."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import count_of, number, print_json, print_table, say, size

    answer = connect(endpoint, credentials).call("GET", "/savings", query={"bucket": bucket})
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            tier["tier"],
            number(tier["objects"]),
            size(tier["bytes"]),
            f"{tier['overhead']:.2f}",
            size(tier["raw_bytes"]),
            "" if tier["cost"] is None else f"{tier['cost']:.2f}",
        )
        for tier in answer["tiers"]
    ]
    columns = ("Tier", "#Objects", "#Payload", "#Overhead", "#On drives", "#Cost a month")
    shown = len(columns) - all(tier["cost"] is None for tier in answer["tiers"])
    print_table("", columns[:shown], [row[:shown] for row in rows])
    say(f"Kept off the hot tier: {size(answer['hot_raw_bytes_avoided'])} of its drives.")
    if answer["cost_saved"] is not None:
        say(f"Saved a month: {answer['cost_saved']:.2f}; it would be {answer['cost_if_all_hot']:.2f} if all were hot.")
    for done in answer["done"]:
        to = f" to {done['tier']}" if done["tier"] else ""
        say(f"Done so far: {done['action']}{to}: {count_of(done['objects'], 'object')}, {size(done['bytes'])}")

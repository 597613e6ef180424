"""``objstore status``: the cluster on one screen."""

from typing import Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint

FULL_RATIO = 0.85  # of a tier's drives: from here on it is worth a word
DRIVES_SHOWN = 10
STATES = ("up", "suspect", "draining", "gone")


def status(endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False) -> None:
    """Show the cluster on one screen: is all well, what is stored where, what is under way.

    Exit code 1: the server is not ready, or volumes are short of redundancy.
    """
    from objstore.cli.admin_client import connect
    from objstore.cli.output import print_json

    client = connect(endpoint, credentials)
    answer: dict[str, Any] = client.call("GET", "/status")
    answer["server"] = client.call("GET", "/server")
    answer["repair"] = client.call("GET", "/repair")
    answer["lifecycle"] = {name: client.call("GET", "/lifecycle/status")[name] for name in ("backlog", "lag_seconds")}
    answer["stored"] = client.call("GET", "/savings")["tiers"]
    answer["findings"] = findings(answer)
    if as_json:
        print_json(answer)
    else:
        _show(client.access.endpoint, answer)
    if not answer["ready"] or answer["volumes_short_of_redundancy"]:
        raise typer.Exit(1)


def findings(answer: dict[str, Any]) -> list[str]:
    """What is not as it should be, the worst first, and what to do about it."""
    from objstore.cli.output import number

    found = []
    if not answer["ready"]:
        found.append("the server is not ready: see `objstore doctor`, and the server's log")
    if short := answer["volumes_short_of_redundancy"]:
        found.append(f"{number(short)} volumes are short of redundancy: `objstore heal` follows their repair")
    drives = [one for one in answer["drives"] if not one["out"]]
    if lost := sum(one["state"] in ("suspect", "gone") for one in drives):
        found.append(f"{lost} of {len(drives)} drives do not answer: see `objstore drive ls`")
    found += [
        f"tier {name} is {_ratio(tier):.0%} full: add drives, or let rules move or expire more"
        for name, tier in answer["tiers"].items()
        if _ratio(tier) >= FULL_RATIO
    ]
    found += [f"a drive was left out at the start: {one}" for one in answer["server"]["health"].get("problems", ())]
    return found


def _show(endpoint: str, answer: dict[str, Any]) -> None:
    from objstore.cli.output import number, print_table, say, size, span

    server, found = answer["server"], answer["findings"]
    say(f"objstore {server['version']} at {endpoint}, up for {span(server['uptime_seconds'])}")
    say("All is well: every volume has its full redundancy." if not found else "\n".join(f"! {one}" for one in found))
    stored = {one["tier"]: one for one in answer["stored"]}
    rows = []
    for name, tier in answer["tiers"].items():
        mine = stored.get(name, {"objects": 0, "bytes": 0})
        drives = ", ".join(f"{tier['drives'][state]} {state}" for state in STATES if tier["drives"][state])
        rows.append((name, tier["profile"], drives, number(mine["objects"]), size(mine["bytes"]),
                     f"{_ratio(tier):.0%}", size(tier["free_bytes"])))  # fmt: skip
    print_table("", ("Tier", "Profile", "Drives", "#Objects", "#Bytes", "#Full", "#Free"), rows)
    _show_nodes(answer["nodes"])
    _show_drives([one for one in answer["drives"] if one["state"] != "up" and not one["out"]])
    for line in _under_way(answer):
        say(line)


def _show_nodes(nodes: list[dict[str, Any]]) -> None:
    from objstore.cli.output import print_table, span

    if nodes:
        rows = [(one["name"], one["zone"], one["rack"], one["state"], span(one["silent_seconds"])) for one in nodes]
        print_table("", ("Node", "Zone", "Rack", "State", "#Silent"), rows)


def _show_drives(drives: list[dict[str, Any]]) -> None:
    """Those that are not up."""
    from objstore.cli.output import print_table, say

    if drives:
        rows = [
            (one["id"][:12], one["tier"], one["node"], one["state"] + (" (held)" if one["held"] else ""), one["reason"])
            for one in drives[:DRIVES_SHOWN]
        ]
        print_table("", ("Drive", "Tier", "Node", "State", "Reason"), rows)
        if len(drives) > DRIVES_SHOWN:
            say(f"… and {len(drives) - DRIVES_SHOWN} more: `objstore drive ls`")


def _under_way(answer: dict[str, Any]) -> list[str]:
    """What the background does, in lines."""
    from objstore.cli.output import number, size, span

    repair, lines = answer["repair"], []
    for one in repair["waiting"]:
        failing = f", {number(one['failing'])} failing" if one["failing"] else ""
        lines.append(f"{one['kind']}: {number(one['volumes'])} volumes wait ({size(one['bytes'])}){failing}")
    if repair["waiting"] and repair["remaining_seconds"] is not None:
        lines.append(f"repair: about {span(repair['remaining_seconds'])} to go")
    lines += [
        f"rebalance of {one['tier']}: {number(one['moved'])} of {number(one['planned'])} shards moved"
        for one in repair["rebalancing"]
        if one["state"] == "running"
    ]
    if answer["lifecycle"]["backlog"]:
        lag = span(answer["lifecycle"]["lag_seconds"])
        lines.append(f"lifecycle: {number(answer['lifecycle']['backlog'])} wait, the oldest due for {lag}")
    return lines or ["Nothing waits: no repair, no moves, no rules that are due."]


def _ratio(tier: dict[str, Any]) -> float:
    return float(tier["used_bytes"] / tier["capacity_bytes"]) if tier["capacity_bytes"] else 0.0

"""``objstore status``: the cluster at a glance."""

from typing import Any

from objstore.cli.options import AsJson, CredentialsFile, Endpoint


def status(endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False) -> None:
    """Show nodes, drives and tiers, and how many volumes are short of redundancy."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import print_json, say

    answer = connect(endpoint, credentials).call("GET", "/status")
    if as_json:
        print_json(answer)
        return
    _show(answer)
    short = answer["volumes_short_of_redundancy"]
    say(f"volumes short of redundancy: {short}" if short else "every volume is whole")


def _show(answer: dict[str, Any]) -> None:
    from objstore.cli.output import number, print_table, size

    states = ("up", "suspect", "draining", "gone")
    print_table(
        "Tiers",
        ("Tier", "Profile", *(f"#{state.capitalize()}" for state in states), "#Capacity", "#Used", "#Payload"),
        [
            (
                name,
                tier["profile"],
                *(number(tier["drives"][state]) for state in states),
                size(tier["capacity_bytes"]),
                size(tier["used_bytes"]),
                size(tier["data_bytes"]),
            )
            for name, tier in answer["tiers"].items()
        ],
    )
    if answer["nodes"]:
        print_table(
            "Nodes",
            ("Node", "Address", "Zone", "Rack", "State", "#Silent s"),
            [(n["name"], n["address"], n["zone"], n["rack"], n["state"], n["silent_seconds"]) for n in answer["nodes"]],
        )
    print_table(
        "Drives",
        ("Drive", "Tier", "Node", "Where", "State", "#Capacity", "#Free", "Reason"),
        [
            (
                drive["id"][:12],
                drive["tier"],
                drive["node"],
                drive["address"].rpartition("#")[2],
                drive["state"] + (" (held)" if drive["held"] else ""),
                size(drive["capacity_bytes"]),
                size(drive["free_bytes"]),
                drive["reason"],
            )
            for drive in answer["drives"]
        ],
    )

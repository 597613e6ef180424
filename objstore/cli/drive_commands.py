"""``objstore drive``: the drives of a cluster, and what an operator does with them."""

from typing import Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint

app = typer.Typer(no_args_is_help=True, help="Drives: ls, objects, drain, undrain, replace, retire.")
Name = Annotated[
    str, typer.Argument(metavar="DRIVE", help="A drive's id, its beginning (8 digits), its path; or a node's name.")
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow it to the end.")]
SHORT_ID = 12
OBJECTS_A_CALL = 200


@app.command()
def ls(endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False) -> None:
    """Show the drives: where, how full, in which state."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import number, print_json, print_table, say, size

    answer = connect(endpoint, credentials).call("GET", "/drives")
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            one["id"][:SHORT_ID],
            one["tier"],
            one["node"],
            one["address"],
            one["state"],
            size(one["capacity_bytes"]),
            size(one["free_bytes"]),
            number(one["shards"]),
            number(one["errors"]),
            one["last_error"],
        )
        for one in answer["drives"]
    ]
    columns = ("Drive", "Tier", "Node", "Address", "State", "#Capacity", "#Free", "#Shards", "#Errors", "Last error")
    print_table("", columns, rows)
    for problem in answer["problems"]:
        say(f"left out: {problem}")


@app.command()
def objects(
    drive: Name,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many.")] = 1000,
    after: Annotated[str, typer.Option(metavar="NEXT", help="Go on where another call ended.")] = "",
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show whose bytes are in the volumes that have a shard on DRIVE; it need not be readable itself.

    Read from the records in these volumes: nothing is sampled. An object comes once for each volume that it is in.
    """
    from objstore.cli.admin_client import connect, segment
    from objstore.cli.output import number, print_json, print_table, say, size
    from objstore.cli.places import shown

    client, path = connect(endpoint, credentials), f"/drives/{segment(drive)}/objects"
    found: list[dict[str, Any]] = []
    following, unread, first = after, 0, True
    while first or (following and len(found) < limit):
        query = {"after": following, "limit": min(OBJECTS_A_CALL, limit - len(found))}
        answer = client.call("GET", path, query=query)
        found += answer["objects"]
        following, unread, first = answer["next"] or "", unread + answer["unread"], False
    if as_json:
        print_json({"drive": answer["drive"], "objects": found, "next": following or None, "unread": unread})
        return
    rows = [
        (
            shown(f"s3://{one['bucket']}/{one['key']}"),
            one["version_id"] if one["kind"] != "object" or not one["is_latest"] else "",
            one["kind"],
            size(one["size"]),
            "yes" if one["holds_bytes"] else "no",
            one["volume"][:SHORT_ID],
        )
        for one in found
    ]
    print_table("", ("Object", "Version", "Kind", "#Size", "Bytes on it", "Volume"), rows)
    if unread:
        say(f"{number(unread)} stripes or volumes could not be read: what is in them is missing here")
    if following:
        say(f"There is more: --after {following}")


@app.command()
def drain(
    drive: Name,
    wait: Wait = True,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Move everything away from DRIVE, or from all drives of a node, while clients go on; ``undrain`` cancels it."""
    from objstore.cli.admin_client import connect, segment
    from objstore.cli.output import follow, print_json

    client, path = connect(endpoint, credentials), f"/drives/{segment(drive)}"
    answer = client.call("POST", f"{path}/drain")
    if wait:
        total = max(1, _shards(answer))

        def look() -> tuple[int, int, bool]:
            found = client.call("GET", f"{path}/load")
            left = _shards(found)
            cancelled = any(one["state"] != "draining" for one in found["drives"])
            return max(0, total - left), total, not left or cancelled

        follow("shards moved", look)
        answer = client.call("GET", f"{path}/load")
    if as_json:
        print_json(answer)
    else:
        _show(answer)


@app.command()
def undrain(
    drive: Name, endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False
) -> None:
    """Use DRIVE, or all drives of a node, as any other again; what has been moved stays where it is."""
    _do("undrain", drive, endpoint, credentials, as_json)


@app.command()
def retire(
    drive: Name, endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False
) -> None:
    """Take an empty DRIVE out for good; it is refused while anything is on it."""
    _do("retire", drive, endpoint, credentials, as_json)


@app.command()
def replace(
    drive: Name, endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False
) -> None:
    """Give a dead DRIVE up: its shards are rebuilt, and an empty directory at its place becomes a new drive."""
    _do("replace", drive, endpoint, credentials, as_json)


def _do(verb: str, drive: str, endpoint: Any, credentials: Any, as_json: bool) -> None:
    from objstore.cli.admin_client import connect, segment
    from objstore.cli.output import print_json

    answer = connect(endpoint, credentials).call("POST", f"/drives/{segment(drive)}/{verb}")
    if as_json:
        print_json(answer)
    else:
        _show(answer)


def _shards(answer: dict[str, Any]) -> int:
    return sum(one["shards"] for one in answer["drives"])


def _show(answer: dict[str, Any]) -> None:
    from objstore.cli.output import number, print_table, size

    rows = [
        (one["id"][:SHORT_ID], one["tier"], one["node"], one["address"], one["state"], number(one["shards"]),
         size(one["bytes"]))
        for one in answer["drives"]
    ]  # fmt: skip
    print_table("", ("Drive", "Tier", "Node", "Address", "State", "#Shards", "#Bytes"), rows)

"""``objstore object``: one object; here where it lies, fragment by fragment."""

from typing import Annotated, Any

import typer

from objstore.cli import object_verbs
from objstore.cli.options import AsJson, CredentialsFile, Endpoint

app = typer.Typer(no_args_is_help=True, help="One object: stat, locate, tags, share, restore.")
for function in (object_verbs.stat, object_verbs.tags, object_verbs.share, object_verbs.restore):
    app.command()(function)
DRIVE_ID_SHOWN = 12
AWAY = ("none", "suspect", "gone")  # states of a drive that no bytes can be counted on


@app.command()
def locate(
    place: object_verbs.Place,
    version_id: Annotated[str | None, typer.Option(metavar="ID", help="A version. [the newest 100]")] = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show where an object lies: tier, volume, drive and node of each column, what is wrong there, and how hot it is.

    Asks for root credentials. Exit code 1: there is no such object, or bytes of it cannot be read now.
    """
    from objstore.cli.admin_client import connect
    from objstore.cli.output import print_json, say

    where, _ = object_verbs.named_object(place)
    query = {"bucket": where.bucket, "key": where.key, "version_id": version_id}
    answer = connect(endpoint, credentials).call("GET", "/locate", query=query)
    if as_json:
        print_json(answer)
    else:
        for version in answer["versions"]:
            _show(str(where), version)
        if answer["truncated"]:
            say(f"There are more versions: `objstore ls --versions {where}` shows all, --version-id one.")
    if any(_is_unreadable(extent) for version in answer["versions"] for extent in version["extents"]):
        raise typer.Exit(1)


def health(version: dict[str, Any]) -> str:
    """In words: whether all columns of all of a version's volumes are there, and what may be lost still."""
    if not version["extents"]:
        return "it has no bytes" if not version["size"] else "its volumes are gone"
    worst = max(version["extents"], key=lambda extent: len(_away(extent)) - _parity(extent))
    missing = len(_away(worst))
    if missing > _parity(worst):
        return f"CANNOT BE READ NOW: {missing} of {len(worst['shards'])} columns of a volume are away"
    left = _parity(worst) - missing
    more = f"{left} more" if missing else str(left)
    may = f"{more} {'drive' if left == 1 else 'drives'} may be lost" if left else "no drive may be lost"
    if missing:
        return f"{missing} of {len(worst['shards'])} columns of a volume are away, {may}: `objstore heal`"
    return f"all columns are there, {may}"


def _show(name: str, version: dict[str, Any]) -> None:
    from objstore.cli.output import moment, number, print_table, say, size
    from objstore.cli.places import shown
    from objstore.cli.rule_text import outcome

    title = shown(name) + ("" if version["version_id"] == "null" else f" ({version['version_id']})")
    say(title + ("" if version["is_latest"] else ", an older version"))
    if version["delete_marker"]:
        say(f"  a delete marker of {moment(version['modified'])} UTC")
        return
    bytes_ = f"{size(version['size'])} ({number(version['size'])} bytes)" if version["size"] > 1023 else size(
        version["size"])  # fmt: skip
    say(f"  {bytes_}, {version['storage_class']} on {version['tier']}, modified {moment(version['modified'])} UTC")
    last = version["last_access"]
    say(f"  heat {version['heat']:g}, {f'last read or written on {last}' if last else 'never accessed'}; "
        f"health: {health(version)}")  # fmt: skip
    following = version["next"]
    if following is not None:
        does = outcome(following["action"], "", following["to"])
        say(f"  next: {does} by {following['rule'] or 'access'}, {moment(following['at'])} UTC ({following['state']})")
    for number_, extent in enumerate(version["extents"], 1):
        of = f"{len(version['extents'])}{'+' if version['extents_truncated'] else ''}"
        say(f"\n  extent {number_} of {of}: {size(extent['length'])} at {number(extent['offset'])} of volume "
            f"{extent['volume']} ({extent['state']}, {extent['profile']}, {extent['kind']})")  # fmt: skip
        print_table("", ("#Column", "Holds", "Drive", "Node", "Address", "Rack", "State"), _rows(extent))
    if version["extents_truncated"]:
        say("  and more extents.")


def _rows(extent: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (
            one["column"],
            one["role"] if one["holds_bytes"] or one["role"] == "parity" else "nothing of it",
            (one["drive"] or "")[:DRIVE_ID_SHOWN],
            one["node"],
            one["address"],
            f"{one['zone']}/{one['rack']}" if one["zone"] or one["rack"] else "",
            f"{one['drive_state']}, damaged: {one['damaged']}" if one["damaged"] else one["drive_state"],
        )
        for one in extent["shards"]
    ]


def _away(extent: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in extent["shards"] if one["damaged"] or one["drive_state"] in AWAY]


def _parity(extent: dict[str, Any]) -> int:
    return int(extent["profile"].partition("+")[2])


def _is_unreadable(extent: dict[str, Any]) -> bool:
    return len(_away(extent)) > _parity(extent)

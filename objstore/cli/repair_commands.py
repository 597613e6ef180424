"""``objstore repair`` and ``objstore fsck``: what is short of redundancy, what is being done, and passes by hand."""

from typing import Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint

app = typer.Typer(no_args_is_help=True, help="Redundancy: status, heal, scrub.")
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow it to the end.")]
Drive = Annotated[str | None, typer.Option(metavar="ID", help="One drive only.")]
SHORT_ID = 12


@app.command()
def status(endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False) -> None:
    """Show what is short of redundancy, what waits, and what was done."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import print_json

    answer = connect(endpoint, credentials).call("GET", "/repair")
    if as_json:
        print_json(answer)
    else:
        _show_status(answer)


@app.command()
def heal(
    wait: Wait = True, endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False
) -> None:
    """Look now for volumes that are short of redundancy, and follow until none is."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import follow, print_json

    client = connect(endpoint, credentials)
    answer = client.call("POST", "/repair/heal")
    if wait:
        most = [0]

        def look() -> tuple[int, int, bool]:
            found: dict[str, Any] = client.call("GET", "/repair")
            left = found["volumes_short_of_redundancy"]
            most[0] = max(most[0], left)
            return most[0] - left, most[0], not left or _is_stuck(found)

        follow("volumes healed", look)
        answer = client.call("GET", "/repair")
    if as_json:
        print_json(answer)
    else:
        _show_status(answer)
    if wait and answer["volumes_short_of_redundancy"]:
        raise typer.Exit(1)


@app.command()
def scrub(
    start: Annotated[bool, typer.Option("--start", help="Begin the next pass now.")] = False,
    drive: Drive = None,
    wait: Wait = False,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show how far the passes over the drives are that verify every byte."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import print_json

    client = connect(endpoint, credentials)
    answer = _walks(client, "/repair/scrub", drive, start or wait, wait)
    if as_json:
        print_json(answer)
    else:
        _show_walks(answer["drives"], "Verified")


def fsck(
    drive: Drive = None,
    wait: Wait = True,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Compare the files on every drive with the database, both ways; nothing is deleted."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import moment, print_json, print_table, say, size

    client = connect(endpoint, credentials)
    answer = _walks(client, "/fsck", drive, True, wait)
    if as_json:
        print_json(answer)
        return
    _show_walks(answer["drives"], "Compared")
    if answer["orphans"]:
        rows = [
            (one["drive"][:SHORT_ID], one["file"], one["volume"], size(one["bytes"]), moment(one["since"]),
             "set aside" if one["quarantined"] else "")
            for one in answer["orphans"]
        ]  # fmt: skip
        print_table("Files that no row names", ("Drive", "File", "Volume", "#Size", "Since", ""), rows)
    say(f"{answer['missing']} columns are missing or damaged; {len(answer['orphans'])} files are not known.")


def _walks(client: Any, path: str, drive: str | None, begin: bool, wait: bool) -> Any:
    """The walks, begun now if so wanted; with ``wait`` once those that were begun have ended."""
    from objstore.cli.output import follow

    # Looked at before they are begun: a walk over little may have ended before it can be looked at again.
    answer = client.call("GET", path)
    finished = {one["drive"]: one["last_finished"] for one in answer["drives"]}
    if begin:
        client.call("POST", path, query={"drive": drive})
        answer = client.call("GET", path)
    if not wait:
        return answer
    before = {one["drive"]: finished.get(one["drive"]) for one in answer["drives"] if drive in (None, one["drive"])}

    def look() -> tuple[int, int, bool]:
        walks = [one for one in client.call("GET", path)["drives"] if one["drive"] in before]
        ended = [one for one in walks if one["last_finished"] != before[one["drive"]] or one["last_error"]]
        total = sum(max(one["total_shards"], one["shards"], 1) for one in walks)
        done = sum(max(one["total_shards"], 1) if one in ended else one["shards"] for one in walks)
        return done, total, len(ended) == len(walks)

    follow("shards", look)
    return client.call("GET", path)


def _is_stuck(found: dict[str, Any]) -> bool:
    """Nothing is under way, and all that waits has failed."""
    waiting = [one for one in found["waiting"] if one["kind"] == "heal"]
    return bool(waiting) and all(one["failing"] == one["volumes"] and not one["taken"] for one in waiting)


def _show_status(answer: dict[str, Any]) -> None:
    from objstore.cli.output import moment, number, print_table, say, size, span

    short = answer["volumes_short_of_redundancy"]
    say(f"Volumes short of redundancy: {number(short)}" if short else "Every volume has its full redundancy.")
    if answer["waiting"]:
        rows = [
            (one["kind"], number(one["spare"]), number(one["volumes"]), size(one["bytes"]), number(one["taken"]),
             number(one["failing"]), moment(one["oldest"]))
            for one in answer["waiting"]
        ]  # fmt: skip
        print_table("Waiting", ("Kind", "#Spare", "#Volumes", "#Bytes", "#Under way", "#Failing", "Since"), rows)
    if answer["remaining_seconds"] is not None and answer["waiting"]:
        say(f"About {span(answer['remaining_seconds'])} to go.")
    if answer["rebalancing"]:
        jobs = [
            (one["tier"], one["state"], f"{number(one['moved'])}/{number(one['planned'])}", size(one["moved_bytes"]),
             moment(one["started"]), moment(one["finished"]))
            for one in answer["rebalancing"]
        ]  # fmt: skip
        print_table("Rebalancing", ("Tier", "State", "#Moved", "#Bytes", "Started", "Finished"), jobs)
    if answer["done"]:
        done = [
            (one["kind"], number(one["volumes"]), number(one["shards"]), size(one["bytes"]),
             f"{size(one['bytes_per_second'])}/s", number(one["failures"]), moment(one["last_done"]),
             one["last_error"] or "")
            for one in answer["done"]
        ]  # fmt: skip
        columns = ("Kind", "#Volumes", "#Shards", "#Bytes", "#Rate", "#Failures", "Last", "Last error")
        print_table("Done so far", columns, done)


def _show_walks(walks: list[dict[str, Any]], verb: str) -> None:
    from objstore.cli.output import moment, number, print_table, size, span

    rows = [
        (
            one["drive"][:SHORT_ID],
            one["tier"],
            f"{number(one['shards'])}/{number(one['total_shards'])}" if one["started"] else "",
            size(one["bytes"]) if one["started"] else "",
            span(one["remaining_seconds"]) if one["remaining_seconds"] is not None else "",
            moment(one["next_run"]) if not one["started"] else "now",
            moment(one["last_finished"]),
            number(one["last_shards"]),
            number(one["problems"] if one["started"] else one["last_problems"]),
            one["last_error"] or "",
        )
        for one in walks
    ]
    columns = ("Drive", "Tier", f"#{verb}", "#Bytes", "#To go", "Next", "Last pass", "#Shards", "#Problems", "Error")
    print_table("", columns, rows)

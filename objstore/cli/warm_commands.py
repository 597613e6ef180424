"""``objstore warm`` and ``objstore pin``: bring a prefix to the hot tier, and keep it there."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint

app = typer.Typer(no_args_is_help=True, help="Pins: what stays on the hot tier for a while: add, ls, rm.")

_UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\Z", re.IGNORECASE)
_SPAN = re.compile(r"(\d+)([dh])\Z")


def parse_place(text: str) -> tuple[str, str]:
    """``s3://bucket/prefix`` → bucket and prefix. Raises BadParameter."""
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    if not bucket or not text.startswith("s3://"):
        raise typer.BadParameter(f"{text!r}: write s3://BUCKET/PREFIX")
    return bucket, prefix


def parse_size(text: str) -> int:
    """``100G`` → bytes; units of 1024. Raises BadParameter."""
    found = _SIZE.match(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r}: write bytes, or 500M, 1.5G, 2T")
    return int(float(found[1]) * 1024 ** _UNITS[found[2].upper()])


def parse_until(text: str) -> datetime:
    """``7d``, ``12h``, or an ISO time (UTC unless it says otherwise). Raises BadParameter."""
    if span := _SPAN.match(text.strip()):
        hours = int(span[1]) * (24 if span[2] == "d" else 1)
        if hours > 36_500 * 24:
            raise typer.BadParameter(f"{text!r}: at most 36500 days")
        return datetime.now(UTC) + timedelta(hours=hours)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r}: write 7d, 12h, or a time such as 2030-01-31T12:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


Place = Annotated[str, typer.Argument(metavar="s3://BUCKET/PREFIX")]


def warm(
    place: Place,
    days: Annotated[int, typer.Option(min=1, help="How long copies of archived objects stay.")] = 7,
    budget: Annotated[str | None, typer.Option(metavar="SIZE", help="Move no more than that, such as 100G.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow it to the end.")] = True,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Bring what is below a prefix to the hot tier."""
    from objstore.cli.admin_client import connect, segment
    from objstore.cli.output import follow, number, print_json, say, size, span

    bucket, prefix = parse_place(place)
    asked = {"bucket": bucket, "prefix": prefix, "days": days}
    if budget is not None:
        asked["budget_bytes"] = parse_size(budget)
    client = connect(endpoint, credentials)
    job = client.call("POST", "/warm", body=asked)
    path = f"/warm/{segment(job['id'])}"
    if wait:

        def look() -> tuple[int, int, bool]:
            found: dict[str, Any] = client.call("GET", path, query={"bucket": bucket})
            return found["objects"], found["found_objects"], found["finished"] is not None

        follow(place, look)
        job = client.call("GET", path, query={"bucket": bucket})
    if as_json:
        print_json(job)
        return
    say(f"{place}: {job['state']}, {number(job['objects'])} objects, {size(job['bytes'])} brought to the hot tier")
    if job["remaining_seconds"]:
        say(f"About {span(job['remaining_seconds'])} to go.")
    if job["last_error"]:
        say(f"Last error: {job['last_error']}")


@app.command()
def add(
    place: Place,
    until: Annotated[str, typer.Option(metavar="WHEN", help="7d, 12h, or a time such as 2030-01-31T12:00Z.")],
    budget: Annotated[str, typer.Option(metavar="SIZE", help="Bring no more than that to the hot tier: 100G.")],
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Keep what is below a prefix on the hot tier, and bring there what is not."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import moment, print_json, say

    bucket, prefix = parse_place(place)
    asked = {
        "bucket": bucket,
        "prefix": prefix,
        "until": parse_until(until).isoformat(),
        "budget_bytes": parse_size(budget),
    }
    answer = connect(endpoint, credentials).call("POST", "/pins", body=asked)
    if as_json:
        print_json(answer)
    else:
        say(f"{place} stays hot until {moment(answer['until'])} UTC")


@app.command()
def ls(
    bucket: Annotated[str, typer.Argument(metavar="[BUCKET]", show_default=False)] = "",
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the pins of BUCKET, or of all buckets."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import moment, number, print_json, print_table, say, size

    answer = connect(endpoint, credentials).call("GET", "/pins", query={"bucket": bucket})
    if as_json:
        print_json(answer)
        return
    if not answer["pins"]:
        say(f"{bucket} has no pins." if bucket else "There are no pins.")
        return
    rows = []
    for pin in answer["pins"]:
        job = pin["warm"] or {"state": "", "objects": 0, "bytes": 0}
        figures = (job["state"], number(job["objects"]), size(job["bytes"]))
        rows.append(
            (f"s3://{pin['bucket']}/{pin['prefix']}", moment(pin["until"]), size(pin["budget_bytes"]), *figures)
        )
    print_table("", ("Pinned", "Until (UTC)", "#Budget", "Warm-up", "#Objects", "#Brought"), rows)


@app.command()
def rm(place: Place, endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False) -> None:
    """End a pin: from now on rules move what is below it again."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import print_json, say

    bucket, prefix = parse_place(place)
    connect(endpoint, credentials).call("DELETE", "/pins", query={"bucket": bucket, "prefix": prefix})
    if as_json:
        print_json({"bucket": bucket, "prefix": prefix})
    else:
        say(f"{place} is no longer pinned")

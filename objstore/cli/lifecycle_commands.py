"""``objstore lifecycle``: rules of a bucket; what they would do, do, and have done."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint
from objstore.cli.problem import CommandError

app = typer.Typer(no_args_is_help=True, help="Lifecycle rules: put, get, dry-run, explain, status.")

Bucket = Annotated[str, typer.Argument(metavar="BUCKET")]
# What only our own rules have at their top; an AWS rule has none of it.
_EXTENDED = {
    "Days", "Hours", "LastAccessDays", "AccessCountLessThan", "TierFullPercent", "KeepLast", "StorageClass", "Expire",
}  # fmt: skip


@app.command()
def put(
    bucket: Bucket,
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON or XML; - reads standard input.")],
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Replace the rules of BUCKET.

    FILE is JSON as `aws s3api put-bucket-lifecycle-configuration` takes it, or S3's XML. JSON may hold our extended
    rules too, among "Rules" or by themselves as "ExtendedRules". Rules of a kind that FILE has none of stay.
    """
    from objstore.cli.admin_client import connect, segment
    from objstore.cli.output import print_json, say

    document = _read(file)
    client = connect(endpoint, credentials)
    path = f"/buckets/{segment(bucket)}/lifecycle"
    if document.lstrip().startswith(b"<"):
        client.put_xml(bucket, document)
        answer = client.call("GET", path)
    else:
        answer = client.call("PUT", path, body=parse_rules(document))
    if as_json:
        print_json(answer)
    else:
        say(f"{bucket}: {len(answer['Rules'])} rules, {len(answer['ExtendedRules'])} extended rules")


@app.command()
def get(
    bucket: Bucket, endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False
) -> None:
    """Show the rules of BUCKET; --json gives what `put` takes."""
    from objstore.cli.admin_client import connect, segment
    from objstore.cli.output import print_json, print_table

    answer = connect(endpoint, credentials).call("GET", f"/buckets/{segment(bucket)}/lifecycle")
    if as_json:
        print_json(answer)
        return
    rows = [(rule.pop("ID"), rule.pop("Status"), _filter(rule), _rest(rule)) for rule in answer["Rules"]]
    rows += [(rule.pop("ID"), rule.pop("Status"), _filter(rule), _rest(rule)) for rule in answer["ExtendedRules"]]
    print_table("", ("Rule", "Status", "Filter", "Does"), rows)


@app.command("dry-run")
def dry_run(
    bucket: Bucket,
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="Rules to try. [those of BUCKET]")] = None,
    days: Annotated[int, typer.Option(min=0, max=366, help="How many days ahead.")] = 30,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Count what rules would do now and in the next days. Nothing is changed."""
    from objstore.cli.admin_client import connect, segment
    from objstore.cli.output import number, print_json, print_table, say, size

    rules = None if file is None else parse_rules(_read(file))
    path = f"/buckets/{segment(bucket)}/lifecycle/dry-run"
    answer = connect(endpoint, credentials).call("POST", path, query={"days": days}, body=rules)
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            one["rule"],
            f"{one['action']} {one['of']}",
            one["storage_class"],
            number(one["now"]["objects"]),
            size(one["now"]["bytes"]),
            number(one["total"]["objects"]),
            size(one["total"]["bytes"]),
            _next_days(one["by_day"]),
            one["error"] or ("" if one["exact"] else "estimated"),
            ", ".join(sample["key"] for sample in one["samples"][:3]),
        )
        for one in answer["actions"]
    ]
    columns = ("Rule", "Action", "To", "#Due now", "#Bytes", f"#In {days} days", "#Bytes", "By day", "", "For instance")
    print_table("", columns, rows)
    if not rows:
        say("There are no rules.")


@app.command()
def explain(
    bucket: Bucket,
    key: Annotated[str, typer.Argument(metavar="KEY")],
    version_id: Annotated[str | None, typer.Option(metavar="ID", help="A version. [the latest]")] = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Say for every rule what it does with one object, when, and why not (yet)."""
    from objstore.cli.admin_client import connect, segment
    from objstore.cli.output import moment, print_json, print_table, say, size

    path = f"/buckets/{segment(bucket)}/lifecycle/explain"
    answer = connect(endpoint, credentials).call("GET", path, query={"key": key, "versionId": version_id})
    if as_json:
        print_json(answer)
        return
    version, following = answer["version"], answer["next"]
    kind = "delete marker" if version["is_delete_marker"] else f"{version['storage_class']} on {version['tier']}"
    say(f"{key} ({version['version_id']}): {kind}, {size(version['size'])}, modified {moment(version['modified'])} UTC")
    if following is None:
        say("Nothing will become of it.")
    else:
        to = f" to {following['storage_class'] or following['tier']}" if following["kind"] != "delete" else ""
        say(f"Next: {following['kind']}{to} by {following['rule'] or 'access'}, {moment(following['due'])} UTC")
    for task in answer["queued"]:
        failed = f", failed {task['attempts']} times: {task['last_error']}" if task["attempts"] else ""
        say(f"Queued for the engine since {moment(task['due'])} UTC{failed}")
    rows = [
        (one["rule"], one["state"], f"{one['action']} {one['storage_class'] or one['tier']}".strip(),
         moment(one["due"]), one["why"])
        for one in answer["rules"]
    ]  # fmt: skip
    print_table("", ("Rule", "State", "Action", "Due (UTC)", "Why"), rows)


@app.command()
def status(
    bucket: Annotated[str | None, typer.Argument(metavar="[BUCKET]")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until nothing waits.")] = False,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what waits, how late it is, and what was done: of BUCKET, or of all."""
    from objstore.cli.admin_client import connect, segment
    from objstore.cli.output import follow, number, print_json, print_table, size, span

    client = connect(endpoint, credentials)
    path = "/lifecycle/status" if bucket is None else f"/buckets/{segment(bucket)}/lifecycle/status"
    if wait:
        most = 0

        def look() -> tuple[int, int, bool]:
            nonlocal most
            backlog = client.call("GET", path)["backlog"]
            most = max(most, backlog)
            return most - backlog, most, backlog == 0

        follow("waiting", look)
    answer = client.call("GET", path)
    if as_json:
        print_json(answer)
        return
    summary = f"{number(answer['backlog'])} wait, the oldest for {span(answer['lag_seconds'])}"
    rows = [
        (
            *((one["rule"], one["action"]) if bucket else (one["bucket"],)),
            number(one["backlog"]),
            span(one["lag_seconds"]),
            number(one["objects"]),
            size(one["bytes"]),
            number(one["errors"]),
            *((one["last_error"],) if bucket else ()),
        )
        for one in answer["actions" if bucket else "buckets"]
    ]
    names = ("Rule", "Action") if bucket else ("Bucket",)
    columns = (*names, "#Waiting", "#Lag", "#Done", "#Bytes", "#Errors", *(("Last error",) if bucket else ()))
    print_table(summary, columns, rows)


def parse_rules(document: bytes) -> dict[str, Any]:
    """A body of the admin API from a file: AWS's form, or ours, or both. Raises CommandError."""
    if document.lstrip().startswith(b"<"):
        return _parse_xml(document)
    try:
        given = json.loads(document)
    except ValueError as error:
        raise CommandError(f"the rules are neither JSON nor XML: {error}") from None
    if isinstance(given, dict) and isinstance(given.get("LifecycleConfiguration"), dict):
        given = given["LifecycleConfiguration"]
    if isinstance(given, list):
        given = {"Rules": given}
    if not isinstance(given, dict) or not all(isinstance(rule, dict) for rule in given.get("Rules") or ()):
        raise CommandError('the rules are no lifecycle configuration: write {"Rules": […]}')
    rules = given.get("Rules") or []
    extended = [rule for rule in rules if _EXTENDED & rule.keys()]
    if extended:
        rest = [rule for rule in rules if not _EXTENDED & rule.keys()]
        given = {**given, "Rules": rest or None, "ExtendedRules": [*(given.get("ExtendedRules") or []), *extended]}
    return {name: value for name, value in given.items() if value is not None}


def _parse_xml(document: bytes) -> dict[str, Any]:
    from objstore.api.s3.xml_in import parse_input
    from objstore.model.errors import MalformedXML

    try:
        given = parse_input("PutBucketLifecycleConfiguration", document, strict=True)
    except MalformedXML:
        raise CommandError("the XML is no lifecycle configuration") from None
    return {"Rules": json.loads(json.dumps(given["Rules"], default=lambda moment: moment.isoformat()))}


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None


def _filter(rule: dict[str, Any]) -> str:
    """A rule's filter in one line, taken out of the rule."""
    fields = {"Prefix": rule.pop("Prefix", None), **rule.pop("Filter", {})}
    fields |= fields.pop("And", {})
    return " ".join(f"{name}={_bare(value)}" for name, value in fields.items() if value not in (None, "", {}, []))


def _rest(rule: dict[str, Any]) -> str:
    return " ".join(f"{name}={_bare(value)}" for name, value in rule.items() if value not in (None, False, []))


def _bare(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False).replace('"', "")


def _next_days(by_day: list[dict[str, int]]) -> str:
    """The first days on which something becomes due."""
    shown = [f"+{day['day']}: {day['objects']:,}" for day in by_day if day["day"]]
    return " ".join(shown[:5]) + (" …" if len(shown) > 5 else "")

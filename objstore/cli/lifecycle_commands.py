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
    from objstore.cli.output import count_of, print_json, say

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
        told = count_of(len(answer["Rules"]), "rule"), count_of(len(answer["ExtendedRules"]), "extended rule")
        say(f"{bucket}: {', '.join(told)}")


@app.command()
def get(
    bucket: Bucket, endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False
) -> None:
    """Show the rules of BUCKET; --json gives what `put` takes."""
    from objstore.cli.admin_client import connect, segment
    from objstore.cli.output import print_json, print_table, say
    from objstore.cli.rule_text import deeds, scope

    answer = connect(endpoint, credentials).call("GET", f"/buckets/{segment(bucket)}/lifecycle")
    if as_json:
        print_json(answer)
        return
    rules = [*answer["Rules"], *answer["ExtendedRules"]]
    if not rules:
        say(f"{bucket} has no rules.")
        return
    rows = [(rule["ID"], "" if rule["Status"] == "Enabled" else "off", scope(rule), deeds(rule)) for rule in rules]
    print_table("", ("Rule", "", "About", "Does"), rows)


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
    from objstore.cli.dry_run_table import show_dry_run
    from objstore.cli.output import print_json

    rules = None if file is None else parse_rules(_read(file))
    path = f"/buckets/{segment(bucket)}/lifecycle/dry-run"
    answer = connect(endpoint, credentials).call("POST", path, query={"days": days}, body=rules)
    if as_json:
        print_json(answer)
    else:
        show_dry_run(answer)


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
    from objstore.cli.rule_text import outcome

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
        kind = outcome(following["kind"], "", following["storage_class"], following["access_tier"], following["tier"])
        say(f"Next: {kind} by {following['rule'] or 'access'}, {moment(following['due'])} UTC")
    for task in answer["queued"]:
        failed = f", failed {task['attempts']} times: {task['last_error']}" if task["attempts"] else ""
        say(f"Queued for the engine since {moment(task['due'])} UTC{failed}")
    rows = []
    for one in answer["rules"]:
        does = (
            outcome(one["action"], "", one["storage_class"], one["access_tier"], one["tier"]) if one["action"] else ""
        )
        rows.append((one["rule"] or "(access)", one["state"], f"{does}: {one['why']}" if does else one["why"]))
    if rows:
        print_table("", ("Rule", "State", "What and why"), rows)


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
    from objstore.cli.output import follow, number, print_json, print_table, say, size, span

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
    summary = f"{number(answer['backlog'])} wait, the oldest has been due for {span(answer['lag_seconds'])}."
    say(summary if answer["backlog"] else "Nothing waits.")
    counted = merged(answer["actions"]) if bucket else [{**one, "names": (one["bucket"],)} for one in answer["buckets"]]
    rows = [
        (
            *one["names"],
            number(one["backlog"]),
            span(one["lag_seconds"]),
            number(one["objects"]),
            size(one["bytes"]),
            number(one["errors"]),
        )
        for one in counted
    ]
    names = ("Rule", "Does") if bucket else ("Bucket",)
    if rows:
        print_table("", (*names, "#Waiting", "#Lag", "#Done", "#Bytes", "#Errors"), rows)
    for one in counted:
        if one.get("last_error"):
            say(f"{' '.join(one['names'])}: last error: {one['last_error']}")


def merged(actions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What several walks of a rule do to one end counts as one; ``names``: the rule, and what it does."""
    from objstore.cli.rule_text import act

    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in actions:
        names = (one["rule"] or "(access)", act(one["action"]))
        known = found.setdefault(names, {"names": names, "backlog": 0, "lag_seconds": 0.0, "objects": 0, "bytes": 0,
                                         "errors": 0, "last_error": ""})  # fmt: skip
        for field in ("backlog", "objects", "bytes", "errors"):
            known[field] += one[field]
        known["lag_seconds"] = max(known["lag_seconds"], one["lag_seconds"])
        known["last_error"] = known["last_error"] or one["last_error"] or ""
    idle = ("(access)", "by access")  # every bucket has this one
    return [one for names, one in found.items() if names != idle or one["backlog"] or one["objects"]]


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

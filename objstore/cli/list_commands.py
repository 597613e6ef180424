"""``objstore ls``, ``du``, ``find`` and ``rm``: what is in the store. Names go out as they come, however many."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint
from objstore.cli.problem import CommandError

if TYPE_CHECKING:
    from objstore.cli.places import Remote
    from objstore.cli.trees import Entry

Where = Annotated[str, typer.Argument(metavar="s3://BUCKET/PREFIX")]
AsLines = Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")]
Versions = Annotated[bool, typer.Option("--versions", help="Every version and delete marker.")]


def ls(
    place: Annotated[str | None, typer.Argument(metavar="[s3://BUCKET/PREFIX]", help="[the buckets]")] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="All that is below, without folders.")] = False,
    versions: Versions = False,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsLines = False,
) -> None:
    """Show buckets, or what is below a prefix."""
    from objstore.cli.places import parse_remote
    from objstore.cli.s3_client import s3
    from objstore.cli.trees import remote_tree, remote_versions

    with s3(endpoint, credentials) as client:
        if place is None:
            _show_buckets(client, as_json)
            return
        where = parse_remote(place)
        if versions:
            found = remote_versions(client, where)
        elif recursive:
            found = remote_tree(client, where)
        else:
            found = _one_level(client, where)
        empty = True
        for entry in found:
            empty = False
            _print_json(where, entry) if as_json else _print_line(where, entry, versions)
        if empty:
            client.head_bucket(Bucket=where.bucket)
            if where.key:
                raise CommandError(f"nothing is below {where}")


def find(
    place: Where,
    name: Annotated[str | None, typer.Option(metavar="GLOB", help="The last part of the key.")] = None,
    path: Annotated[str | None, typer.Option(metavar="GLOB", help="All of the key behind the prefix.")] = None,
    larger: Annotated[str | None, typer.Option(metavar="SIZE", help="Than this, such as 100M.")] = None,
    smaller: Annotated[str | None, typer.Option(metavar="SIZE", help="Than this.")] = None,
    older: Annotated[str | None, typer.Option(metavar="AGE", help="Modified longer ago: 90m, 12h, 30d, 8w.")] = None,
    newer: Annotated[str | None, typer.Option(metavar="AGE", help="Modified since.")] = None,
    storage_class: Annotated[str | None, typer.Option(metavar="CLASS", help="Of this class.")] = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsLines = False,
) -> None:
    """Print what is below a prefix and as described, one s3://BUCKET/KEY a line. Exit code 1: nothing is."""
    from objstore.cli.places import parse_remote, shown
    from objstore.cli.s3_client import s3
    from objstore.cli.trees import remote_tree

    where = parse_remote(place)
    is_meant = _filter(name, path, larger, smaller, older, newer, storage_class)
    any_ = False
    with s3(endpoint, credentials) as client:
        for entry in remote_tree(client, where):
            if is_meant(entry):
                any_ = True
                _print_json(where, entry) if as_json else print(shown(f"{where}{entry.name}"))
    if not any_:
        raise typer.Exit(1)


def du(
    place: Where,
    depth: Annotated[int, typer.Option(min=0, max=32, help="Folders below the prefix that are told apart.")] = 1,
    versions: Versions = False,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Sum up objects and bytes by folder."""
    from objstore.cli.output import number, print_json, print_table, size
    from objstore.cli.places import parse_remote, shown
    from objstore.cli.s3_client import s3
    from objstore.cli.trees import remote_tree, remote_versions

    where = parse_remote(place)
    sums: dict[str, list[int]] = {}
    with s3(endpoint, credentials) as client:
        for entry in remote_versions(client, where) if versions else remote_tree(client, where):
            folders = entry.name.split("/")[:-1][:depth]
            counted = sums.setdefault("".join(f"{one}/" for one in folders), [0, 0])
            counted[0] += 1
            counted[1] += entry.size
            if len(sums) > FOLDERS_MAX:
                raise CommandError(f"more than {FOLDERS_MAX} folders: choose a smaller --depth, or a longer prefix")
        if not sums:
            client.head_bucket(Bucket=where.bucket)
    total = [sum(one[i] for one in sums.values()) for i in (0, 1)]
    if as_json:
        folders_ = [{"folder": name, "objects": one[0], "bytes": one[1]} for name, one in sums.items()]
        print_json({"place": str(where), "objects": total[0], "bytes": total[1], "folders": folders_})
        return
    rows = (
        [(shown(f"{where}{name}"), number(one[0]), size(one[1])) for name, one in sorted(sums.items())] if depth else []
    )
    print_table("", ("Folder", "#Objects", "#Bytes"), [*rows, ("Together", number(total[0]), size(total[1]))])


FOLDERS_MAX = 100_000


def rm(
    places: Annotated[list[str], typer.Argument(metavar="s3://BUCKET/KEY…")],
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="All that is below, too.")] = False,
    versions: Annotated[
        bool, typer.Option("--versions", help="Every version and delete marker: they are gone for good.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a whole bucket is emptied.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted, and do nothing.")] = False,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Delete objects, a thousand at a time. In a bucket with versions they can be brought back, unless --versions."""
    from objstore.cli.places import parse_remote
    from objstore.cli.s3_client import s3
    from objstore.cli.transfers import Manner, transferring

    found = [parse_remote(one) for one in places]
    for where in found:
        if not recursive and (not where.key or where.key.endswith("/")):
            raise CommandError(f"{where} names no object: say --recursive for all that is below it")
        if recursive and not where.key and not yes and not dry_run:
            _ask(f"Delete everything in {where}?")
    with (
        s3(endpoint, credentials) as client,
        transferring(client, "deleted", Manner(parallel=4, dry_run=dry_run)) as (transfers, report),
    ):
        for where in found:
            for key, version_id in _doomed(client, where, recursive, versions):
                transfers.delete(where.bucket, key, version_id)
    code = report.tell(as_json, dry_run=dry_run)
    if code:
        raise typer.Exit(code)


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise CommandError("say --yes to empty a whole bucket")
    typer.confirm(question, abort=True)


def _doomed(client: Any, where: "Remote", recursive: bool, versions: bool) -> Iterator[tuple[str, str]]:
    from objstore.cli.trees import remote_tree, remote_versions

    if versions:
        for entry in remote_versions(client, where):
            if recursive or not entry.name:
                yield where.key + entry.name, entry.version_id
    elif recursive:
        for entry in remote_tree(client, where):
            yield where.key + entry.name, ""
    else:
        client.head_bucket(Bucket=where.bucket)
        yield where.key, ""


def _one_level(client: Any, where: "Remote") -> Iterator["Entry"]:
    """Objects and folders (a size of -1) right below a prefix."""
    from objstore.cli.trees import Entry

    never = datetime.fromtimestamp(0, UTC)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=where.bucket, Prefix=where.key, Delimiter="/")
    for page in pages:
        found = [
            Entry(
                one["Key"].removeprefix(where.key), one["Size"], one["LastModified"], one["ETag"], one["StorageClass"]
            )
            for one in page.get("Contents", ())
        ]
        found += [Entry(one["Prefix"].removeprefix(where.key), -1, never) for one in page.get("CommonPrefixes", ())]
        yield from sorted(found, key=lambda one: one.name)


def _show_buckets(client: Any, as_json: bool) -> None:
    from objstore.cli.output import say

    buckets = client.list_buckets()["Buckets"]
    for one in buckets:
        if as_json:
            print(json.dumps({"bucket": one["Name"], "created": one["CreationDate"].isoformat()}))
        else:
            print(f"{one['CreationDate'].astimezone(UTC):%Y-%m-%d %H:%M:%S}  s3://{one['Name']}")
    if not buckets and not as_json:
        say("There are no buckets: `objstore bucket create NAME` makes one.")


def _print_line(where: "Remote", entry: "Entry", versions: bool) -> None:
    from objstore.cli.output import size
    from objstore.cli.places import shown

    # Without a name of its own it is the prefix itself.
    name = shown(entry.name or where.key.rpartition("/")[2] or where.key)
    if where.key and not where.key.endswith("/"):
        name = shown(where.key.rpartition("/")[2] + entry.name)
    if entry.size < 0:
        print(f"{'':19}  {'folder':>10}  {name}")
        return
    about = "deleted" if entry.is_marker else size(entry.size)
    version = f"  {entry.version_id}{'' if entry.is_latest else ' (old)'}" if versions else ""
    kind = "" if entry.storage_class in ("STANDARD", "") else f"  {entry.storage_class}"
    print(f"{entry.modified.astimezone(UTC):%Y-%m-%d %H:%M:%S}  {about:>10}  {name}{kind}{version}")


def _print_json(where: "Remote", entry: "Entry") -> None:
    if entry.size < 0:
        print(json.dumps({"folder": where.key + entry.name}, ensure_ascii=False))
        return
    about: dict[str, Any] = {"key": where.key + entry.name, "size": entry.size, "modified": entry.modified.isoformat(),
             "etag": entry.etag.strip('"'), "storage_class": entry.storage_class}  # fmt: skip
    if entry.version_id:
        about |= {"version_id": entry.version_id, "is_latest": entry.is_latest, "is_delete_marker": entry.is_marker}
    print(json.dumps(about, ensure_ascii=False))


def _filter(
    name: str | None, path: str | None, larger: str | None, smaller: str | None, older: str | None, newer: str | None,
    storage_class: str | None,
) -> Callable[["Entry"], bool]:  # fmt: skip
    from fnmatch import fnmatchcase

    from objstore.cli.ages import parse_age
    from objstore.cli.warm_commands import parse_size

    least = parse_size(larger) if larger else None
    most = parse_size(smaller) if smaller else None
    now = datetime.now(UTC)
    until, since = (None if age is None else now - parse_age(age) for age in (older, newer))

    def is_meant(entry: "Entry") -> bool:
        return (
            (name is None or fnmatchcase(entry.name.rpartition("/")[2], name))
            and (path is None or fnmatchcase(entry.name, path))
            and (least is None or entry.size > least)
            and (most is None or entry.size < most)
            and (until is None or entry.modified < until)
            and (since is None or entry.modified > since)
            and (storage_class is None or entry.storage_class == storage_class)
        )

    return is_meant

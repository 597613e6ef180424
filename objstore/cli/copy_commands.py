"""``objstore cp`` and ``objstore mirror``: between files and objects."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint
from objstore.cli.problem import CommandError

if TYPE_CHECKING:
    from objstore.cli.places import Place, Remote
    from objstore.cli.transfers import Manner, Transfers
    from objstore.cli.trees import Entry

Include = Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Only names like this, repeatable.")]
Exclude = Annotated[list[str] | None, typer.Option(metavar="GLOB", help="No names like this, repeatable.")]
Parallel = Annotated[int, typer.Option(min=1, max=256, help="Files, and parts of large ones, at a time.")]
PartSize = Annotated[str, typer.Option(metavar="SIZE", help="Of parts; twice as large files go in parts.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
StorageClass = Annotated[str | None, typer.Option(metavar="CLASS", help="Of what is stored.")]
FromEndpoint = Annotated[
    str | None, typer.Option("--from-endpoint", metavar="URL", help="The server that SOURCE is on, if another.")
]
FromProfile = Annotated[
    str | None,
    typer.Option("--from-profile", metavar="NAME", help="awscli's profile for SOURCE: endpoint, region, keys."),
]
FromCredentials = Annotated[
    Path | None,
    typer.Option(
        "--from-credentials", metavar="FILE", help="Keys for SOURCE. [OBJSTORE_FROM_ACCESS_KEY and _SECRET_KEY]"
    ),
]
PIPE = "-"
BETWEEN_SERVERS = "--from-endpoint is for s3:// on both sides; for files --endpoint names the server"
PART_BYTES_MIN = 5 * 2**20


def cp(
    paths: Annotated[
        list[str], typer.Argument(metavar="SOURCE… TARGET", help="Files or s3://BUCKET/KEY; - is a pipe.")
    ],
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="All below SOURCE, too.")] = False,
    include: Include = None,
    exclude: Exclude = None,
    storage_class: StorageClass = None,
    dry_run: DryRun = False,
    parallel: Parallel = 8,
    part_size: PartSize = "16M",
    from_endpoint: FromEndpoint = None,
    from_profile: FromProfile = None,
    from_credentials: FromCredentials = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy files to the store, objects to files, objects within the store, or from another one (--from-endpoint).

    Large ones go in parts; run the same command again after an interruption, and it goes on where it was. Every byte is
    checked against a checksum (CRC-64/NVME). A file appears at its place only when it is whole.
    """
    from objstore.cli.places import Remote, parse
    from objstore.cli.s3_client import at_source, s3, s3_source
    from objstore.cli.transfers import transferring

    if len(paths) < 2:
        raise CommandError("name what to copy, and where to: objstore cp SOURCE TARGET")
    sources, target = paths[:-1], parse(paths[-1]) if paths[-1] != PIPE else PIPE
    if PIPE not in paths and not any(isinstance(parse(one), Remote) for one in paths):
        raise CommandError("all of these are files: write s3://BUCKET/KEY for what is in the store")
    manner = _manner(parallel, part_size, dry_run, storage_class)
    origin = s3_source(from_endpoint, from_profile, from_credentials, parallel * 2)
    if origin is not None and not all(one != PIPE and isinstance(parse(one), Remote) for one in paths):
        raise CommandError(BETWEEN_SERVERS)
    with s3(endpoint, credentials, parallel * 2) as client:
        if target == PIPE:
            _to_pipe(client, sources)
            return
        assert not isinstance(target, str)
        with transferring(client, "copied", manner, origin) as (transfers, report):
            wanted, several, at = _wanted(include, exclude), len(sources) > 1, origin or client
            for source in sources:
                if source == PIPE:
                    _from_pipe(transfers, target)
                    continue
                with at_source() if origin is not None else contextlib.nullcontext():
                    _copy(at, transfers, report, parse(source), target, recursive, wanted, several)
    code = report.tell(as_json, dry_run=dry_run)
    if code:
        raise typer.Exit(code)


def mirror(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A directory, or s3://BUCKET/PREFIX.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="The same.")],
    delete: Annotated[bool, typer.Option("--delete", help="Delete in TARGET what is not in SOURCE.")] = False,
    checksum: Annotated[
        bool, typer.Option("--checksum", help="Compare checksums, not size and time: reads every file.")
    ] = False,
    include: Include = None,
    exclude: Exclude = None,
    storage_class: StorageClass = None,
    dry_run: DryRun = False,
    parallel: Parallel = 8,
    part_size: PartSize = "16M",
    from_endpoint: FromEndpoint = None,
    from_profile: FromProfile = None,
    from_credentials: FromCredentials = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Make TARGET have what SOURCE has: what is new, of another size, or newer there is copied.

    With --from-endpoint SOURCE is on another server, of whatever kind.
    With --delete what is not in SOURCE is deleted from TARGET; what --include and --exclude leave out is not touched.
    """
    from objstore.cli.mirroring import mirror_trees
    from objstore.cli.places import Remote, parse
    from objstore.cli.s3_client import s3, s3_source
    from objstore.cli.transfers import transferring

    places = [_folder(parse(one)) for one in (source, target)]
    if not any(isinstance(one, Remote) for one in places):
        raise CommandError("both are directories: write s3://BUCKET/PREFIX for what is in the store")
    manner = _manner(parallel, part_size, dry_run, storage_class)
    origin = s3_source(from_endpoint, from_profile, from_credentials, parallel * 2)
    if origin is not None and not all(isinstance(one, Remote) for one in places):
        raise CommandError(BETWEEN_SERVERS)
    with (
        s3(endpoint, credentials, parallel * 2) as client,
        transferring(client, "mirrored", manner, origin) as (transfers, report),
    ):
        mirror_trees(client, transfers, report, places[0], places[1], delete=delete, checksum=checksum,
                     dry_run=dry_run, wanted=_wanted(include, exclude), origin=origin)  # fmt: skip
    code = report.tell(as_json, dry_run=dry_run)
    if code:
        raise typer.Exit(code)


def _manner(parallel: int, part_size: str, dry_run: bool, storage_class: str | None) -> "Manner":
    from objstore.cli.transfers import Manner
    from objstore.cli.warm_commands import parse_size

    part_bytes = parse_size(part_size)
    if part_bytes < PART_BYTES_MIN:
        raise CommandError("--part-size: parts have at least 5M")
    return Manner(parallel, part_bytes, dry_run, {"StorageClass": storage_class} if storage_class else {})


def _wanted(include: list[str] | None, exclude: list[str] | None) -> Callable[[str], bool]:
    from objstore.cli.trees import matcher

    return matcher(include or [], exclude or [])


def _folder(place: "Place") -> "Place":
    return place if isinstance(place, Path) else place.folder()


def _copy(
    client: Any, transfers: "Transfers", report: Any, source: "Place", target: "Place", recursive: bool,
    wanted: Callable[[str], bool], several: bool,
) -> None:  # fmt: skip
    """One source."""
    from objstore.cli.mirroring import send
    from objstore.cli.trees import local_tree, remote_tree

    if isinstance(source, Path):
        if source.is_dir():
            if not recursive:
                raise CommandError(f"{source} is a directory: say --recursive for all that is below it")
            entries: Iterator[Entry] = local_tree(source, report.leave_out)
        else:
            _copy_one(client, transfers, source, target, several)
            return
    elif recursive:
        source = source.folder()
        entries = remote_tree(client, source)
    else:
        _copy_one(client, transfers, source, target, several)
        return
    target = _folder(target)
    for entry in entries:
        if wanted(entry.name):
            send(transfers, report, source, target, entry)


def _copy_one(client: Any, transfers: "Transfers", source: "Place", target: "Place", several: bool) -> None:
    from objstore.cli.places import Remote

    name = (source.name if isinstance(source, Path) else source.key.rpartition("/")[2]) or ""
    if isinstance(target, Remote):
        to: Place = Remote(target.bucket, target.key + name) if not target.key or target.key.endswith("/") else target
        if several and to == target:
            raise CommandError(f"several sources go below a prefix: write {target}/")
    else:
        to = target / name if target.is_dir() else target
        if several and to == target:
            raise CommandError(f"several sources go into a directory: there is none at {target}")
    if isinstance(source, Path):
        if not source.is_file():
            raise CommandError(f"{source}: there is no such file")
        assert isinstance(to, Remote)
        transfers.upload(source, source.stat().st_size, to)
        return
    entry = _entry_of(client, source)
    if isinstance(to, Remote):
        transfers.copy(source, entry, to)
    else:
        transfers.download(source, entry, to)


def _entry_of(client: Any, place: "Remote") -> "Entry":
    from objstore.cli.trees import Entry

    if not place.key or place.key.endswith("/"):
        raise CommandError(f"{place} names no object: say --recursive for all that is below it")
    about = client.head_object(Bucket=place.bucket, Key=place.key)
    return Entry(place.key, about["ContentLength"], about["LastModified"], about.get("ETag", ""))


def _to_pipe(client: Any, sources: list[str]) -> None:
    from objstore.cli.places import parse_remote

    for source in sources:
        place = parse_remote(source)
        body = client.get_object(Bucket=place.bucket, Key=place.key, ChecksumMode="ENABLED")["Body"]
        for chunk in body.iter_chunks(2**20):
            sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def _from_pipe(transfers: "Transfers", target: "Place") -> None:
    from objstore.cli.places import Remote

    if not isinstance(target, Remote) or not target.key or target.key.endswith("/"):
        raise CommandError("what comes from a pipe needs a key: objstore cp - s3://BUCKET/KEY")
    transfers.upload_stream(sys.stdin.buffer, target)

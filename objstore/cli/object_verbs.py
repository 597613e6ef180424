"""``objstore object stat``, ``tags``, ``share`` and ``restore``: over S3, with the rights of whoever asks."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint
from objstore.cli.problem import CommandError
from objstore.cli.telling import tell

if TYPE_CHECKING:
    from objstore.cli.places import Remote

Place = Annotated[str, typer.Argument(metavar="s3://BUCKET/KEY")]
VersionId = Annotated[str | None, typer.Option(metavar="ID", help="A version. [the latest]")]
SHARE_SECONDS_MAX = 7 * 86400  # of Signature Version 4
# What HEAD says, in the order that it is shown.
FIELDS = {
    "size": "ContentLength", "modified": "LastModified", "etag": "ETag", "version_id": "VersionId",
    "content_type": "ContentType", "content_encoding": "ContentEncoding", "cache_control": "CacheControl",
    "storage_class": "StorageClass", "restore": "Restore", "checksum_crc64nvme": "ChecksumCRC64NVME",
    "checksum_crc32c": "ChecksumCRC32C", "checksum_crc32": "ChecksumCRC32", "checksum_sha1": "ChecksumSHA1",
    "checksum_sha256": "ChecksumSHA256", "checksum_type": "ChecksumType", "encryption": "ServerSideEncryption",
    "lock_mode": "ObjectLockMode", "locked_until": "ObjectLockRetainUntilDate",
    "legal_hold": "ObjectLockLegalHoldStatus", "expiration": "Expiration",
}  # fmt: skip


def stat(
    place: Place,
    version_id: VersionId = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what a server says of an object: size, type, class, checksums, metadata, tags, lock, restore."""
    from objstore.cli.output import print_json, say
    from objstore.cli.places import shown
    from objstore.cli.s3_client import s3

    where, named = named_object(place, version_id)
    with s3(endpoint, credentials) as client:
        about = client.head_object(**named, ChecksumMode="ENABLED")
        tags = client.get_object_tagging(**named)["TagSet"]
    about = {"StorageClass": "STANDARD", **about, "ETag": about["ETag"].strip('"')}
    found = {name: _plain(about[field]) for name, field in FIELDS.items() if about.get(field) is not None}
    found |= {"metadata": about["Metadata"], "tags": {one["Key"]: one["Value"] for one in tags}}
    if as_json:
        print_json({"bucket": where.bucket, "key": where.key, **found})
        return
    say(shown(str(where)))
    for name, value in found.items():
        pairs = " ".join(f"{one}={other}" for one, other in value.items()) if isinstance(value, dict) else str(value)
        if pairs:
            say(f"  {name.replace('_', ' ')}: {shown(pairs)}")


def tags(
    place: Place,
    pairs: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE…]", help="All of them. [show them]")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Take them away.")] = False,
    version_id: VersionId = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show, set or take away the tags of an object."""
    from objstore.cli.places import shown
    from objstore.cli.s3_client import s3

    where, named = named_object(place, version_id)
    if delete and pairs:
        raise CommandError("--delete takes all tags away: name none")
    given = [pair.partition("=") for pair in pairs or ()]
    for one, equals, _ in given:
        if not equals:
            raise CommandError(f"{one!r}: write NAME=VALUE")
    with s3(endpoint, credentials) as client:
        if delete:
            client.delete_object_tagging(**named)
        elif given:
            tagging = {"TagSet": [{"Key": one, "Value": value} for one, _, value in given]}
            client.put_object_tagging(**named, Tagging=tagging)
        found = {one["Key"]: one["Value"] for one in client.get_object_tagging(**named)["TagSet"]}
    lines = [shown(f"{one}={value}") for one, value in found.items()]
    answer = {"bucket": where.bucket, "key": where.key, "tags": found}
    tell(as_json, answer, "\n".join(lines) or shown(f"{where} has no tags"))


def share(
    place: Place,
    lasting: Annotated[str, typer.Option("--for", metavar="AGE", help="How long it can be used; 7d at most.")] = "1h",
    put: Annotated[bool, typer.Option("--put", help="To upload, not to download.")] = False,
    version_id: VersionId = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Print a link with which anybody can download an object, or upload one; it may what its maker may.

    The server is not asked: whether there is such an object is seen when the link is used.
    """
    from objstore.cli.ages import parse_age
    from objstore.cli.output import print_json
    from objstore.cli.s3_client import s3

    where, named = named_object(place, version_id)
    seconds = int(parse_age(lasting).total_seconds())
    if not 0 < seconds <= SHARE_SECONDS_MAX:
        raise CommandError("--for: at least 1s, at most 7d")
    if put and version_id is not None:
        raise CommandError("--put makes a version: it cannot be named")
    with s3(endpoint, credentials) as client:
        verb = "put_object" if put else "get_object"
        url = client.generate_presigned_url(verb, Params=named, ExpiresIn=seconds)
    if as_json:
        print_json({"bucket": where.bucket, "key": where.key, "method": "PUT" if put else "GET", "seconds": seconds,
                    "url": url})  # fmt: skip
    else:
        print(url)  # in one line, however long


def restore(
    place: Place,
    days: Annotated[int, typer.Option(min=1, help="How long the copy stays.")] = 7,
    version_id: VersionId = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Bring an archived object back for some days; `object stat` says how far it is, `warm` does it for many."""
    from objstore.cli.places import shown
    from objstore.cli.s3_client import s3

    where, named = named_object(place, version_id)
    with s3(endpoint, credentials) as client:
        client.restore_object(**named, RestoreRequest={"Days": days})
        state = client.head_object(**named).get("Restore", "")
    answer = {"bucket": where.bucket, "key": where.key, "days": days, "restore": state}
    tell(as_json, answer, shown(f"{where}: {state}"))


def named_object(place: str, version_id: str | None = None) -> "tuple[Remote, dict[str, str]]":
    """Where it is, and what requests call it. Raises CommandError."""
    from objstore.cli.places import parse_remote

    where = parse_remote(place)
    if not where.key:
        raise CommandError(f"{place!r} names no object: write s3://BUCKET/KEY")
    version = {} if version_id is None else {"VersionId": version_id}
    return where, {"Bucket": where.bucket, "Key": where.key, **version}


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value

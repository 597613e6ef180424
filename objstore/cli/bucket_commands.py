"""``objstore bucket``: buckets and their settings. A setting is shown without a value, and changed with one."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint
from objstore.cli.problem import CommandError
from objstore.cli.telling import tell

app = typer.Typer(
    no_args_is_help=True,
    help="Buckets: create, ls, rm; versioning, policy, tags, cors, encryption.",
)
Name = Annotated[str, typer.Argument(metavar="BUCKET")]
File = Annotated[str | None, typer.Argument(metavar="[FILE]", help="JSON to set; - reads standard input. [show it]")]
Delete = Annotated[bool, typer.Option("--delete", help="Take it away.")]


@app.command()
def create(
    bucket: Name,
    versioning: Annotated[bool, typer.Option("--versioning", help="Keep what is overwritten or deleted.")] = False,
    lock: Annotated[bool, typer.Option("--lock", help="With Object Lock, and so with versions.")] = False,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a bucket."""
    from objstore.cli.s3_client import s3

    with s3(endpoint, credentials) as client:
        region = client.meta.region_name
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=lock, **place)
        if versioning and not lock:
            client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    tell(as_json, {"bucket": bucket, "versioning": versioning or lock, "lock": lock}, f"s3://{bucket} is there")


@app.command()
def ls(endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False) -> None:
    """Show the buckets; with root credentials, with their objects and bytes."""
    from objstore.cli.output import moment, number, print_json, print_table, size

    buckets, counted = _buckets(endpoint, credentials)
    if as_json:
        print_json({"buckets": buckets})
        return
    if not buckets:
        tell(False, {}, "There are no buckets: `objstore bucket create NAME` makes one.")
        return
    figures = ("#Objects", "#Bytes") if counted else ()
    rows = [
        (one["name"], moment(one["created"]), *((number(one["objects"]), size(one["bytes"])) if counted else ()))
        for one in buckets
    ]
    print_table("", ("Bucket", "Created (UTC)", *figures), rows)


@app.command()
def rm(bucket: Name, endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False) -> None:
    """Remove an empty bucket; `objstore rm --recursive s3://BUCKET/` empties it."""
    from objstore.cli.s3_client import s3

    with s3(endpoint, credentials) as client:
        client.delete_bucket(Bucket=bucket)
    tell(as_json, {"bucket": bucket}, f"s3://{bucket} is gone")


@app.command()
def versioning(
    bucket: Name,
    state: Annotated[str | None, typer.Argument(metavar="[on|off]", help="off keeps the versions there are.")] = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show or say whether what is overwritten or deleted is kept."""
    from objstore.cli.s3_client import s3

    wanted = {None: None, "on": "Enabled", "off": "Suspended"}
    if state not in wanted:
        raise CommandError(f"{state!r}: write on or off")
    with s3(endpoint, credentials) as client:
        if wanted[state]:
            client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": wanted[state]})
        found = client.get_bucket_versioning(Bucket=bucket).get("Status", "Off")
    tell(as_json, {"bucket": bucket, "versioning": found.lower()}, f"{bucket}: versioning is {found.lower()}")


@app.command()
def policy(
    bucket: Name,
    file: File = None,
    delete: Delete = False,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show, set or take away who may do what."""
    from objstore.cli.s3_client import s3

    with s3(endpoint, credentials) as client:
        if delete:
            client.delete_bucket_policy(Bucket=bucket)
        elif file is not None:
            client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(_json(file)))
        found = _unless(
            client, "NoSuchBucketPolicy", lambda: json.loads(client.get_bucket_policy(Bucket=bucket)["Policy"])
        )
    _show(as_json, bucket, "policy", found)


@app.command()
def cors(
    bucket: Name,
    file: File = None,
    delete: Delete = False,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show, set or take away which web pages may ask; FILE is as `aws s3api put-bucket-cors` takes it."""
    from objstore.cli.s3_client import s3

    with s3(endpoint, credentials) as client:
        if delete:
            client.delete_bucket_cors(Bucket=bucket)
        elif file is not None:
            given = _json(file)
            rules = given.get("CORSRules") if isinstance(given, dict) else given
            client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
        found = _unless(client, "NoSuchCORSConfiguration", lambda: client.get_bucket_cors(Bucket=bucket)["CORSRules"])
    _show(as_json, bucket, "cors", found)


@app.command()
def tags(
    bucket: Name,
    pairs: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE…]", help="All of them. [show them]")] = None,
    delete: Delete = False,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show, set or take away tags."""
    from objstore.cli.s3_client import s3

    for pair in pairs or ():
        if "=" not in pair:
            raise CommandError(f"{pair!r}: write NAME=VALUE")
    with s3(endpoint, credentials) as client:
        if delete:
            client.delete_bucket_tagging(Bucket=bucket)
        elif pairs:
            given = [{"Key": pair.partition("=")[0], "Value": pair.partition("=")[2]} for pair in pairs]
            client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": given})
        found = _unless(client, "NoSuchTagSet", lambda: client.get_bucket_tagging(Bucket=bucket)["TagSet"]) or []
    _show(as_json, bucket, "tags", {one["Key"]: one["Value"] for one in found} or None)


@app.command()
def encryption(
    bucket: Name,
    algorithm: Annotated[
        str | None, typer.Argument(metavar="[AES256|aws:kms]", help="Of what says nothing else. [show it]")
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="ID", help="Key of aws:kms. [the server's default]")] = None,
    delete: Delete = False,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show, set or take away how new objects are encrypted."""
    from objstore.cli.s3_client import s3

    missing = "ServerSideEncryptionConfigurationNotFoundError"
    with s3(endpoint, credentials) as client:
        if delete:
            client.delete_bucket_encryption(Bucket=bucket)
        elif algorithm is not None:
            default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key} if key else {})
            rule = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
            client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rule)
        found = _unless(client, missing, lambda: client.get_bucket_encryption(Bucket=bucket))
    rules = found["ServerSideEncryptionConfiguration"]["Rules"] if found else None
    _show(as_json, bucket, "encryption", rules and rules[0].get("ApplyServerSideEncryptionByDefault"))


def _buckets(endpoint: str | None, credentials: Path | None) -> tuple[list[dict[str, Any]], bool]:
    """Buckets, and whether they come with figures: those are the admin API's, which asks for root credentials."""
    from objstore.cli.admin_client import connect
    from objstore.cli.s3_client import s3
    from objstore.client.errors import ApiError

    found: list[dict[str, Any]] = []
    try:
        client = connect(endpoint, credentials)
        page = client.call("GET", "/buckets")
        while page["next"] is not None:
            found += page["buckets"]
            page = client.call("GET", "/buckets", query={"after": page["next"]})
        return found + page["buckets"], True
    except ApiError:
        with s3(endpoint, credentials) as client:
            pages = client.get_paginator("list_buckets").paginate()
            return [
                {"name": one["Name"], "created": one["CreationDate"].isoformat()}
                for page in pages
                for one in page["Buckets"]
            ], False


def _unless(client: Any, code: str, ask: Any) -> Any:
    """What ``ask`` gives; None where the server says that it is not set."""
    try:
        return ask()
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
        return None


def _json(file: str) -> Any:
    try:
        return json.loads(sys.stdin.read() if file == "-" else Path(file).read_text())
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise CommandError(f"{file} is no JSON: {error}") from None


def _show(as_json: bool, bucket: str, name: str, found: Any) -> None:
    from objstore.cli.output import print_json

    if as_json or found is not None:
        print_json({"bucket": bucket, name: found} if as_json else found)
    else:
        tell(False, {}, f"{bucket}: no {name} is set")

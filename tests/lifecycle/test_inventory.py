"""Inventories: what they list, how it is laid out, when it is a configuration's turn, and who may get one."""

import base64
import csv
import gzip
import hashlib
import io
from datetime import timedelta
from typing import Any

import botocore.session
import orjson
import pyarrow.parquet
import pytest
from pyarrow import orc

from objstore.lifecycle import inventory
from objstore.lifecycle.inventory import Inventory
from objstore.lifecycle.inventory_rows import FIELDS as FIELDS_KNOWN
from objstore.lifecycle.inventory_rows import REFUSED
from objstore.meta.inventories import RUNS, Inventories
from objstore.model import days
from objstore.model.lifecycle import Expiration, Filter, NoncurrentExpiration, Rule
from objstore.model.requests import DeleteRequest, ListRequest
from tests.lifecycle.world import World

FIELDS = ["Size", "LastModifiedDate", "StorageClass", "ETag", "IsMultipartUploaded", "EncryptionStatus", "ObjectOwner"]


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "FILE_ROWS", 4)
    monkeypatch.setattr(inventory, "PAGE", 2)


@pytest.fixture
def lists(world: World) -> Inventory:
    return Inventory(world.place.store, Inventories(world.place.database))


async def want(world: World, format_: str = "CSV", versions: str = "Current", **more: Any) -> str:
    """Put a configuration and make its target; the target's name."""
    target = f"{world.bucket}-lists"
    owner = (await world.place.store.get_bucket(world.bucket)).owner
    await world.place.store.create_bucket(target, more.pop("owner", owner), "us-east-1")
    place = {"Bucket": f"arn:aws:s3:::{target}", "Format": format_, "Prefix": "to/", **more.pop("place", {})}
    wanted = {
        "Id": "all",
        "IsEnabled": True,
        "IncludedObjectVersions": versions,
        "Schedule": {"Frequency": "Daily"},
        "OptionalFields": FIELDS,
        "Destination": {"S3BucketDestination": place},
        **more,
    }
    await world.place.store.set_setting(world.bucket, "inventory", {"all": wanted})
    return target


async def delivered(world: World, target: str) -> dict[str, bytes]:
    """All objects of the target by key."""
    page = await world.place.store.list(ListRequest(target))
    found = {}
    for listed in page.versions:
        version = await world.place.store.get(target, listed.key)
        found[listed.key.decode()] = await world.place.read(version)
    return found


def manifest_of(found: dict[str, bytes]) -> dict[str, Any]:
    (key,) = [key for key in found if key.endswith("/manifest.json")]
    digest = found[key.replace(".json", ".checksum")]
    assert digest.decode() == hashlib.md5(found[key]).hexdigest()
    manifest: dict[str, Any] = orjson.loads(found[key])
    for one in manifest["files"]:
        assert one["size"] == len(found[one["key"]])
        assert one["MD5checksum"] == hashlib.md5(found[one["key"]]).hexdigest()
    return manifest


def rows_of(found: dict[str, bytes], manifest: dict[str, Any]) -> list[dict[str, str]]:
    names = manifest["fileSchema"].split(", ")
    rows = []
    for one in manifest["files"]:
        text = gzip.decompress(found[one["key"]]).decode()
        rows += [dict(zip(names, row, strict=True)) for row in csv.reader(io.StringIO(text))]
    return rows


async def test_csv_of_what_is_current(world: World, lists: Inventory) -> None:
    keys = [b"a", b"b c", b"d/\xc3\xa4", b'e"=cmd()', b"f", b"g"]
    await world.put(*keys, size=10)
    target = await want(world)
    assert await lists.step() == 1
    found = await delivered(world, target)
    manifest = manifest_of(found)
    assert manifest["sourceBucket"] == world.bucket
    assert manifest["fileFormat"] == "CSV"
    assert len(manifest["files"]) == 2
    assert all(key.startswith(f"to/{world.bucket}/all/") for key in found)
    rows = rows_of(found, manifest)
    assert [row["Key"] for row in rows] == ["a", "b%20c", "d/%C3%A4", "e%22%3Dcmd%28%29", "f", "g"]
    assert {row["Size"] for row in rows} == {"10"}
    assert {row["EncryptionStatus"] for row in rows} == {"NOT-SSE"}
    assert {row["IsMultipartUploaded"] for row in rows} == {"false"}
    version = await world.place.store.get(world.bucket, b"a")
    assert rows[0]["ETag"] == version.etag.hex()
    assert rows[0]["LastModifiedDate"].startswith(version.modified.strftime("%Y-%m-%dT%H:%M"))
    (links,) = [content for key, content in found.items() if key.endswith("symlink.txt")]
    assert links.decode().split("\n") == [f"s3://{target}/{one['key']}" for one in manifest["files"]]


@pytest.mark.parametrize("format_", ["CSV", "Parquet", "ORC"])
async def test_all_versions(world: World, lists: Inventory, format_: str) -> None:
    await world.versioning("Enabled")
    for _ in range(3):
        await world.put(b"k", size=10)
    await world.place.store.delete(world.bucket, DeleteRequest(b"k"))
    await world.put(b"other", size=20)
    target = await want(world, format_, "All", Filter={"Prefix": "k"})
    assert await lists.step() == 1
    found = await delivered(world, target)
    manifest = manifest_of(found)
    if format_ == "CSV":
        rows = rows_of(found, manifest)
        kinds = [(row["IsLatest"], row["IsDeleteMarker"], row["Size"]) for row in rows]
        assert kinds == [("true", "true", ""), *[("false", "false", "10")] * 3]
        assert len({row["VersionId"] for row in rows}) == 4
        return
    read = pyarrow.parquet.read_table if format_ == "Parquet" else orc.read_table
    tables = [read(io.BytesIO(found[one["key"]])) for one in manifest["files"]]
    rows = [row for table in tables for row in table.to_pylist()]
    assert [(row["is_latest"], row["is_delete_marker"], row["size"]) for row in rows] == [
        (True, True, None),
        *[(False, False, 10)] * 3,
    ]
    assert rows[1]["last_modified_date"].tzinfo is not None
    assert "is_delete_marker" in manifest["fileSchema"]


@pytest.mark.parametrize("format_", ["CSV", "Parquet", "ORC"])
async def test_of_an_empty_bucket(world: World, lists: Inventory, format_: str) -> None:
    target = await want(world, format_)
    assert await lists.step() == 1
    assert len(manifest_of(await delivered(world, target))["files"]) == 1


async def test_its_turn_comes_once_a_day(world: World, lists: Inventory) -> None:
    target = await want(world)
    assert [await lists.step() for _ in range(2)] == [1, 0]
    runs = (await world.place.store.get_bucket(world.bucket)).settings[RUNS]
    assert runs.keys() == {"all"}
    yesterday = {"all": {"done": runs["all"]["done"].replace("20", "19", 1)}}
    await world.place.store.set_setting(world.bucket, RUNS, yesterday)
    assert await lists.step() == 1
    assert len([key for key in await delivered(world, target) if "/data/" in key]) == 2


async def test_one_at_a_time(world: World) -> None:
    await want(world)
    turns = Inventories(world.place.database)
    period, lease = days.days(1), timedelta(hours=1)
    assert await turns.begin(world.bucket, "all", period, lease) is not None
    assert await turns.begin(world.bucket, "all", period, lease) is None
    assert await turns.begin(world.bucket, "all", period, timedelta(0)) is not None  # who had it is gone


@pytest.mark.parametrize(
    "more", [{"owner": "somebody-else"}, {"place": {"Bucket": "arn:aws:s3:::not-there"}}], ids=["foreign", "absent"]
)
async def test_where_nothing_may_be_put(world: World, lists: Inventory, more: dict[str, Any]) -> None:
    target = await want(world, **more)
    assert await lists.step() == 0
    assert await delivered(world, target) == {}
    assert await lists.step() == 0


async def test_switched_off(world: World, lists: Inventory) -> None:
    await want(world, IsEnabled=False)
    assert await lists.step() == 0


def test_every_field_of_aws_is_filled_or_refused() -> None:
    known = botocore.session.get_session().get_service_model("s3").shape_for("InventoryOptionalField").enum
    assert set(known) == FIELDS_KNOWN | REFUSED
    assert not FIELDS_KNOWN & REFUSED


async def test_access_control_lists(world: World, lists: Inventory) -> None:
    await world.put(b"plain", b"shared", size=10)
    everybody = "http://acs.amazonaws.com/groups/global/AllUsers"
    bucket = await world.place.store.get_bucket(world.bucket)

    def share(_: Any) -> dict[str, Any]:
        return {"o": "writer", "a": [["id:writer", "FULL_CONTROL"], ["group:AllUsers", "READ"]]}

    await world.place.store.change_attrs(world.bucket, b"shared", share, None)
    target = await want(world, OptionalFields=["ObjectAccessControlList", "ObjectOwner"])
    assert await lists.step() == 1
    found = await delivered(world, target)
    rows = rows_of(found, manifest_of(found))
    assert [row["ObjectOwner"] for row in rows] == [bucket.owner, "writer"]
    plain, shared = (orjson.loads(base64.b64decode(row["ObjectAccessControlList"])) for row in rows)
    own = {"canonicalId": bucket.owner, "type": "CanonicalUser", "permission": "FULL_CONTROL"}
    assert plain == {"version": "2022-11-10", "status": "AVAILABLE", "grants": [own]}
    assert shared["grants"] == [
        {**own, "canonicalId": "writer"},
        {"uri": everybody, "permission": "READ", "type": "Group"},
    ]


async def test_when_rules_delete_what_is_listed(world: World, lists: Inventory) -> None:
    await world.versioning("Enabled")
    for _ in range(4):
        await world.put(b"old/a", size=10)
    await world.put(b"kept", size=10)
    await world.rules(
        Rule("r", True, Filter("old/"), Expiration(days=5), noncurrent_expiration=NoncurrentExpiration(3, newer=1))
    )
    target = await want(world, "CSV", "All", OptionalFields=["LifecycleExpirationDate"])
    assert await lists.step() == 1
    found = await delivered(world, target)
    rows = rows_of(found, manifest_of(found))
    version = await world.place.store.get(world.bucket, b"old/a")
    dates = [row["LifecycleExpirationDate"] for row in rows]
    assert dates[:3] == ["", f"{days.due_after(version.modified, 5):%Y-%m-%dT%H:%M:%S.000Z}", ""]
    assert all(dates[3:])
    assert len(dates) == 5

"""Heat on a running server whose days are one second: what is read stays on, or comes back to, the hot tier."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.harness.server import SETTINGS, Server
from tests.harness.waiting import until as until_true
from tests.s3.trees import content

until = partial(until_true, seconds=120)
BUCKET = "heat"
MOVING = ("it/read", "it/head", "it/left")
ENVIRONMENT = {
    "OBJSTORE_LIFECYCLE_DAY_SECONDS": "1",
    "OBJSTORE_WARM_ON_HEAD": "true",
    "OBJSTORE_WARM_ON_HEAD_DAYS": "600",
}


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with very short days, on which objects have been for a moment."""
    server = Server(tmp_path_factory.mktemp("heat"), settings=SETTINGS, environment=ENVIRONMENT).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def s3(own_server: Server) -> Iterator[Any]:
    client = own_server.s3()
    client.create_bucket(Bucket=BUCKET)
    for i, key in enumerate(MOVING):
        client.put_object(Bucket=BUCKET, Key=key, Body=content(300_000, i), StorageClass="INTELLIGENT_TIERING")
    yield client
    client.close()


def tiers(server: Server, *keys: str) -> list[str]:
    found = [server.admin("GET", f"/buckets/{BUCKET}/lifecycle/explain?key={key}") for key in keys]
    return [answer.json()["version"]["tier"] for answer in found]


def metric(server: Server, name: str) -> float:
    lines = server.get("/-/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def test_what_is_read_stays_where_it_is(own_server: Server, s3: Any) -> None:
    rules = [
        {"ID": "idle", "Status": "Enabled", "Filter": {"Prefix": "use/"}, "LastAccessDays": 8,
         "StorageClass": "GLACIER_IR"},
    ]  # fmt: skip
    body = json.dumps({"Rules": rules}).encode()
    assert own_server.admin("PUT", f"/buckets/{BUCKET}/extended-rules", body=body).status_code < 300
    for key in ("use/read", "use/left"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=content(3000, 7))

    def left_is_cold() -> bool:
        assert s3.get_object(Bucket=BUCKET, Key="use/read", Range="bytes=5-9")["Body"].read() == content(3000, 7)[5:10]
        return tiers(own_server, "use/left") == ["capacity"]

    until(left_is_cold)
    assert tiers(own_server, "use/read") == ["hot"]
    assert metric(own_server, "objstore_accesses_folded_total") >= 1
    assert metric(own_server, "objstore_accesses_dropped_total") == 0


def test_what_is_cold_comes_back(own_server: Server, s3: Any) -> None:
    until(lambda: tiers(own_server, *MOVING) == ["capacity"] * 3)
    s3.head_object(Bucket=BUCKET, Key="it/head", Range="bytes=0-0")
    s3.head_object(Bucket=BUCKET, Key="it/left")

    def is_hot() -> bool:
        answer = s3.get_object(Bucket=BUCKET, Key="it/read")
        assert answer["Body"].read() == content(300_000, 0)
        assert answer["StorageClass"] == "INTELLIGENT_TIERING"
        return tiers(own_server, "it/read") == ["hot"]

    until(is_hot)
    assert tiers(own_server, "it/left") == ["capacity"]
    entries = s3.list_objects_v2(Bucket=BUCKET, Prefix="it/")["Contents"]
    assert {entry["StorageClass"] for entry in entries} == {"INTELLIGENT_TIERING"}


def test_head_warms_what_is_archived(s3: Any) -> None:
    named, body = {"Bucket": BUCKET, "Key": "archive/a"}, content(20_000, 8)
    s3.put_object(**named, Body=body, StorageClass="GLACIER")
    s3.put_object(Bucket=BUCKET, Key="archive/b", Body=body, StorageClass="GLACIER")
    s3.put_object(Bucket=BUCKET, Key="archive/c", Body=body)
    s3.head_object(**named)
    assert statuses(s3) == {}
    s3.head_object(**named, Range="bytes=0-0")
    assert set(statuses(s3)) == {"archive/a"}
    until(lambda: not statuses(s3)["archive/a"]["IsRestoreInProgress"])
    until_when = statuses(s3)["archive/a"]["RestoreExpiryDate"]
    s3.head_object(**named, Range="bytes=0-0")
    assert statuses(s3)["archive/a"] == {"IsRestoreInProgress": False, "RestoreExpiryDate": until_when}
    assert s3.get_object(**named)["Body"].read() == body
    asked: dict[str, Any] = {"Bucket": BUCKET, "Prefix": "archive/", "OptionalObjectAttributes": ["RestoreStatus"]}
    for listing, tag in ((s3.list_objects, "Contents"), (s3.list_object_versions, "Versions")):
        found = {entry["Key"]: entry.get("RestoreStatus") for entry in listing(**asked)[tag]}
        assert found == {"archive/a": statuses(s3)["archive/a"], "archive/b": None, "archive/c": None}
    plain = s3.list_objects_v2(Bucket=BUCKET, Prefix="archive/")["Contents"]
    assert not any("RestoreStatus" in entry for entry in plain)


def statuses(s3: Any) -> dict[str, Any]:
    """What a listing says of restores."""
    page = s3.list_objects_v2(Bucket=BUCKET, Prefix="archive/", OptionalObjectAttributes=["RestoreStatus"])
    return {entry["Key"]: entry["RestoreStatus"] for entry in page["Contents"] if "RestoreStatus" in entry}


def test_an_unknown_attribute(s3: Any) -> None:
    with pytest.raises(ClientError) as error:
        s3.list_objects_v2(Bucket=BUCKET, OptionalObjectAttributes=["Nothing"])
    assert error.value.response["Error"]["Code"] == "InvalidArgument"


def test_an_empty_archived_object(s3: Any) -> None:
    named = {"Bucket": BUCKET, "Key": "nothing"}
    s3.put_object(**named, Body=b"", StorageClass="GLACIER")
    with pytest.raises(ClientError) as error:
        s3.get_object(**named)
    assert error.value.response["Error"]["Code"] == "InvalidObjectState"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    s3.put_object(**named, Body=b"")
    assert s3.get_object(**named)["Body"].read() == b""


def test_what_is_counted_is_folded_at_the_end(own_server: Server, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="last", Body=b"x")
    for _ in range(5):
        s3.get_object(Bucket=BUCKET, Key="last")["Body"].read()
    own_server.restart()
    answer = own_server.admin("GET", f"/buckets/{BUCKET}/lifecycle/explain?key=last").json()
    assert 1 < answer["version"]["heat"] <= 5

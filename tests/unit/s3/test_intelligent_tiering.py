"""Intelligent-Tiering configurations: put, get, list, delete, and what is refused."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from objstore.lifecycle.plan import plan_of
from objstore.model import tiering
from objstore.model.lifecycle import Filter
from objstore.model.storage_class import class_in
from tests.unit.s3.fake_store import FakeStore
from tests.unit.s3.refused import refused

TAGS = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
ARCHIVE = {"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}
DEEP = {"Days": 730, "AccessTier": "DEEP_ARCHIVE_ACCESS"}


def configuration(name: str = "one", **parts: Any) -> dict[str, Any]:
    return {"Id": name, "Status": "Enabled", "Tierings": [ARCHIVE], **parts}


def put(s3: Any, given: dict[str, Any], name: str | None = None) -> Any:
    return s3.put_bucket_intelligent_tiering_configuration(
        Bucket="bucket", Id=name or given["Id"], IntelligentTieringConfiguration=given
    )


def get(s3: Any, name: str) -> Any:
    answer = s3.get_bucket_intelligent_tiering_configuration(Bucket="bucket", Id=name)
    return answer["IntelligentTieringConfiguration"]


@pytest.mark.parametrize(
    "given",
    [
        configuration(),
        configuration(Filter={"Prefix": "logs/"}, Tierings=[DEEP, ARCHIVE]),
        configuration(Filter={"Tag": TAGS[0]}, Status="Disabled"),
        configuration(Filter={"And": {"Prefix": "x", "Tags": TAGS}}),
        configuration("n" * 64, Filter={"And": {"Tags": TAGS}}),
    ],
)
def test_comes_back_as_sent(s3: Any, given: dict[str, Any]) -> None:
    put(s3, given)
    assert get(s3, given["Id"]) == given


def test_it_is_in_the_plan(s3: Any, store: FakeStore) -> None:
    put(s3, configuration(Filter={"And": {"Prefix": "x", "Tags": TAGS}}, Tierings=[ARCHIVE, DEEP]))
    put(s3, configuration("off", Status="Disabled"))
    bucket = store.buckets["bucket"].bucket
    [found] = plan_of(bucket.id, bucket.settings).tierings
    assert found.filter == Filter("x", (("a", "1"), ("b", "")))
    assert found.archive_days == {"ARCHIVE_ACCESS": 90, "DEEP_ARCHIVE_ACCESS": 730}


def test_replace_and_delete(s3: Any, store: FakeStore) -> None:
    put(s3, configuration())
    put(s3, configuration("two"))
    put(s3, configuration(Status="Disabled"))
    assert get(s3, "one")["Status"] == "Disabled"
    answer = s3.delete_bucket_intelligent_tiering_configuration(Bucket="bucket", Id="one")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    for call in (
        s3.get_bucket_intelligent_tiering_configuration,
        s3.delete_bucket_intelligent_tiering_configuration,
    ):
        assert refused(call, Bucket="bucket", Id="one") == (404, "NoSuchConfiguration")
    s3.delete_bucket_intelligent_tiering_configuration(Bucket="bucket", Id="two")
    assert store.buckets["bucket"].bucket.settings == {}


def test_list_page_by_page(s3: Any) -> None:
    assert "IntelligentTieringConfigurationList" not in s3.list_bucket_intelligent_tiering_configurations(
        Bucket="bucket"
    )
    names = [f"n{number:03}" for number in range(101)]
    for name in reversed(names):
        put(s3, configuration(name))
    first = s3.list_bucket_intelligent_tiering_configurations(Bucket="bucket")
    assert first["IsTruncated"]
    token = first["NextContinuationToken"]
    second = s3.list_bucket_intelligent_tiering_configurations(Bucket="bucket", ContinuationToken=token)
    assert not second["IsTruncated"]
    assert second["ContinuationToken"] == token
    found = [*first["IntelligentTieringConfigurationList"], *second["IntelligentTieringConfigurationList"]]
    assert [given["Id"] for given in found] == names


def test_as_many_as_aws_allows(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("objstore.api.s3.intelligent_tiering.CONFIGURATIONS_MAX", 2)
    for name in ("a", "b", "a"):
        put(s3, configuration(name))
    assert refused(put, s3, configuration("c")) == (400, "TooManyConfigurations")
    assert tiering.CONFIGURATIONS_MAX == 1000


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (configuration(Status="on"), "MalformedXML"),
        (configuration(Tierings=[]), "MalformedXML"),
        (configuration(Tierings=[{"Days": 90, "AccessTier": "ARCHIVE"}]), "MalformedXML"),
        (configuration(Filter={"Prefix": "a", "Tag": TAGS[0]}), "MalformedXML"),
        (configuration(Filter={"And": {"Prefix": "a"}}), "MalformedXML"),
        (configuration(Filter={"And": {"Tags": TAGS[:1]}}), "MalformedXML"),
        (configuration(Tierings=[ARCHIVE, ARCHIVE]), "InvalidRequest"),
        (configuration(Filter={"And": {"Tags": TAGS[:1] * 2}}), "InvalidRequest"),
        (configuration(Filter={"Prefix": "x" * 1025}), "InvalidRequest"),
        (configuration(Tierings=[{**ARCHIVE, "Days": 89}]), "InvalidArgument"),
        (configuration(Tierings=[{**ARCHIVE, "Days": 731}]), "InvalidArgument"),
        (configuration(Tierings=[{**DEEP, "Days": 179}]), "InvalidArgument"),
        (configuration("n" * 65), "InvalidArgument"),
    ],
)
def test_refused(s3: Any, given: dict[str, Any], code: str) -> None:
    assert refused(put, s3, given) == (400, code)
    assert "IntelligentTieringConfigurationList" not in s3.list_bucket_intelligent_tiering_configurations(
        Bucket="bucket"
    )


def test_the_ids_must_agree(s3: Any) -> None:
    assert refused(put, s3, configuration("one"), "two") == (400, "InvalidArgument")


def test_no_such_bucket(s3: Any) -> None:
    for call in (
        lambda: s3.put_bucket_intelligent_tiering_configuration(
            Bucket="nobody", Id="one", IntelligentTieringConfiguration=configuration()
        ),
        lambda: s3.get_bucket_intelligent_tiering_configuration(Bucket="nobody", Id="one"),
        lambda: s3.list_bucket_intelligent_tiering_configurations(Bucket="nobody"),
        lambda: s3.delete_bucket_intelligent_tiering_configuration(Bucket="nobody", Id="one"),
    ):
        with pytest.raises(ClientError, match="NoSuchBucket"):
            call()


@pytest.mark.parametrize("access_tier", ["ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"])
def test_what_is_archived_says_so(s3: Any, store: FakeStore, monkeypatch: pytest.MonkeyPatch, access_tier: str) -> None:
    """HEAD names the access tier; everywhere the class is the one that it was put with."""

    async def none_restored(_: object) -> dict[object, object]:
        return {}

    monkeypatch.setattr(store, "restore_statuses", none_restored, raising=False)
    s3.put_object(Bucket="bucket", Key="k", Body=b"x", StorageClass="INTELLIGENT_TIERING")
    assert "ArchiveStatus" not in s3.head_object(Bucket="bucket", Key="k")
    store.buckets["bucket"].objects[b"k"][0].storage_class = class_in(access_tier)
    head = s3.head_object(Bucket="bucket", Key="k")
    assert (head["ArchiveStatus"], head["StorageClass"]) == (access_tier, "INTELLIGENT_TIERING")
    (entry,) = s3.list_objects_v2(Bucket="bucket")["Contents"]
    assert entry["StorageClass"] == "INTELLIGENT_TIERING"
    told = s3.get_object_attributes(Bucket="bucket", Key="k", ObjectAttributes=["StorageClass"])
    assert told["StorageClass"] == "INTELLIGENT_TIERING"

"""Tags of objects and of buckets."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def tags(**values: str) -> dict[str, Any]:
    return {"TagSet": [{"Key": name, "Value": value} for name, value in values.items()]}


def refused(call: Any, **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"], caught.value.response["Error"]["Code"]


def read(s3: Any, **named: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(**named)["TagSet"]}


def test_tags_of_an_object(s3: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "k"}
    etag = s3.put_object(**named, Body=b"x", Tagging="a=1&b=%20")["ETag"]
    assert read(s3, **named) == {"a": "1", "b": " "}
    modified = s3.head_object(**named)["LastModified"]
    s3.put_object_tagging(**named, Tagging=tags(größe="1 GB", empty=""))
    assert read(s3, **named) == {"größe": "1 GB", "empty": ""}
    got = s3.get_object(**named)
    assert (got["TagCount"], got["ETag"], got["LastModified"]) == (2, etag, modified)
    s3.delete_object_tagging(**named)
    assert read(s3, **named) == {}
    assert "TagCount" not in s3.head_object(**named)
    s3.put_object_tagging(**named, Tagging=tags(a="1"))
    s3.put_object_tagging(**named, Tagging={"TagSet": []})
    assert read(s3, **named) == {}
    for call in (s3.get_object_tagging, s3.delete_object_tagging):
        assert refused(call, Bucket=bucket, Key="nothing") == (404, "NoSuchKey")
    assert refused(s3.put_object_tagging, Bucket=bucket, Key="nothing", Tagging=tags(a="1")) == (404, "NoSuchKey")


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([(f"k{n}", "") for n in range(11)], "BadRequest"),
        ([("same", "1"), ("same", "2")], "InvalidTag"),
        ([("k" * 129, "")], "InvalidTag"),
        ([("k", "v" * 257)], "InvalidTag"),
        ([("aws:k", "v")], "InvalidTag"),
        ([("k", "<")], "InvalidTag"),
    ],
)
def test_limits(s3: Any, bucket: str, pairs: list[tuple[str, str]], code: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="kept=1")
    document = {"TagSet": [{"Key": name, "Value": value} for name, value in pairs]}
    assert refused(s3.put_object_tagging, Bucket=bucket, Key="k", Tagging=document) == (400, code)
    assert read(s3, Bucket=bucket, Key="k") == {"kept": "1"}
    if len(pairs) < 11:
        assert refused(s3.put_bucket_tagging, Bucket=bucket, Tagging=document) == (400, code)


def test_tags_of_versions(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    named = {"Bucket": bucket, "Key": "k"}
    old = s3.put_object(**named, Body=b"1", Tagging="v=old")["VersionId"]
    new = s3.put_object(**named, Body=b"2")["VersionId"]
    assert s3.put_object_tagging(**named, Tagging=tags(v="new"))["VersionId"] == new
    answer = s3.put_object_tagging(**named, VersionId=old, Tagging=tags(v="older"))
    assert answer["VersionId"] == old
    assert (read(s3, **named), read(s3, **named, VersionId=old)) == ({"v": "new"}, {"v": "older"})
    assert s3.delete_object_tagging(**named, VersionId=old)["VersionId"] == old
    assert read(s3, **named, VersionId=old) == {}
    assert s3.get_object_tagging(**named)["VersionId"] == new
    marker = s3.delete_object(**named)["VersionId"]
    assert refused(s3.get_object_tagging, **named) == (404, "NoSuchKey")
    assert refused(s3.put_object_tagging, **named, VersionId=marker, Tagging=tags(a="1"))[0] == 405
    assert refused(s3.get_object_tagging, **named, VersionId="0" * 32) == (404, "NoSuchVersion")
    assert read(s3, **named, VersionId=new) == {"v": "new"}


def test_copies_and_uploads_carry_tags(s3: Any, bucket: str) -> None:
    source = {"Bucket": bucket, "Key": "source"}
    s3.put_object(**source, Body=b"1", Tagging="a=1")
    s3.copy_object(Bucket=bucket, Key="copied", CopySource=source)
    assert read(s3, Bucket=bucket, Key="copied") == {"a": "1"}
    s3.copy_object(Bucket=bucket, Key="replaced", CopySource=source, TaggingDirective="REPLACE", Tagging="b=2")
    assert read(s3, Bucket=bucket, Key="replaced") == {"b": "2"}
    s3.copy_object(Bucket=bucket, Key="none", CopySource=source, TaggingDirective="REPLACE")
    assert read(s3, Bucket=bucket, Key="none") == {}
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts", Tagging="c=3")["UploadId"]
    part = {"Bucket": bucket, "Key": "parts", "UploadId": upload}
    etag = s3.upload_part(**part, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert read(s3, Bucket=bucket, Key="parts") == {"c": "3"}


def test_tags_of_a_bucket(s3: Any, bucket: str) -> None:
    assert refused(s3.get_bucket_tagging, Bucket=bucket) == (404, "NoSuchTagSet")
    many = {f"key {n}": "v" * 256 for n in range(50)}
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tags(**many))
    found = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in found} == many
    assert refused(s3.put_bucket_tagging, Bucket=bucket, Tagging=tags(**many, more="")) == (400, "BadRequest")
    s3.delete_bucket_tagging(Bucket=bucket)
    s3.delete_bucket_tagging(Bucket=bucket)
    assert refused(s3.get_bucket_tagging, Bucket=bucket) == (404, "NoSuchTagSet")

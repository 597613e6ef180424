"""Versions as clients see them: boto3, its paginators, and what clean-up code does."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.harness.server import Server
from tests.harness.wire import Wire, path_of
from tests.s3.commands import Command
from tests.s3.trees import MIB, content


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    set_versioning(s3, bucket, "Enabled")
    return bucket


def set_versioning(s3: Any, bucket: str, status: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


def refused(call: Any, **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"], caught.value.response["Error"]["Code"]


def all_versions(s3: Any, bucket: str, page_size: int = 3, **arguments: Any) -> list[tuple[str, str, bool, bool]]:
    """Key, version id, whether it is the latest, whether a marker: of each kind in the order of the pages."""
    paginator = s3.get_paginator("list_object_versions")
    found = []
    for page in paginator.paginate(Bucket=bucket, PaginationConfig={"PageSize": page_size}, **arguments):
        for kind in ("Versions", "DeleteMarkers"):
            is_marker = kind == "DeleteMarkers"
            found += [(one["Key"], one["VersionId"], one["IsLatest"], is_marker) for one in page.get(kind, ())]
    return found


def test_state(s3: Any, bucket: str, wire: Wire) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for status in ("Enabled", "Suspended", "Enabled"):
        set_versioning(s3, bucket, status)
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status
    path = f"{path_of(bucket)}?versioning"
    root = "<VersioningConfiguration>{}</VersioningConfiguration>"
    for document, status, code in (
        ("", 400, "IllegalVersioningConfigurationException"),
        ("<Status>enabled</Status>", 400, "MalformedXML"),
        ("<Status>Disabled</Status>", 400, "MalformedXML"),
        ("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>", 501, "NotImplemented"),
    ):
        answer = wire.request("PUT", path, root.format(document).encode())
        assert (answer.status, f"<Code>{code}</Code>".encode() in answer.body) == (status, True), document
    assert wire.request("PUT", path, b"<Versioning/>").status == 400
    document = root.format("<Status>Suspended</Status><MfaDelete>Disabled</MfaDelete>")
    assert wire.request("PUT", path, document.encode()).status == 200
    assert (
        refused(s3.put_bucket_versioning, Bucket="nobody-has-this", VersioningConfiguration={"Status": "Enabled"})[0]
        == 404
    )


def test_life_of_a_key(s3: Any, versioned: str) -> None:
    named = {"Bucket": versioned, "Key": "dir/k"}
    first = s3.put_object(**named, Body=b"one")["VersionId"]
    large = content(MIB, 1)
    second = s3.put_object(**named, Body=large)["VersionId"]
    got = s3.get_object(**named)
    assert (got["VersionId"], got["Body"].read()) == (second, large)
    got = s3.get_object(**named, VersionId=first)
    assert (got["VersionId"], got["Body"].read()) == (first, b"one")
    assert s3.get_object(**named, VersionId=second, Range="bytes=5-9")["Body"].read() == large[5:10]
    assert s3.head_object(**named, VersionId=first)["ContentLength"] == 3
    attributes = s3.get_object_attributes(**named, VersionId=first, ObjectAttributes=["ObjectSize"])
    assert (attributes["ObjectSize"], attributes["VersionId"]) == (3, first)

    marker = s3.delete_object(**named)
    assert marker["DeleteMarker"] is True
    with pytest.raises(ClientError) as caught:
        s3.get_object(**named)
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert caught.value.response["Error"]["Code"] == "NoSuchKey"
    assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker["VersionId"])
    for call in (s3.get_object, s3.head_object):
        with pytest.raises(ClientError) as caught:
            call(**named, VersionId=marker["VersionId"])
        headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 405
        assert (headers["x-amz-delete-marker"], headers["allow"]) == ("true", "DELETE")
        assert headers["last-modified"].endswith(" GMT")
    assert s3.list_objects_v2(Bucket=versioned)["KeyCount"] == 0
    assert all_versions(s3, versioned) == [
        ("dir/k", second, False, False), ("dir/k", first, False, False), ("dir/k", marker["VersionId"], True, True),
    ]  # fmt: skip

    gone = s3.delete_object(**named, VersionId=marker["VersionId"])
    assert (gone["VersionId"], gone["DeleteMarker"]) == (marker["VersionId"], True)
    assert s3.get_object(**named)["Body"].read() == large
    gone = s3.delete_object(**named, VersionId=second)
    assert (gone["VersionId"], "DeleteMarker" in gone) == (second, False)
    assert s3.get_object(**named)["Body"].read() == b"one"
    assert refused(s3.get_object, **named, VersionId=second) == (404, "NoSuchVersion")
    assert refused(s3.get_object, **named, VersionId="no id") == (400, "InvalidArgument")
    assert refused(s3.delete_object, **named, VersionId="no id") == (400, "InvalidArgument")
    assert s3.delete_object(**named, VersionId=second)["VersionId"] == second
    assert refused(s3.delete_bucket, Bucket=versioned) == (409, "BucketNotEmpty")
    s3.delete_object(**named, VersionId=first)
    s3.delete_bucket(Bucket=versioned)


def test_null_versions(s3: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "k"}
    assert "VersionId" not in s3.put_object(**named, Body=b"before")
    assert "VersionId" not in s3.get_object(**named)
    set_versioning(s3, bucket, "Enabled")
    assert s3.get_object(**named)["VersionId"] == "null"
    version = s3.put_object(**named, Body=b"one")["VersionId"]
    assert s3.get_object(**named, VersionId="null")["Body"].read() == b"before"
    set_versioning(s3, bucket, "Suspended")
    assert "VersionId" not in s3.put_object(**named, Body=b"two")  # as AWS: only readers are told that it is ``null``
    assert s3.get_object(**named)["VersionId"] == "null"
    assert s3.get_object(**named, VersionId="null")["Body"].read() == b"two"
    assert [one[1:] for one in all_versions(s3, bucket)] == [("null", True, False), (version, False, False)]
    deleted = s3.delete_object(**named)
    assert (deleted["VersionId"], deleted["DeleteMarker"]) == ("null", True)
    assert refused(s3.get_object, **named, VersionId="null")[0] == 405
    assert s3.get_object(**named, VersionId=version)["Body"].read() == b"one"


def test_copies_of_versions(s3: Any, versioned: str, bucket: str) -> None:
    named = {"Bucket": versioned, "Key": "k"}
    body = content(6 * MIB, 2)
    old = s3.put_object(**named, Body=body, Tagging="a=1")["VersionId"]
    new = s3.put_object(**named, Body=b"new")["VersionId"]
    copied = s3.copy_object(Bucket=versioned, Key="copy", CopySource=named | {"VersionId": old})
    assert copied["CopySourceVersionId"] == old
    assert s3.get_object(Bucket=versioned, Key="copy", VersionId=copied["VersionId"])["Body"].read() == body
    assert s3.copy_object(Bucket=versioned, Key="copy", CopySource=named)["CopySourceVersionId"] == new
    # The way to bring an old version back: onto itself.
    back = s3.copy_object(**named, CopySource=named | {"VersionId": old})["VersionId"]
    got = s3.get_object(**named)
    assert (got["VersionId"], got["TagCount"], got["Body"].read() == body) == (back, 1, True)
    assert refused(s3.copy_object, **named, CopySource=named | {"VersionId": "0" * 32}) == (404, "NoSuchVersion")
    upload = s3.create_multipart_upload(Bucket=versioned, Key="parts")["UploadId"]
    part = {"Bucket": versioned, "Key": "parts", "UploadId": upload}
    done = s3.upload_part_copy(**part, PartNumber=1, CopySource=named | {"VersionId": old})
    assert done["CopySourceVersionId"] == old
    listed = {"Parts": [{"PartNumber": 1, "ETag": done["CopyPartResult"]["ETag"]}]}
    first = s3.complete_multipart_upload(**part, MultipartUpload=listed)
    assert s3.complete_multipart_upload(**part, MultipartUpload=listed)["VersionId"] == first["VersionId"]
    # The source may go: whoever has a copy keeps the bytes.
    for version in (old, new, back):
        s3.delete_object(**named, VersionId=version)
    got = s3.get_object(Bucket=versioned, Key="parts", VersionId=first["VersionId"])
    assert got["Body"].read() == body
    marker = s3.delete_object(Bucket=versioned, Key="parts")["VersionId"]
    gone = {"Bucket": versioned, "Key": "parts"}
    assert refused(s3.copy_object, **named, CopySource=gone) == (404, "NoSuchKey")
    assert refused(s3.copy_object, **named, CopySource=gone | {"VersionId": marker}) == (400, "InvalidRequest")


def test_conditions(s3: Any, versioned: str) -> None:
    named = {"Bucket": versioned, "Key": "k"}
    etag = s3.put_object(**named, Body=b"one", IfNoneMatch="*")["ETag"]
    assert refused(s3.put_object, **named, Body=b"two", IfNoneMatch="*") == (412, "PreconditionFailed")
    assert refused(s3.delete_object, **named, IfMatch='"00000000000000000000000000000000"')[0] == 412
    s3.delete_object(**named, IfMatch=etag)
    assert refused(s3.put_object, **named, Body=b"two", IfMatch=etag) == (404, "NoSuchKey")
    s3.put_object(**named, Body=b"two", IfNoneMatch="*")
    assert len(all_versions(s3, versioned)) == 3


@pytest.mark.parametrize("page_size", [1, 2, 7, 1000])
def test_paginators(s3: Any, versioned: str, page_size: int) -> None:
    keys = ["a", "a/1", "a/2", "b c&<", "b/x", "c"]
    made = []
    for turn in range(3):
        for key in keys:
            deleted = turn == 1 and key != "c"
            named = {"Bucket": versioned, "Key": key}
            answer = s3.delete_object(**named) if deleted else s3.put_object(**named, Body=b"")
            made.append((key, answer["VersionId"], turn == 2, deleted))
    found = all_versions(s3, versioned, page_size)
    assert sorted(found) == sorted(made)
    assert Counter(found).most_common(1)[0][1] == 1
    for encoding in ({}, {"EncodingType": "url"}):
        below = all_versions(s3, versioned, page_size, Prefix="a/", **encoding)
        assert sorted(below) == sorted(one for one in made if one[0].startswith("a/"))
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=versioned, Delimiter="/", PaginationConfig={"PageSize": page_size}
    )
    prefixes, shown = [], []
    for page in pages:
        prefixes += [one["Prefix"] for one in page.get("CommonPrefixes", ())]
        shown += [(one["Key"], one["VersionId"]) for one in page.get("Versions", ())]
    assert prefixes == ["a/", "b/"]
    assert len(shown) == len(set(shown)) == 2 + 2 + 3


def test_order_in_a_page(s3: Any, versioned: str, wire: Wire) -> None:
    """Versions and markers stand among each other: newest first in a key."""
    for key in ("a", "b"):
        s3.put_object(Bucket=versioned, Key=key, Body=b"")
        s3.delete_object(Bucket=versioned, Key=key)
        s3.put_object(Bucket=versioned, Key=key, Body=b"")
    body = wire.request("GET", f"{path_of(versioned)}?versions").body.decode()
    kinds = [part.partition(">")[0] for part in body.split("<") if part.startswith(("Version>", "DeleteMarker>"))]
    assert kinds == ["Version", "DeleteMarker", "Version"] * 2
    for text in ("<VersionIdMarker/>", "<IsTruncated>false</IsTruncated>"):
        assert text in body
    for query, status in (
        ("version-id-marker=null", 400),
        ("key-marker=a&version-id-marker=", 400),
        ("key-marker=a&version-id-marker=x", 400),
        ("key-marker=a&version-id-marker=null", 200),
        (f"key-marker=a&version-id-marker={'0' * 32}", 200),
    ):
        assert wire.request("GET", f"{path_of(versioned)}?versions&{query}").status == status, query


def test_deleting_while_listing(s3: Any, versioned: str) -> None:
    """What clean-up code does: each page is deleted before the next one is asked for."""
    for turn in range(9):
        for key in ("a", "b"):
            s3.put_object(Bucket=versioned, Key=key, Body=b"%d" % turn)
        s3.delete_object(Bucket=versioned, Key="b")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=versioned, PaginationConfig={"PageSize": 5})
    for page in pages:
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": objects})
        assert "Errors" not in answer
        marked = {one["VersionId"] for one in page.get("DeleteMarkers", ())}
        assert {one["VersionId"] for one in answer["Deleted"] if one.get("DeleteMarker")} == marked
        assert all(
            one["DeleteMarkerVersionId"] == one["VersionId"] for one in answer["Deleted"] if "DeleteMarker" in one
        )
    s3.delete_bucket(Bucket=versioned)


def test_delete_objects_makes_markers(s3: Any, versioned: str) -> None:
    version = s3.put_object(Bucket=versioned, Key="a", Body=b"")["VersionId"]
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "a"}, {"Key": "new"}]})
    assert [one["DeleteMarker"] for one in answer["Deleted"]] == [True, True]
    assert {(one["Key"], one["DeleteMarkerVersionId"]) for one in answer["Deleted"]} == {
        (key, id_) for key, id_, _, marker in all_versions(s3, versioned) if marker
    }
    wrong = [{"Key": "a", "VersionId": "x"}, {"Key": "a", "VersionId": version}, {"Key": "a", "VersionId": "0" * 32}]
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": wrong})
    assert [one["VersionId"] for one in answer["Deleted"]] == [version, "0" * 32]
    assert [one["Code"] for one in answer["Errors"]] == ["NoSuchVersion"]


def test_thousand_versions_of_one_key(s3: Any, versioned: str, server: Server) -> None:
    """As a state file has them; and all of them go in one request."""
    clients = [server.s3() for _ in range(16)]

    def put(number: int) -> str:
        return str(clients[number % 16].put_object(Bucket=versioned, Key="state", Body=b"%d" % number)["VersionId"])

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(put, range(600)))
    listed = s3.list_object_versions(Bucket=versioned)["Versions"]
    assert len(listed) == len({one["VersionId"] for one in listed}) == 600
    assert {one["VersionId"] for one in listed} == set(made)
    assert [one["IsLatest"] for one in listed] == [True] + [False] * 599
    got = s3.get_object(Bucket=versioned, Key="state")
    assert (got["VersionId"], got["Body"].read()) == (
        listed[0]["VersionId"], b"%d" % made.index(listed[0]["VersionId"])
    )  # fmt: skip
    objects = [{"Key": "state", "VersionId": one["VersionId"]} for one in listed]
    assert len(s3.delete_objects(Bucket=versioned, Delete={"Objects": objects})["Deleted"]) == 600
    s3.delete_bucket(Bucket=versioned)


def test_races_on_one_key(s3: Any, versioned: str, server: Server) -> None:
    """Puts and deletes from everywhere: each has left its version or marker, and exactly one is the latest."""
    clients = [server.s3() for _ in range(16)]

    def change(number: int) -> str:
        client, named = clients[number % 16], {"Bucket": versioned, "Key": "k"}
        answer = client.delete_object(**named) if number % 3 == 0 else client.put_object(**named, Body=b"%d" % number)
        return str(answer["VersionId"])

    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(change, range(160)))
    found = all_versions(s3, versioned, 1000)
    assert sorted(one[1] for one in found) == sorted(made)
    assert [one[2] for one in found].count(True) == 1
    latest = next(one for one in found if one[2])
    page = s3.list_objects_v2(Bucket=versioned)
    assert page["KeyCount"] == (0 if latest[3] else 1)


@pytest.fixture
def aws(server: Server, tmp_path: Path) -> Command:
    environment = {"AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    return Command(server, "aws", environment=environment)


def test_awscli_rb_force(aws: Command, s3: Any, versioned: str) -> None:
    """It deletes objects, which leaves versions and markers: as on AWS the bucket cannot go before those do."""
    s3.put_object(Bucket=versioned, Key="k", Body=b"1")
    aws("s3", "rb", "--force", f"s3://{versioned}", status=1)
    assert [one[2:] for one in all_versions(s3, versioned)] == [(False, False), (True, True)]
    for key, version, *_ in all_versions(s3, versioned):
        s3.delete_object(Bucket=versioned, Key=key, VersionId=version)
    aws("s3", "rb", "--force", f"s3://{versioned}")

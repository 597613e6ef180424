"""Quotas of buckets and accounts: what would be more is refused, whichever way it comes, and deleting makes room."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.harness import forked
from tests.harness.server import Server

PART = 5 * 1024 * 1024
GATEWAYS = 2  # of the server that all share


@pytest.fixture
def bound(server: Server, bucket: str) -> Iterator[Callable[..., None]]:
    """Bounds the bucket; known to all gateways when it returns."""

    def set_quota(**bounds: int) -> None:
        answer = server.admin("PUT", f"/buckets/{bucket}/quota", body=json.dumps(bounds).encode())
        assert answer.status_code == 204, answer.text

    yield set_quota
    server.admin("DELETE", f"/buckets/{bucket}/quota")


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[int, str] | None:
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return None


FULL = (403, "QuotaExceeded")


def test_bytes_of_a_bucket(s3: Any, bucket: str, bound: Callable[..., None]) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=bytes(600))
    bound(bytes=1000)
    assert refusal(s3.put_object, Bucket=bucket, Key="b", Body=bytes(401)) == FULL
    assert refusal(s3.get_object, Bucket=bucket, Key="b") == (404, "NoSuchKey")
    s3.put_object(Bucket=bucket, Key="b", Body=bytes(400))
    bound(bytes=1000)  # both gateways look anew
    assert refusal(s3.put_object, Bucket=bucket, Key="c", Body=b"x") == FULL
    assert refusal(s3.copy_object, Bucket=bucket, Key="c", CopySource=f"{bucket}/a") == FULL
    s3.put_object(Bucket=bucket, Key="empty")
    s3.delete_object(Bucket=bucket, Key="a")
    deadline = time.monotonic() + 30
    while refusal(s3.put_object, Bucket=bucket, Key="c", Body=bytes(500)) is not None:
        assert time.monotonic() < deadline, "deleting made no room"
        time.sleep(0.2)


def test_objects_of_a_bucket_count_with_all_versions(s3: Any, bucket: str, bound: Callable[..., None]) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    bound(objects=3)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    bound(objects=3)
    assert refusal(s3.put_object, Bucket=bucket, Key="a", Body=b"x") == FULL
    s3.delete_object(Bucket=bucket, Key="a")  # a marker is no object


def test_parts_count_before_they_are_an_object(s3: Any, bucket: str, bound: Callable[..., None]) -> None:
    bound(bytes=PART + 10, objects=1)
    upload = {"Bucket": bucket, "Key": "big"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part(**upload, PartNumber=1, Body=bytes(PART))
    bound(bytes=PART + 10, objects=1)
    assert refusal(s3.upload_part, **upload, PartNumber=2, Body=bytes(11)) == FULL
    assert refusal(s3.put_object, Bucket=bucket, Key="small", Body=bytes(11)) == FULL
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    bound(bytes=PART + 10, objects=1)
    assert refusal(s3.put_object, Bucket=bucket, Key="small", Body=b"") == FULL


def test_appending(s3: Any, bucket: str, bound: Callable[..., None]) -> None:
    s3.put_object(Bucket=bucket, Key="log", Body=b"0123456789")
    bound(bytes=15)
    assert refusal(s3.put_object, Bucket=bucket, Key="log", Body=bytes(6), WriteOffsetBytes=10) == FULL
    s3.put_object(Bucket=bucket, Key="log", Body=bytes(5), WriteOffsetBytes=10)


def test_forms_parts_that_are_copied_and_bodies_of_unknown_length(
    s3: Any, bucket: str, bound: Callable[..., None]
) -> None:
    s3.put_object(Bucket=bucket, Key="there", Body=bytes(600))
    upload = {"Bucket": bucket, "Key": "big"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    bound(bytes=1000)
    form = s3.generate_presigned_post(bucket, "form")
    answer = httpx.post(form["url"], data=form["fields"], files={"file": bytes(401)})
    assert answer.status_code == 403
    error = ElementTree.fromstring(answer.content)
    assert error.findtext("Code") == "QuotaExceeded"
    assert bucket in (error.findtext("Message") or "")
    source = f"{bucket}/there"
    assert refusal(s3.upload_part_copy, **upload, PartNumber=1, CopySource=source) == FULL
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "stream"})
    answer = httpx.put(url, content=iter([bytes(300)] * 2))
    assert (answer.status_code, "QuotaExceeded" in answer.text) == (403, True)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["there"]
    s3.upload_part_copy(**upload, PartNumber=1, CopySource=source, CopySourceRange="bytes=0-99")
    s3.rename_object(Bucket=bucket, Key="moved", RenameSource="/there")  # nothing is more


def test_many_writers_at_once_go_beyond_it_by_no_more_than_other_processes_let_through(
    s3: Any, bucket: str, bound: Callable[..., None]
) -> None:
    bound(objects=10)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda i: refusal(s3.put_object, Bucket=bucket, Key=str(i), Body=b"x"), range(60)))
    assert set(found) == {None, FULL}
    there = s3.list_objects_v2(Bucket=bucket)["KeyCount"]
    assert there == found.count(None)
    assert 10 <= there <= 10 * GATEWAYS
    bound(objects=10)
    assert refusal(s3.put_object, Bucket=bucket, Key="more", Body=b"x") == FULL
    s3.get_object(Bucket=bucket, Key=s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Key"])


def test_an_account_with_all_its_buckets(server: Server, s3: Any, bucket: str) -> None:
    body = {"name": "quota-test", "access_key": "QUOTAQUOTAQUOTAQUOTA", "secret_key": "quota-secret-key"}
    account = server.admin("POST", "/accounts", body=json.dumps(body).encode()).json()["id"]
    theirs = server.s3_as("QUOTAQUOTAQUOTAQUOTA", "quota-secret-key")
    names = [f"{bucket}-{i}" for i in range(2)]
    for name in names:
        theirs.create_bucket(Bucket=name)
        theirs.put_object(Bucket=name, Key="k", Body=bytes(100))
    assert server.admin("PUT", f"/accounts/{account}/quota", body=b'{"bytes": 250}').status_code == 204
    for name in names:
        assert refusal(theirs.put_object, Bucket=name, Key="l", Body=bytes(51)) == FULL
    s3.put_object(Bucket=bucket, Key="l", Body=bytes(51))
    shown = json.loads(_command(server, "quota", "ls", "--json"))["quotas"]
    assert [one for one in shown if one["account"] == account] == [
        {"bucket": None, "account": account, "bytes": 250, "objects": None, "used_bytes": 200, "used_objects": 2}
    ]
    _command(server, "quota", "rm", f"--account={account}")
    theirs.put_object(Bucket=names[0], Key="l", Body=bytes(51))


def test_commands(server: Server, s3: Any, bucket: str) -> None:
    _command(server, "quota", "set", f"--bucket={bucket}", "--bytes=1K", "--objects=7")
    assert bucket in _command(server, "quota", "ls")
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=bytes(1025)) == FULL
    _command(server, "quota", "rm", f"--bucket={bucket}")
    assert bucket not in _command(server, "quota", "ls")
    s3.put_object(Bucket=bucket, Key="k", Body=bytes(1025))


def test_what_makes_no_sense(server: Server, bucket: str) -> None:
    for body in (b"{}", b'{"bytes": -1}', b'{"bytes": 1, "files": 2}', b'{"bytes": null}'):
        assert server.admin("PUT", f"/buckets/{bucket}/quota", body=body).status_code == 422
    assert server.admin("PUT", "/buckets/is-not-there/quota", body=b'{"bytes": 1}').status_code == 404
    assert server.admin("PUT", "/accounts/is-not-there/quota", body=b'{"bytes": 1}').status_code == 404
    assert server.admin("DELETE", f"/buckets/{bucket}/quota").status_code == 404


def test_the_quota_of_a_bucket_goes_with_it(server: Server, s3: Any, bucket: str) -> None:
    assert server.admin("PUT", f"/buckets/{bucket}/quota", body=b'{"objects": 0}').status_code == 204
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert bucket not in [one["bucket"] for one in server.admin("GET", "/quotas").json()["quotas"]]


def _command(server: Server, *arguments: str) -> str:
    run = forked.run(arguments, server.client_environment, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_quotas_are_listed_page_by_page(server: Server, s3: Any) -> None:
    names = [f"quota-page-{number}" for number in range(3)]
    for name in names:
        s3.create_bucket(Bucket=name)
        assert server.admin("PUT", f"/buckets/{name}/quota", body=b'{"objects": 7}').status_code == 204
    assert server.admin("PUT", "/accounts/default/quota", body=b'{"objects": 1000000}').status_code == 204
    try:
        whole = server.admin("GET", "/quotas?limit=1000").json()
        assert whole["next"] is None
        found, after = [], ""
        while after is not None:
            page = server.admin("GET", f"/quotas?limit=2&after={after}").json()
            assert len(page["quotas"]) <= 2
            found += page["quotas"]
            after = page["next"]
        assert found == whole["quotas"]
        assert [one["bucket"] for one in found if one["bucket"] in names] == names
        assert found[-1]["account"] == "default"
        (one,) = server.admin("GET", f"/quotas?bucket={names[1]}").json()["quotas"]
        assert (one["bucket"], one["objects"], one["bytes"]) == (names[1], 7, None)
        assert server.admin("GET", "/quotas?after=x").status_code == 422
        assert server.admin("GET", "/quotas?limit=0").status_code == 422
    finally:
        server.admin("DELETE", "/accounts/default/quota")
        for name in names:
            s3.delete_bucket(Bucket=name)
    assert not [one for one in server.admin("GET", "/quotas").json()["quotas"] if one["bucket"] in names]

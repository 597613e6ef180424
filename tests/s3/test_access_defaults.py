"""What holds of access where nothing is set: as on AWS since 2023."""

import json
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.harness.server import Server


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_buckets_are_closed(server: Server, s3: Any, bucket: str) -> None:
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(blocked.values())
    assert len(blocked) == 4
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert refused(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == "AccessControlListNotSupported"
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
    assert refused(s3.put_bucket_policy, Bucket=bucket, Policy=policy) == "AccessDenied"
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for path in (f"/{bucket}/k", f"/{bucket}", "/no-such-bucket", "/no-such-bucket/k", "/"):
        assert httpx.get(server.endpoint + path).status_code == 403
    s3.delete_public_access_block(Bucket=bucket)
    assert refused(s3.get_public_access_block, Bucket=bucket) == "NoSuchPublicAccessBlockConfiguration"
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert httpx.get(f"{server.endpoint}/{bucket}/k").content == b"x"
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert httpx.get(f"{server.endpoint}/{bucket}/k").status_code == 403


def test_owners_manage_nobody(server: Server) -> None:
    body = {"canonical_id": "owner-of-the-defaults", "display_name": "Owner"}
    made = server.admin("POST", "/users", body=json.dumps(body).encode()).json()
    keys = {"aws_access_key_id": made["access_key"], "aws_secret_access_key": made["secret_key"]}
    config = Config(retries={"max_attempts": 0})
    iam, s3 = (
        boto3.client(name, endpoint_url=server.endpoint, region_name="us-east-1", config=config, **keys)
        for name in ("iam", "s3")
    )
    assert refused(iam.create_user, UserName="x") == "AccessDenied"
    assert refused(iam.list_users) == "AccessDenied"
    s3.create_bucket(Bucket="of-the-owner-of-the-defaults")
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == ["of-the-owner-of-the-defaults"]
    account = made["arn"].split(":")[4]
    assert len(account) == 12
    assert refused(server.s3().list_objects_v2, Bucket="of-the-owner-of-the-defaults") == "AccessDenied"
    s3.head_bucket(Bucket="of-the-owner-of-the-defaults", ExpectedBucketOwner=account)
    assert refused(s3.head_bucket, Bucket="of-the-owner-of-the-defaults", ExpectedBucketOwner="1" * 12) == "403"

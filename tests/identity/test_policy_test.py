"""The policy tester: it says what the server would do, and who says so."""

import json
from typing import Any

import pytest

from tests.harness.server import Server
from tests.identity.conftest import ACCOUNT1, Client, admin, new_name, policy, refused


@pytest.fixture
def place(compat: Server, client: Client) -> tuple[str, str, Any]:
    """A bucket of root's, a user of root's account, and a client of theirs."""
    bucket, user = new_name("tested"), new_name("tester")
    made = admin(compat, "POST", "/users", {"name": user})
    root = client("s3", compat.credentials)
    root.create_bucket(Bucket=bucket)
    root.put_object(Bucket=bucket, Key="in/one", Body=b"1", Tagging="open=yes")
    return bucket, user, client("s3", (made["access_key"], made["secret_key"]))


def decided(server: Server, user: str, action: str, bucket: str = "", key: str = "", **more: Any) -> dict[str, Any]:
    question = {"principal": {"kind": "user", "name": user}, "action": action, "bucket": bucket, "key": key, **more}
    return dict(admin(server, "POST", "/policy-test", question))


def test_it_says_what_the_server_does(compat: Server, client: Client, place: tuple[str, str, Any]) -> None:
    bucket, user, s3 = place
    root = client("s3", compat.credentials)

    def same(key: str, reason: str) -> dict[str, Any]:
        said = decided(compat, user, "s3:GetObject", bucket, key)
        assert said["allowed"] == (refused(s3.get_object, Bucket=bucket, Key=key) is None)
        assert said["reason"] == reason, said
        return said

    assert same("in/one", "nothing")["statements"] == []
    document = policy({"Sid": "Read", "Action": "s3:Get*", "Resource": f"arn:aws:s3:::{bucket}/in/*"})
    admin(compat, "PUT", f"/users/{user}/policies/mine", {"document": document})
    (one,) = same("in/one", "policy")["statements"]
    assert one == {"on": "user", "name": f"{user}: mine", "number": 1, "sid": "Read", "effect": "Allow"}
    everybody = {"Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    root.put_bucket_policy(Bucket=bucket, Policy=policy({"Effect": "Deny", **everybody}))
    assert [(one["on"], one["effect"]) for one in same("in/one", "denied")["statements"]] == [
        ("user", "Allow"), ("bucket", "Deny"),
    ]  # fmt: skip
    tagged = {"Condition": {"StringEquals": {"s3:ExistingObjectTag/open": "yes"}}}
    root.put_bucket_policy(Bucket=bucket, Policy=policy({"Effect": "Deny", **everybody, **tagged}))
    assert same("in/one", "denied")["allowed"] is False


def test_groups_boundaries_and_drafts(compat: Server, client: Client, place: tuple[str, str, Any]) -> None:
    bucket, user, s3 = place
    iam, group = client("iam", compat.credentials), new_name("group")
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=user)
    assert decided(compat, user, "s3:ListBucket", bucket)["reason"] == "nothing"
    draft = policy({"Action": "s3:*", "Resource": "*"})
    assert decided(compat, user, "s3:ListBucket", bucket, draft=draft)["statements"][0]["on"] == "draft"
    assert decided(compat, user, "s3:ListBucket", bucket)["allowed"] is False
    iam.attach_group_policy(GroupName=group, PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    said = decided(compat, user, "s3:ListBucket", bucket)
    assert (said["allowed"], said["statements"][0]["on"]) == (True, "group")
    assert refused(s3.list_objects_v2, Bucket=bucket) is None
    iam.put_user_permissions_boundary(
        UserName=user, PermissionsBoundary="arn:aws:iam::aws:policy/AmazonSNSFullAccess"
    )  # fmt: skip
    assert decided(compat, user, "s3:ListBucket", bucket)["reason"] == "boundary"
    assert refused(s3.list_objects_v2, Bucket=bucket) == (403, "AccessDenied")


def test_conditions_of_the_request(compat: Server, place: tuple[str, str, Any]) -> None:
    bucket, user, _ = place
    network = {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "Bool": {"aws:SecureTransport": "true"}}}
    draft = policy({"Action": "s3:ListBucket", "Resource": "*", **network})

    def allowed(**more: Any) -> bool:
        return bool(decided(compat, user, "s3:ListBucket", bucket, draft=draft, **more)["allowed"])

    assert allowed(source_ip="10.1.2.3")
    assert not allowed(source_ip="11.1.2.3")
    assert not allowed(source_ip="10.1.2.3", secure=False)


def test_everybody_else(compat: Server, place: tuple[str, str, Any]) -> None:
    bucket, user, _ = place
    ask = {"action": "s3:GetObject", "bucket": bucket, "key": "in/one"}
    assert admin(compat, "POST", "/policy-test", {"principal": {"kind": "root"}, **ask})["reason"] == "owner"
    assert not admin(compat, "POST", "/policy-test", {"principal": {"kind": "anonymous"}, **ask})["allowed"]
    assert not decided(compat, user, "iam:CreateUser")["allowed"]
    assert decided(compat, user, "iam:CreateUser", draft=policy({"Action": "iam:*", "Resource": "*"}))["allowed"]
    assert decided(compat, user, "s3:GetObject", bucket, "no/such")["allowed"] is False
    assert ACCOUNT1 not in json.dumps(decided(compat, user, "s3:ListAllMyBuckets"))


@pytest.mark.parametrize(
    ("wrong", "status"),
    [({"action": "*"}, 422), ({"draft": "{"}, 422), ({"principal": {"kind": "user", "name": "nobody"}}, 404),
     ({"bucket": "no-such-bucket"}, 404), ({"draft": "x" * 30_000}, 422)],
)  # fmt: skip
def test_what_cannot_be_asked(compat: Server, wrong: dict[str, Any], status: int) -> None:
    admin(compat, "POST", "/policy-test", {"principal": {"kind": "root"}, "action": "s3:GetObject", **wrong}, status)

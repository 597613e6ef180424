"""IAM and STS as boto3 speaks them: what suites of other projects do, step by step."""

import datetime
import json
from typing import Any

import httpx
import pytest

from tests.identity.conftest import ACCOUNT1, ACCOUNT2, ALT, DENIED, MAIN, Client, new_name, policy, refused

S3_ALL = policy({"Action": "s3:*", "Resource": "*"})


@pytest.fixture
def iam(client: Client) -> Any:
    return client("iam", "root1")


@pytest.fixture
def user(iam: Any, client: Client) -> tuple[str, Any]:
    """Name of a new user, and its S3 client."""
    name = new_name("User")
    iam.create_user(UserName=name, Path="/tests/")
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return name, client("s3", (key["AccessKeyId"], key["SecretAccessKey"]))


def test_who_somebody_is(client: Client) -> None:
    assert client("iam", "root1").get_user()["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT1}:root"
    assert client("sts", "root2").get_caller_identity()["Account"] == ACCOUNT2
    assert client("iam", "main").get_user()["User"]["Arn"] == f"arn:aws:iam:::user/{MAIN}"


def test_users(iam: Any) -> None:
    path, name = f"/{new_name('p')}/", new_name("U")
    made = iam.create_user(UserName=name, Path=path)["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT1}:user{path}{name}"
    assert made["CreateDate"] > datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    assert refused(iam.create_user, UserName=name.lower()) == (409, "EntityAlreadyExists")
    assert iam.get_user(UserName=name.lower())["User"] == made
    for other in ("ac", "Ab", "aa"):
        iam.create_user(UserName=other + name, Path=path + other + "/")
    pages = iam.get_paginator("list_users").paginate(PathPrefix=path, PaginationConfig={"PageSize": 1})
    assert [one["UserName"] for page in pages for one in page["Users"]] == [f"aa{name}", f"Ab{name}", f"ac{name}", name]
    assert len(iam.list_users(PathPrefix=path + "ac")["Users"]) == 1
    for marker in ("-1", "\u00b2", "x", "9" * 5000):
        assert refused(iam.list_users, Marker=marker) == (400, "ValidationError")
    iam.update_user(UserName=name, NewUserName="z" + name, NewPath=path + "z/")
    assert refused(iam.get_user, UserName=name) == (404, "NoSuchEntity")
    assert iam.get_user(UserName="z" + name)["User"]["UserId"] == made["UserId"]
    iam.tag_user(UserName="z" + name, Tags=[{"Key": "team", "Value": "red"}])
    assert iam.list_user_tags(UserName="z" + name)["Tags"] == [{"Key": "team", "Value": "red"}]
    iam.delete_user(UserName="z" + name)
    again = iam.create_user(UserName="z" + name)["User"]
    assert again["UserId"] != made["UserId"]


@pytest.mark.parametrize("name", ["a b", "a/b", "ä", "a*", "", "x" * 65])
def test_names_that_are_none(iam: Any, name: str) -> None:
    from botocore.exceptions import ParamValidationError

    try:
        assert refused(iam.create_user, UserName=name) == (400, "ValidationError")
    except ParamValidationError:
        assert not name


def test_access_keys(iam: Any, client: Client, user: tuple[str, Any]) -> None:
    name, s3 = user
    assert refused(s3.list_buckets) == DENIED
    first = iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]
    second = iam.create_access_key(UserName=name)["AccessKey"]
    assert refused(iam.create_access_key, UserName=name) == (409, "LimitExceeded")
    iam.update_access_key(UserName=name, AccessKeyId=first["AccessKeyId"], Status="Inactive")
    assert refused(s3.list_buckets) == (403, "InvalidAccessKeyId")
    listed = {one["AccessKeyId"]: one for one in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]}
    assert listed[first["AccessKeyId"]] == first | {"Status": "Inactive"}
    assert listed[second["AccessKeyId"]]["Status"] == "Active"
    iam.delete_access_key(UserName=name, AccessKeyId=first["AccessKeyId"])
    assert refused(iam.delete_access_key, UserName=name, AccessKeyId=first["AccessKeyId"]) == (404, "NoSuchEntity")
    assert refused(iam.list_access_keys, UserName="nobody") == (404, "NoSuchEntity")
    assert refused(iam.delete_user, UserName=name) == (409, "DeleteConflict")
    own = iam.create_access_key()["AccessKey"]
    root = client("s3", (own["AccessKeyId"], own["SecretAccessKey"]))
    assert refused(root.list_buckets) is None
    iam.delete_access_key(AccessKeyId=own["AccessKeyId"])
    assert refused(root.list_buckets) == (403, "InvalidAccessKeyId")


def test_inline_policies(iam: Any, user: tuple[str, Any]) -> None:
    name, s3 = user
    assert refused(iam.put_user_policy, UserName="nobody", PolicyName="p", PolicyDocument=S3_ALL)[1] == "NoSuchEntity"
    assert refused(iam.get_user_policy, UserName=name, PolicyName="p") == (404, "NoSuchEntity")
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=S3_ALL)
    assert iam.get_user_policy(UserName=name, PolicyName="p")["PolicyDocument"] == json.loads(S3_ALL)
    assert refused(s3.list_buckets) is None
    denied = policy({"Action": "s3:*", "Resource": "*", "Effect": "Deny"})
    iam.put_user_policy(UserName=name, PolicyName="q", PolicyDocument=denied)
    assert refused(s3.list_buckets) == DENIED
    assert iam.list_user_policies(UserName=name)["PolicyNames"] == ["p", "q"]
    iam.delete_user_policy(UserName=name, PolicyName="q")
    assert refused(s3.list_buckets) is None
    assert refused(iam.delete_user, UserName=name) == (409, "DeleteConflict")


@pytest.mark.parametrize(
    "document",
    ["{", '{"Version":"2012-10-17"}', policy({"Action": "*", "Resource": "*", "Principal": "*"}),
     policy({"Action": "*", "Resource": "*", "Sid": "x"}, {"Action": "*", "Resource": "*", "Sid": "x"})],
)  # fmt: skip
def test_documents_that_are_none(iam: Any, user: tuple[str, Any], document: str) -> None:
    outcome = refused(iam.put_user_policy, UserName=user[0], PolicyName="p", PolicyDocument=document)
    assert outcome == (400, "MalformedPolicyDocument")


def test_a_document_that_is_too_long(iam: Any, user: tuple[str, Any]) -> None:
    long = policy(*[{"Action": "s3:*", "Resource": "*"}] * 1000)
    assert refused(iam.put_user_policy, UserName=user[0], PolicyName="p", PolicyDocument=long) == (409, "LimitExceeded")
    outcome = refused(iam.put_user_policy, UserName=user[0], PolicyName="p" * 150, PolicyDocument=long)
    assert outcome == (400, "ValidationError")


def test_managed_policies(iam: Any, user: tuple[str, Any]) -> None:
    name, s3 = user
    full = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
    assert refused(iam.detach_user_policy, UserName=name, PolicyArn=full) == (404, "NoSuchEntity")
    for _ in range(2):
        iam.attach_user_policy(UserName=name, PolicyArn=full)
    listed = iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    assert listed == [{"PolicyName": "AmazonS3FullAccess", "PolicyArn": full}]
    assert refused(s3.list_buckets) is None
    own = iam.create_policy(PolicyName=new_name("P"), PolicyDocument=policy({"Action": "s3:List*", "Resource": "*"}))
    arn = own["Policy"]["Arn"]
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    iam.detach_user_policy(UserName=name, PolicyArn=full)
    assert refused(s3.list_buckets) is None
    denied = policy({"Action": "s3:*", "Resource": "*", "Effect": "Deny"})
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=denied, SetAsDefault=True)["PolicyVersion"]
    assert refused(s3.list_buckets) == DENIED
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert refused(s3.list_buckets) is None
    assert [one["VersionId"] for one in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v2", "v1"]
    assert refused(iam.delete_policy, PolicyArn=arn) == (409, "DeleteConflict")
    iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
    assert [one["UserName"] for one in iam.list_entities_for_policy(PolicyArn=arn)["PolicyUsers"]] == [name]
    iam.detach_user_policy(UserName=name, PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    assert refused(iam.attach_user_policy, UserName=name, PolicyArn=arn) == (404, "NoSuchEntity")


def test_groups(iam: Any, user: tuple[str, Any]) -> None:
    name, s3 = user
    group = new_name("G")
    made = iam.create_group(GroupName=group, Path="/g/")["Group"]
    assert refused(iam.create_group, GroupName=group.lower()) == (409, "EntityAlreadyExists")
    iam.add_user_to_group(GroupName=group, UserName=name)
    assert [one["UserName"] for one in iam.get_group(GroupName=group)["Users"]] == [name]
    assert iam.list_groups_for_user(UserName=name)["Groups"] == [made]
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=S3_ALL)
    assert refused(s3.list_buckets) is None
    assert refused(iam.delete_group, GroupName=group) == (409, "DeleteConflict")
    iam.update_group(GroupName=group, NewGroupName="N" + group, NewPath="/h/")
    assert iam.list_groups_for_user(UserName=name)["Groups"][0]["Arn"].endswith(f":group/h/N{group}")
    iam.remove_user_from_group(GroupName="N" + group, UserName=name)
    assert refused(s3.list_buckets) == DENIED
    iam.delete_group_policy(GroupName="N" + group, PolicyName="p")
    iam.delete_group(GroupName="N" + group)
    assert refused(iam.get_group, GroupName="N" + group) == (404, "NoSuchEntity")


def assume(client: Client, who: Any, arn: str, **more: Any) -> Any:
    made = client("sts", who).assume_role(RoleArn=arn, RoleSessionName="session", **more)["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


def test_roles(iam: Any, client: Client) -> None:
    other = client("iam", "root2")
    name, role = new_name("Other"), new_name("Role")
    arn = other.create_user(UserName=name)["User"]["Arn"]
    key = other.create_access_key(UserName=name)["AccessKey"]
    keys = (key["AccessKeyId"], key["SecretAccessKey"])
    trust = policy({"Action": "sts:AssumeRole", "Principal": {"AWS": arn}})
    made = iam.create_role(RoleName=role, Path="/r/", AssumeRolePolicyDocument=trust, MaxSessionDuration=7200)["Role"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT1}:role/r/{role}"
    assert iam.get_role(RoleName=role.lower())["Role"]["AssumeRolePolicyDocument"] == json.loads(trust)
    session = assume(client, keys, made["Arn"])
    s3 = client("s3", session)
    assert refused(s3.list_buckets) == DENIED
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=S3_ALL)
    bucket = new_name("of-role")
    s3.create_bucket(Bucket=bucket, ObjectOwnership="ObjectWriter", ACL="private")
    assert client("s3", "root1").get_bucket_acl(Bucket=bucket)["Owner"]["ID"] == ACCOUNT1
    limit = policy({"Action": "s3:GetObject", "Resource": "*"})
    limited = client("s3", assume(client, keys, made["Arn"], Policy=limit))
    assert refused(limited.put_object, Bucket=bucket, Key="k", Body=b"x") == DENIED
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert limited.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert client("sts", session).get_caller_identity()["Arn"].endswith(f":assumed-role/{role}/session")
    assert refused(client("iam", session).get_role, RoleName=role) == DENIED
    stranger = client("sts", "alt")
    assert refused(stranger.assume_role, RoleArn=made["Arn"], RoleSessionName="session") == DENIED
    too_long = {"RoleArn": made["Arn"], "RoleSessionName": "session", "DurationSeconds": 7201}
    assert refused(client("sts", keys).assume_role, **too_long) == (400, "ValidationError")
    iam.delete_role_policy(RoleName=role, PolicyName="p")
    assert refused(s3.list_objects_v2, Bucket=bucket) == DENIED
    iam.delete_role(RoleName=role)
    assert refused(s3.list_buckets) == (400, "InvalidToken")


def test_session_tokens(client: Client) -> None:
    made = client("sts", "main").get_session_token()["Credentials"]
    keys = (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    assert refused(client("s3", keys).list_buckets) is None
    for token, outcome in (
        ("", (403, "InvalidAccessKeyId")),
        (keys[2][:-8] + "AAAAAAA=", (400, "InvalidToken")),
        ("x" * 100, (400, "InvalidToken")),
        ("x" * 20_000, None),
    ):
        found = refused(client("s3", (*keys[:2], token)).list_buckets)
        assert found == outcome if outcome else found[0] >= 400
    other = client("sts", "alt").get_session_token()["Credentials"]
    assert refused(client("s3", (*keys[:2], other["SessionToken"])).list_buckets) == (400, "InvalidToken")
    assert refused(client("s3", (keys[0], "wrong", keys[2])).list_buckets) == (403, "SignatureDoesNotMatch")
    assert refused(client("sts", keys).get_session_token) == DENIED
    url = client("s3", keys).generate_presigned_url("list_buckets")
    assert httpx.get(url).status_code == 200
    assert httpx.get(url.replace("-security-token", "-security-toke")).status_code == 403


def test_owners_of_an_account_and_its_policies(client: Client) -> None:
    iam, alt = client("iam", "main"), client("s3", "alt")
    bucket = new_name("of-alt")
    alt.create_bucket(Bucket=bucket)
    denied = policy(
        {"Effect": "Deny", "Action": ["s3:ListAllMyBuckets", "s3:DeleteBucket"], "Resource": "arn:aws:s3:::*"}
    )
    iam.put_user_policy(UserName=ALT, PolicyName="d", PolicyDocument=denied)
    assert refused(alt.list_buckets) == refused(alt.delete_bucket, Bucket=bucket) == DENIED
    iam.delete_user_policy(UserName=ALT, PolicyName="d")
    assert refused(client("s3", "main").list_objects, Bucket=bucket) == DENIED
    allowed = policy({"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"})
    iam.put_user_policy(UserName=MAIN, PolicyName="a", PolicyDocument=allowed)
    assert refused(client("s3", "main").list_objects, Bucket=bucket) is None
    assert refused(client("s3", "main").delete_bucket, Bucket=bucket) == DENIED
    iam.delete_user_policy(UserName=MAIN, PolicyName="a")
    alt.delete_bucket(Bucket=bucket)


def test_who_may_manage(client: Client, iam: Any, user: tuple[str, Any]) -> None:
    name, _ = user
    key = iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]["AccessKeyId"]
    iam.delete_access_key(UserName=name, AccessKeyId=key)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    own = client("iam", (made["AccessKeyId"], made["SecretAccessKey"]))
    for call in (own.list_roles, own.list_users, own.get_account_summary, own.create_access_key, own.get_user):
        assert refused(call) == DENIED
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    assert refused(own.list_roles) is None
    assert own.get_user()["User"]["UserName"] == name
    assert refused(own.create_access_key) == DENIED
    assert refused(own.put_user_policy, UserName=name, PolicyName="p", PolicyDocument=S3_ALL) == DENIED
    assert own.get_account_summary()["SummaryMap"]["AccessKeysPerUserQuota"] == 2
    # Another account's names are not seen.
    assert refused(client("iam", "root2").get_user, UserName=name) == (404, "NoSuchEntity")


def test_providers(iam: Any) -> None:
    url = f"http://{new_name('example')}.com/x"
    arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=["a"], ThumbprintList=["0" * 40])[
        "OpenIDConnectProviderArn"
    ]
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="b")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["1" * 40])
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (found["ClientIDList"], found["ThumbprintList"]) == (["a", "b"], ["1" * 40])
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert refused(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn) == (404, "NoSuchEntity")
    assert refused(iam.create_open_id_connect_provider, Url="ftp://x") == (400, "ValidationError")


def test_what_there_is_not(iam: Any, client: Client) -> None:
    assert refused(iam.list_server_certificates) == (501, "NotImplemented")
    wrong = client("iam", ("ROOT1ROOT1ROOT1ROOT1", "wrong-secret"))
    assert refused(wrong.list_users) == (403, "SignatureDoesNotMatch")
    assert refused(client("iam", ("NOBODY", "wrong-secret")).list_users) == (403, "InvalidClientTokenId")

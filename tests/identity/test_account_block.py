"""Public access block of an account, by boto3's ``s3control`` client: it goes for all its buckets, at once."""

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.loaders import Loader

from tests.harness.server import Server
from tests.harness.wire import Wire
from tests.identity.conftest import ACCOUNT1, ACCOUNT2, DENIED, KEYS, Client, admin, new_name, policy, refused

BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
PATH = "/v20180820/configuration/publicAccessBlock"
MISSING = (404, "NoSuchPublicAccessBlockConfiguration")


@pytest.fixture(autouse=True)
def resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account in front of this host's address is this host."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return resolve("127.0.0.1" if name and name.endswith(".127.0.0.1") else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
def control(client: Client) -> Iterator[Any]:
    """Of the first account's root, which has no block before and after."""
    made = client("s3control", "root1", s3={})
    made.delete_public_access_block(AccountId=ACCOUNT1)
    yield made
    made.delete_public_access_block(AccountId=ACCOUNT1)


@pytest.fixture
def public(client: Client) -> Iterator[tuple[Any, str]]:
    """A client of the first account's root, and a bucket of theirs that everybody may read."""
    s3, name = client("s3", "root1"), new_name("account-block")
    s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=_open(name))
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    s3.put_object(Bucket=name, Key="by-acl", Body=b"x", ACL="public-read")
    yield s3, name
    s3.delete_bucket_policy(Bucket=name)


def _open(bucket: str) -> str:
    return policy({"Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/k"})


def _set(control: Any, *names: str) -> None:
    chosen = {name: name in names for name in BLOCKS}
    control.put_public_access_block(AccountId=ACCOUNT1, PublicAccessBlockConfiguration=chosen)


def test_it_is_kept_as_it_was_given(control: Any) -> None:
    assert refused(control.get_public_access_block, AccountId=ACCOUNT1) == MISSING
    _set(control, "IgnorePublicAcls")
    found = control.get_public_access_block(AccountId=ACCOUNT1)["PublicAccessBlockConfiguration"]
    assert found == dict.fromkeys(BLOCKS, False) | {"IgnorePublicAcls": True}
    only = {"BlockPublicPolicy": True}
    control.put_public_access_block(AccountId=ACCOUNT1, PublicAccessBlockConfiguration=only)
    found = control.get_public_access_block(AccountId=ACCOUNT1)["PublicAccessBlockConfiguration"]
    assert found == dict.fromkeys(BLOCKS, False) | only, "what is not named is off"
    nothing: dict[str, bool] = {}
    assert refused(control.put_public_access_block, AccountId=ACCOUNT1, PublicAccessBlockConfiguration=nothing) == (
        400,
        "InvalidRequest",
    )
    control.delete_public_access_block(AccountId=ACCOUNT1)
    assert refused(control.get_public_access_block, AccountId=ACCOUNT1) == MISSING
    control.delete_public_access_block(AccountId=ACCOUNT1)


def test_the_most_restrictive_of_both_wins(
    control: Any, public: tuple[Any, str], main: Any, nobody: Any, client: Client
) -> None:
    s3, name = public
    by_policy, by_acl = {"Bucket": name, "Key": "k"}, {"Bucket": name, "Key": "by-acl"}
    assert refused(nobody.get_object, **by_policy) is None
    assert refused(nobody.get_object, **by_acl) is None
    _set(control, "RestrictPublicBuckets")
    for who in (nobody, main, client("s3", "root2")):
        assert refused(who.get_object, **by_policy) == DENIED
    assert refused(nobody.get_object, **by_acl) is None, "an ACL is another matter"
    assert refused(s3.get_object, **by_policy) is None
    assert s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"], "says what the policy is"
    _set(control, "IgnorePublicAcls")
    assert refused(nobody.get_object, **by_acl) == DENIED
    assert refused(nobody.get_object, **by_policy) is None
    _set(control, "BlockPublicPolicy", "BlockPublicAcls")
    assert refused(nobody.get_object, **by_policy) is None, "what there is stays"
    assert refused(s3.put_bucket_policy, Bucket=name, Policy=_open(name)) == DENIED
    assert refused(s3.put_bucket_acl, Bucket=name, ACL="public-read") == DENIED
    assert refused(s3.put_object, **by_acl, Body=b"y", ACL="public-read") == DENIED
    assert refused(s3.put_object_acl, **by_acl, ACL="authenticated-read") == DENIED
    made = {"Bucket": new_name("account-block"), "ObjectOwnership": "ObjectWriter"}
    assert refused(s3.create_bucket, **made, ACL="public-read") == DENIED
    assert refused(s3.get_public_access_block, Bucket=name) == MISSING, "the bucket's own is its own"
    # The bucket's own stays when the account has none, and the other way around.
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    _set(control, "IgnorePublicAcls")
    assert refused(nobody.get_object, **by_policy) == DENIED
    assert refused(nobody.get_object, **by_acl) == DENIED
    control.delete_public_access_block(AccountId=ACCOUNT1)
    assert refused(nobody.get_object, **by_policy) == DENIED
    assert refused(nobody.get_object, **by_acl) is None


def test_it_goes_for_no_other_account(control: Any, main: Any, nobody: Any, bucket: str) -> None:
    main.delete_public_access_block(Bucket=bucket)
    main.put_bucket_policy(Bucket=bucket, Policy=_open(bucket))
    main.put_object(Bucket=bucket, Key="k", Body=b"x")
    _set(control, *BLOCKS)
    assert refused(nobody.get_object, Bucket=bucket, Key="k") is None


def test_who_may(control: Any, client: Client) -> None:
    assert refused(control.get_public_access_block, AccountId=ACCOUNT2) == DENIED
    other = client("s3control", "root2", s3={})
    assert refused(other.get_public_access_block, AccountId=ACCOUNT1) == DENIED
    assert refused(client("s3control", None, s3={}).get_public_access_block, AccountId=ACCOUNT1) == DENIED
    wrong = client("s3control", (KEYS["root1"][0], "not-the-secret"), s3={})
    assert refused(wrong.get_public_access_block, AccountId=ACCOUNT1) == (403, "SignatureDoesNotMatch")
    iam, name = client("iam", "root1"), new_name("reader")
    iam.create_user(UserName=name)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    reader = client("s3control", (made["AccessKeyId"], made["SecretAccessKey"]), s3={})
    blocks = {"AccountId": ACCOUNT1, "PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}
    assert refused(reader.get_public_access_block, AccountId=ACCOUNT1) == DENIED
    for action, resource, outcome in (
        ("s3:GetAccountPublicAccessBlock", "arn:aws:s3:::*", DENIED),
        ("s3:GetAccountPublicAccessBlock", "*", MISSING),
    ):
        document = policy({"Action": action, "Resource": resource})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
        assert refused(reader.get_public_access_block, AccountId=ACCOUNT1) == outcome
        assert refused(reader.put_public_access_block, **blocks) == DENIED
        assert refused(reader.delete_public_access_block, AccountId=ACCOUNT1) == DENIED
    document = policy({"Action": "s3:PutAccountPublicAccessBlock", "Resource": "*"})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    assert refused(reader.put_public_access_block, **blocks) is None
    assert refused(reader.delete_public_access_block, AccountId=ACCOUNT1) is None
    assert refused(reader.get_public_access_block, AccountId=ACCOUNT1) == DENIED
    iam.delete_user_policy(UserName=name, PolicyName="p")
    iam.delete_access_key(UserName=name, AccessKeyId=made["AccessKeyId"])
    iam.delete_user(UserName=name)


def test_the_account_need_not_be_in_the_host(control: Any, client: Client, compat: Server) -> None:
    plain = client("s3control", "root1", s3={})

    def without_account(request: Any, **_: Any) -> None:
        request.url = compat.endpoint + urlsplit(request.url).path

    plain.meta.events.register("before-sign.s3-control", without_account)
    plain.put_public_access_block(AccountId=ACCOUNT1, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    found = control.get_public_access_block(AccountId=ACCOUNT1)["PublicAccessBlockConfiguration"]
    assert found["RestrictPublicBuckets"]


def test_a_new_account_of_the_same_id_begins_anew(compat: Server, client: Client) -> None:
    account, keys = "333333333333", ("ROOT3ROOT3ROOT3ROOT3", "root3-secret-0123456789")
    given = {"name": "third", "id": account, "access_key": keys[0], "secret_key": keys[1]}
    for _ in range(2):
        admin(compat, "POST", "/accounts", given)
        third = client("s3control", keys, s3={})
        assert refused(third.get_public_access_block, AccountId=account) == MISSING
        third.put_public_access_block(AccountId=account, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
        admin(compat, "DELETE", "/accounts/third")


def test_every_other_operation_is_named(compat: Server) -> None:
    wire = Wire(compat.address, KEYS["root1"])
    headers = {"x-amz-account-id": ACCOUNT1}
    model, seen = Loader().load_service_model("s3control", "service-2"), 0
    for name, operation in model["operations"].items():
        path = operation["http"]["requestUri"]
        for label in ("name+", "mrap+", "request_token+", "resourceArn+"):
            path = path.replace("{" + label + "}", "a/b")
        path = "/".join("x" if piece.startswith("{") else piece for piece in path.split("/"))
        if path == PATH:
            continue
        answer = wire.request(operation["http"]["method"], path, headers=headers)
        assert answer.status == 501, (name, answer.body)
        assert f"<Message>{name} is not implemented</Message>" in answer.body.decode()
        seen += 1
    assert seen > 90
    assert wire.request("POST", PATH, headers=headers).status == 405
    assert wire.request("GET", "/v20180820/nothing/there", headers=headers).status == 405
    for body in (b"", b"<x/>", b"<PublicAccessBlockConfiguration><BlockPublicAcls>maybe</BlockPublicAcls>"):
        answer = wire.request("PUT", PATH, body, headers=headers)
        assert (answer.status, b"<Code>MalformedXML</Code>" in answer.body) == (400, True)
    wire.close()


def test_a_bucket_may_be_called_as_the_version_is(main: Any, compat: Server, control: Any) -> None:
    main.create_bucket(Bucket="v20180820")
    main.put_object(Bucket="v20180820", Key="configuration/publicAccessBlock", Body=b"an object")
    found = main.get_object(Bucket="v20180820", Key="configuration/publicAccessBlock")
    assert found["Body"].read() == b"an object"
    assert refused(control.get_public_access_block, AccountId=ACCOUNT1) == MISSING
    unsigned = httpx.get(compat.endpoint + PATH, headers={"x-amz-account-id": ACCOUNT1})
    assert (unsigned.status_code, "<AccountId>" in unsigned.text) == (403, True)


def test_it_is_in_the_audit_log(compat: Server, control: Any) -> None:
    before = len((compat.directory / "audit.jsonl").read_text().splitlines())
    refused(control.get_public_access_block, AccountId=ACCOUNT1)
    for _ in range(1000):
        lines = [json.loads(line) for line in (compat.directory / "audit.jsonl").read_text().splitlines()]
        found = [one for one in lines[before:] if one["operation"] == "s3control:GetPublicAccessBlock"]
        if found and found[-1]["account"] == ACCOUNT1:  # not one of the tests before, told late
            break
        httpx.get(compat.endpoint + "/-/health/live")
    assert (found[-1]["bucket"], found[-1]["key"], found[-1]["account"]) == ("", "", ACCOUNT1)

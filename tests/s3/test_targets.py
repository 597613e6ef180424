"""Ways to say which object: absolute-form targets, virtual hosts, and keys that look like other keys."""

import socket
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from tests.harness.server import Server
from tests.harness.wire import Wire, path_of

DOMAIN = "s3.objects.test"


def test_absolute_form(wire: Wire, bucket: str) -> None:
    """runai-model-streamer, and so vLLM and SGLang, send it."""
    path = path_of(bucket, "a key/é//%41+")
    with wire.bare() as bare:
        head = wire.head("PUT", path, {"content-length": "4"})
        bare.send(head.replace(b"PUT /", f"PUT http://{wire.host}/".encode(), 1) + b"body")
        assert bare.answer().status == 200
        for target in (f"http://{wire.host}", f"HTTP://{wire.host}"):
            head = wire.head("GET", path, {"range": "bytes=1-2"})
            bare.send(head.replace(b"GET /", f"GET {target}/".encode(), 1))
            assert bare.answer().body == b"od"
        head = wire.head("GET", f"/{bucket}?list-type=2&prefix=a")
        bare.send(head.replace(b"GET /", f"GET http://{wire.host}/".encode(), 1))
        assert b"<KeyCount>1</KeyCount>" in bare.answer().body


def test_no_two_paths_are_one_key(wire: Wire, bucket: str) -> None:
    paths = ("a/b", "a//b", "a/./b", "a/../b", "/a/b", "a/b/", "a%2Fb", "a%252Fb", "a+b", "a%20b", "a%2520b", "A/b")
    for path in paths:
        assert wire.request("PUT", f"/{bucket}/{path}", path.encode()).status == 200
    found = {path: wire.request("GET", f"/{bucket}/{path}").body.decode() for path in paths}
    assert found.pop("a/b") == found.pop("a%2Fb") == "a%2Fb"  # one key, spelled in two ways
    assert all(path == body for path, body in found.items()), found


@pytest.fixture(scope="module")
def domain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that knows a domain."""
    environment = {"OBJSTORE_DOMAIN": DOMAIN}
    server = Server(tmp_path_factory.mktemp("domain"), workers=1, environment=environment).start()
    yield server
    server.close()


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names below the domain are this host."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return resolve("127.0.0.1" if name and name.endswith(DOMAIN) else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.usefixtures("resolved")
def test_virtual_host_style(domain_server: Server) -> None:
    access_key, secret_key = domain_server.credentials
    endpoint = f"http://{DOMAIN}:{domain_server.address[1]}"

    def client(style: str, version: str = "s3v4") -> Any:
        return boto3.client(
            "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=Config(signature_version=version, s3={"addressing_style": style}),
        )  # fmt: skip

    virtual, path = client("virtual"), client("path")
    virtual.create_bucket(Bucket="hosted.bucket")
    virtual.put_object(Bucket="hosted.bucket", Key="hosted.bucket/-/a b+c", Body=b"x" * 300_000)
    virtual.put_object(Bucket="hosted.bucket", Key="-/health/live", Body=b"an object")
    for one in (virtual, path):
        assert one.get_object(Bucket="hosted.bucket", Key="hosted.bucket/-/a b+c")["Body"].read() == b"x" * 300_000
        assert one.get_object(Bucket="hosted.bucket", Key="-/health/live")["Body"].read() == b"an object"
        assert one.list_objects_v2(Bucket="hosted.bucket")["KeyCount"] == 2
        assert [bucket["Name"] for bucket in one.list_buckets()["Buckets"]] == ["hosted.bucket"]
    for version in ("s3v4", "s3"):
        where = {"Bucket": "hosted.bucket", "Key": "-/health/live"}
        url = client("virtual", version).generate_presigned_url("get_object", where)
        assert url.startswith(f"http://hosted.bucket.{DOMAIN}:")
        assert httpx.get(url, trust_env=False).content == b"an object"
    assert domain_server.get("/-/health/live").json() == {"alive": True}


def test_hosts_that_only_look_like_the_domain(domain_server: Server) -> None:
    s3 = domain_server.s3()
    s3.create_bucket(Bucket="looks")
    s3.put_object(Bucket="looks", Key="k", Body=b"x")
    wire = Wire(domain_server.address, domain_server.credentials)
    port = domain_server.address[1]
    for host in (f"looks.{DOMAIN}", f"looks.{DOMAIN}:{port}", f"LOOKS.{DOMAIN.upper()}:{port}"):
        assert wire.request("GET", "/k", headers={"host": host}).status == 200, host
    for host in (f"looks.{DOMAIN}.evil.test", f"looksx{DOMAIN}", "looks", f"{DOMAIN}", "127.0.0.1"):
        assert wire.request("GET", "/looks/k", headers={"host": host}).status == 200, host
        assert wire.request("GET", "/k", headers={"host": host}).status in (400, 404), host
    wire.close()


@pytest.mark.usefixtures("resolved")
def test_an_account_in_front_of_the_domain_is_no_bucket(domain_server: Server) -> None:
    access_key, secret_key = domain_server.credentials
    names = {"aws_access_key_id": access_key, "aws_secret_access_key": secret_key, "region_name": "us-east-1"}
    account = boto3.client("sts", endpoint_url=domain_server.endpoint, **names).get_caller_identity()["Account"]
    endpoint = f"http://{DOMAIN}:{domain_server.address[1]}"
    for prefixed in (True, False):
        control = boto3.client("s3control", endpoint_url=endpoint, config=Config(inject_host_prefix=prefixed), **names)
        blocks = {"BlockPublicAcls": prefixed, "IgnorePublicAcls": True}
        control.put_public_access_block(AccountId=account, PublicAccessBlockConfiguration=blocks)
        found = control.get_public_access_block(AccountId=account)["PublicAccessBlockConfiguration"]
        assert found == blocks | {"BlockPublicPolicy": False, "RestrictPublicBuckets": False}
        control.delete_public_access_block(AccountId=account)

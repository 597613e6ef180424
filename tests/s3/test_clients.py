"""The same short trial of every client that is installed, over HTTP and TLS, with certificates of our own making."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, SSLError

from objstore.cli.certificates import CA_CERT, CERT, KEY, make_certificates
from tests.harness.server import SETTINGS, Server
from tests.s3.clients import CLIENTS, MIB, Site
from tests.s3.trees import content

SMALL, LARGE = b"a few bytes", content(11 * MIB + 7, 3)
KEYS = ["small", "dir é/large+%20", "dir é/small"]


@pytest.fixture(scope="module")
def plain(server: Server) -> Site:
    return Site(server)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that speaks TLS only."""
    directory = tmp_path_factory.mktemp("tls")
    make_certificates(directory / "certs", "s3.example.com", ["localhost", "127.0.0.1"], 30)
    files = (f"--tls-cert={directory / 'certs' / CERT}", f"--tls-key={directory / 'certs' / KEY}")
    server = Server(directory, *files, workers=1, settings=SETTINGS).start()
    yield Site(server, directory / "certs" / CA_CERT)
    server.close()


# Over HTTP these have files of their own here: test_boto3.py, test_awscli.py, test_s5cmd.py, test_rclone.py.
ELSEWHERE = frozenset({"boto3", "awscli", "awscli-api", "s5cmd", "rclone"})
TRIALS = [
    (scheme, name) for scheme in ("http", "https") for name in CLIENTS if scheme == "https" or name not in ELSEWHERE
]


@pytest.mark.parametrize(("scheme", "name"), TRIALS)
def test_a_client(request: pytest.FixtureRequest, scheme: str, name: str, tmp_path: Path) -> None:
    installed, make = CLIENTS[name]
    if not installed:
        pytest.skip(f"{name} is not installed")
    site: Site = request.getfixturevalue("plain" if scheme == "http" else "tls")
    bucket, s3 = f"client-{name}", site.boto3()
    s3.create_bucket(Bucket=bucket)
    client: Any = make(site, bucket, tmp_path)
    sent = dict(zip(KEYS, (SMALL, LARGE, SMALL), strict=True))
    for key, data in sent.items():
        client.put(key, data)
    assert {key: client.get(key) for key in KEYS} == sent
    assert {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in KEYS} == sent
    assert sorted(client.list()) == sorted(KEYS)
    client.delete(KEYS[0])
    left = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"] if not one["Key"].endswith("/")]
    assert sorted(left) == sorted(KEYS[1:])


def test_nobody_else_s_authority_is_taken(tls: Site, tmp_path: Path) -> None:
    make_certificates(tmp_path, "s3.example.com", ["localhost"], 30)
    stranger = tls.boto3(tmp_path / CA_CERT, retries={"max_attempts": 0})
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.list_buckets()


def test_what_a_policy_may_ask_of_the_encryption_of_a_connection(tls: Site, plain: Site) -> None:
    for site, encrypted, secure in ((tls, True, "true"), (plain, False, "false")):
        s3, bucket = site.boto3(retries={"max_attempts": 0}), "asks-for-tls"
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
        }
        for condition, denied in (
            ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, False),
            ({"NumericGreaterThanEquals": {"s3:TlsVersion": "1.2"}}, encrypted),
            ({"Null": {"s3:TlsVersion": "true"}}, not encrypted),
            ({"Bool": {"aws:SecureTransport": secure}}, True),
        ):
            document = {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}
            s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
            if denied:
                with pytest.raises(ClientError, match="AccessDenied"):
                    s3.get_object(Bucket=bucket, Key="k")
            else:
                s3.get_object(Bucket=bucket, Key="k")["Body"].read()

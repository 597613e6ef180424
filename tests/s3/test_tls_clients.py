"""The same short trial of every client that is installed, over TLS, with certificates of our own making verified."""

import contextlib
import json
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import SSLError

from objstore.cli.certificates import CA_CERT, CERT, KEY, make_certificates
from tests.harness.server import SETTINGS, Server
from tests.s3.commands import Command, program
from tests.s3.trees import MIB, content

SMALL, LARGE = b"a few bytes", content(11 * MIB + 7, 3)
KEYS = ["small", "dir é/large+%20", "dir é/small"]


class Client(Protocol):
    """What the trial asks of a client."""

    def put(self, key: str, data: bytes) -> None: ...
    def get(self, key: str) -> bytes: ...
    def list(self) -> list[str]: ...
    def delete(self, key: str) -> None: ...


class Tls:
    """A server that speaks TLS only."""

    def __init__(self, directory: Path) -> None:
        make_certificates(directory / "certs", "s3.example.com", ["localhost", "127.0.0.1"], 30)
        self.ca = directory / "certs" / CA_CERT
        files = (f"--tls-cert={directory / 'certs' / CERT}", f"--tls-key={directory / 'certs' / KEY}")
        self.server = Server(directory, *files, workers=1, settings=SETTINGS).start()
        self.endpoint = self.server.endpoint
        self.host = self.endpoint.removeprefix("https://")
        self.keys = self.server.credentials

    def boto3(self, ca: Path | None = None, **settings: Any) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.keys[0],
            aws_secret_access_key=self.keys[1],
            verify=str(ca or self.ca),
            config=Config(s3={"addressing_style": "path"}, **settings),
        )


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    tls = Tls(tmp_path_factory.mktemp("tls"))
    yield tls
    tls.server.close()


class Boto3:
    def __init__(self, tls: Tls, bucket: str, _: Path) -> None:
        self._client, self._name = tls.boto3(), bucket

    def put(self, key: str, data: bytes) -> None:
        import io

        self._client.upload_fileobj(io.BytesIO(data), self._name, key)

    def get(self, key: str) -> bytes:
        return bytes(self._client.get_object(Bucket=self._name, Key=key)["Body"].read())

    def list(self) -> list[str]:
        return [one["Key"] for one in self._client.list_objects_v2(Bucket=self._name)["Contents"]]

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self._name, Key=key)


class Program:
    """A command line client; files go in and out."""

    def __init__(self, tls: Tls, bucket: str, directory: Path) -> None:
        environment = {
            "AWS_ENDPOINT_URL": tls.endpoint,
            "S3_ENDPOINT_URL": tls.endpoint,
            "AWS_CONFIG_FILE": str(directory / "none"),
            **self.settings(tls, directory),
        }
        self.run = Command(tls.server, self.name, environment=environment)
        self._bucket, self._file = bucket, directory / "file"

    name = ""

    def settings(self, tls: Tls, _: Path) -> dict[str, str]:
        return {"AWS_CA_BUNDLE": str(tls.ca)}

    def place(self, key: str = "") -> str:
        return f"s3://{self._bucket}/{key}"

    def put(self, key: str, data: bytes) -> None:
        self._file.write_bytes(data)
        self.copy(self._file, self.place(key))

    def get(self, key: str) -> bytes:
        self._file.unlink()
        self.copy(self.place(key), self._file)
        return self._file.read_bytes()

    def copy(self, source: object, target: object) -> None:
        self.run("cp", source, target)

    def list(self) -> list[str]:
        found = (json.loads(line)["key"] for line in self.run("--json", "ls", self.place("*")).splitlines())
        return [key.partition(f"{self._bucket}/")[2] for key in found]

    def delete(self, key: str) -> None:
        self.run("rm", self.place(key))


class S5cmd(Program):
    name = "s5cmd"

    def settings(self, tls: Tls, _: Path) -> dict[str, str]:
        return {"SSL_CERT_FILE": str(tls.ca)}


class AwsCli(Program):
    name = "aws"

    def copy(self, source: object, target: object) -> None:
        self.run("s3", "cp", "--only-show-errors", source, target)

    def list(self) -> list[str]:
        bucket = self.place().split("/")[2]
        return [one["Key"] for one in json.loads(self.run("s3api", "list-objects-v2", "--bucket", bucket))["Contents"]]

    def delete(self, key: str) -> None:
        self.run("s3", "rm", "--only-show-errors", self.place(key))


class Rclone(Program):
    name = "rclone"

    def settings(self, tls: Tls, directory: Path) -> dict[str, str]:
        (directory / "rclone.conf").touch()
        settings = {
            "TYPE": "s3",
            "PROVIDER": "Other",
            "ACCESS_KEY_ID": tls.keys[0],
            "ENDPOINT": tls.endpoint,
            "SECRET_ACCESS_KEY": tls.keys[1],
        }
        named = {f"RCLONE_CONFIG_X_{name}": value for name, value in settings.items()}
        return {"RCLONE_CONFIG": str(directory / "rclone.conf"), "RCLONE_CA_CERT": str(tls.ca), **named}

    def place(self, key: str = "") -> str:
        return super().place(key).replace("s3://", "x:")

    def copy(self, source: object, target: object) -> None:
        self.run("copyto", source, target)

    def list(self) -> list[str]:
        return self.run("lsf", "-R", "--files-only", self.place()).splitlines()

    def delete(self, key: str) -> None:
        self.run("deletefile", self.place(key))


class Minio:
    def __init__(self, tls: Tls, bucket: str, _: Path) -> None:
        import minio
        import urllib3

        pool = urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=str(tls.ca))
        self._bucket, self._client = (
            bucket,
            minio.Minio(
                tls.host,
                access_key=tls.keys[0],
                secret_key=tls.keys[1],
                secure=True,
                http_client=pool,
                region="us-east-1",
            ),
        )

    def put(self, key: str, data: bytes) -> None:
        import io

        self._client.put_object(self._bucket, key, io.BytesIO(data), len(data), part_size=5 * MIB)

    def get(self, key: str) -> bytes:
        with contextlib.closing(self._client.get_object(self._bucket, key)) as answer:
            return bytes(answer.read())

    def list(self) -> list[str]:
        return [one.object_name for one in self._client.list_objects(self._bucket, recursive=True)]

    def delete(self, key: str) -> None:
        self._client.remove_object(self._bucket, key)


class Arrow:
    """pyarrow: uploads of parts for everything, chunked trailers."""

    def __init__(self, tls: Tls, bucket: str, _: Path) -> None:
        from pyarrow import fs

        self._bucket, self._selector = bucket, fs.FileSelector
        self._files = fs.S3FileSystem(
            access_key=tls.keys[0],
            secret_key=tls.keys[1],
            endpoint_override=tls.host,
            scheme="https",
            region="us-east-1",
            tls_ca_file_path=str(tls.ca),
        )

    def put(self, key: str, data: bytes) -> None:
        with self._files.open_output_stream(f"{self._bucket}/{key}") as stream:
            stream.write(data)

    def get(self, key: str) -> bytes:
        with self._files.open_input_file(f"{self._bucket}/{key}") as file:
            return bytes(file.read())

    def list(self) -> list[str]:
        found = self._files.get_file_info(self._selector(self._bucket, recursive=True))
        return [one.path.partition("/")[2] for one in found if one.is_file]

    def delete(self, key: str) -> None:
        self._files.delete_file(f"{self._bucket}/{key}")


class S3fs:
    def __init__(self, tls: Tls, bucket: str, _: Path) -> None:
        import s3fs

        self._bucket = bucket
        self._files = s3fs.S3FileSystem(
            key=tls.keys[0],
            secret=tls.keys[1],
            endpoint_url=tls.endpoint,
            client_kwargs={"verify": str(tls.ca)},
            skip_instance_cache=True,
        )

    def put(self, key: str, data: bytes) -> None:
        self._files.pipe(f"{self._bucket}/{key}", data)

    def get(self, key: str) -> bytes:
        return bytes(self._files.cat(f"{self._bucket}/{key}"))

    def list(self) -> list[str]:
        return [one.partition("/")[2] for one in self._files.find(self._bucket)]

    def delete(self, key: str) -> None:
        self._files.rm(f"{self._bucket}/{key}")


CLIENTS: dict[str, tuple[bool, Callable[[Tls, str, Path], Client]]] = {
    "boto3": (True, Boto3),
    "awscli": (program("aws") is not None, AwsCli),
    "s5cmd": (program("s5cmd") is not None, S5cmd),
    "rclone": (program("rclone") is not None, Rclone),
    "minio": (find_spec("minio") is not None, Minio),
    "pyarrow": (find_spec("pyarrow") is not None, Arrow),
    "s3fs": (find_spec("s3fs") is not None, S3fs),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_over_tls(tls: Tls, name: str, tmp_path: Path) -> None:
    installed, make = CLIENTS[name]
    if not installed:
        pytest.skip(f"{name} is not installed")
    bucket, s3 = f"tls-{name}", tls.boto3()
    s3.create_bucket(Bucket=bucket)
    client = make(tls, bucket, tmp_path)
    sent = dict(zip(KEYS, (SMALL, LARGE, SMALL), strict=True))
    for key, data in sent.items():
        client.put(key, data)
    assert {key: client.get(key) for key in KEYS} == sent
    assert {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in KEYS} == sent
    assert sorted(client.list()) == sorted(KEYS)
    client.delete(KEYS[0])
    left = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"] if not one["Key"].endswith("/")]
    assert sorted(left) == sorted(KEYS[1:])


def test_nobody_else_s_authority_is_taken(tls: Tls, tmp_path: Path) -> None:
    make_certificates(tmp_path, "s3.example.com", ["localhost"], 30)
    stranger = tls.boto3(tmp_path / CA_CERT, retries={"max_attempts": 0})
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.list_buckets()

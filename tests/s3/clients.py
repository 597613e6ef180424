"""Clients of S3 as their users have them: put, get, list and delete with each, over HTTP and over TLS."""

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from tests.harness.server import Server
from tests.s3.commands import Command, program

MIB = 2**20


class Client(Protocol):
    """What the trial asks of a client."""

    def put(self, key: str, data: bytes) -> None: ...
    def get(self, key: str) -> bytes: ...
    def list(self) -> list[str]: ...
    def delete(self, key: str) -> None: ...


@dataclass(frozen=True)
class Site:
    """A server as clients see it. ``ca``: the authority of its certificate; None: it speaks plain HTTP."""

    server: Server
    ca: Path | None = None

    @property
    def endpoint(self) -> str:
        return self.server.endpoint

    @property
    def scheme(self) -> str:
        return self.endpoint.partition(":")[0]

    @property
    def host(self) -> str:
        return self.endpoint.partition("//")[2]

    @property
    def keys(self) -> tuple[str, str]:
        return self.server.credentials

    def arguments(self, ca: Path | None = None, **settings: Any) -> dict[str, Any]:
        """Of a boto3 client or resource."""
        verify = {"verify": str(ca or self.ca)} if ca or self.ca else {}
        return {
            "endpoint_url": self.endpoint,
            "region_name": "us-east-1",
            "aws_access_key_id": self.keys[0],
            "aws_secret_access_key": self.keys[1],
            "config": Config(s3={"addressing_style": "path"}, **settings),
            **verify,
        }

    def boto3(self, ca: Path | None = None, **settings: Any) -> Any:
        """A boto3 client; ``ca``: another authority to trust."""
        return boto3.client("s3", **self.arguments(ca, **settings))


class Boto3:
    def __init__(self, site: Site, bucket: str, _: Path) -> None:
        self._client, self._name = site.boto3(), bucket

    def put(self, key: str, data: bytes) -> None:
        self._client.upload_fileobj(io.BytesIO(data), self._name, key)

    def get(self, key: str) -> bytes:
        return bytes(self._client.get_object(Bucket=self._name, Key=key)["Body"].read())

    def list(self) -> list[str]:
        return [one["Key"] for one in self._client.list_objects_v2(Bucket=self._name)["Contents"]]

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self._name, Key=key)


class Program:
    """A command line client; files go in and out."""

    def __init__(self, site: Site, bucket: str, directory: Path) -> None:
        environment = {
            "AWS_ENDPOINT_URL": site.endpoint,
            "S3_ENDPOINT_URL": site.endpoint,
            "AWS_CONFIG_FILE": str(directory / "none"),
            **self.settings(site, directory),
        }
        self.run = Command(site.server, self.name, environment=environment)
        self.bucket, self._file = bucket, directory / "file"

    name = ""

    def settings(self, site: Site, _: Path) -> dict[str, str]:
        return {"AWS_CA_BUNDLE": str(site.ca)} if site.ca else {}

    def place(self, key: str = "") -> str:
        return f"s3://{self.bucket}/{key}"

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
        return [key.partition(f"{self.bucket}/")[2] for key in found]

    def delete(self, key: str) -> None:
        self.run("rm", self.place(key))


class S5cmd(Program):
    name = "s5cmd"

    def settings(self, site: Site, _: Path) -> dict[str, str]:
        return {"SSL_CERT_FILE": str(site.ca)} if site.ca else {}


class AwsCli(Program):
    name = "aws"

    def copy(self, source: object, target: object) -> None:
        self.run("s3", "cp", "--only-show-errors", source, target)

    def list(self) -> list[str]:
        page = self.run("s3api", "list-objects-v2", "--bucket", self.bucket)
        return [one["Key"] for one in json.loads(page)["Contents"]]

    def delete(self, key: str) -> None:
        self.run("s3", "rm", "--only-show-errors", self.place(key))


class Rclone(Program):
    name = "rclone"

    def settings(self, site: Site, directory: Path) -> dict[str, str]:
        (directory / "rclone.conf").touch()
        settings = {
            "TYPE": "s3",
            "PROVIDER": "Other",
            "ACCESS_KEY_ID": site.keys[0],
            "ENDPOINT": site.endpoint,
            "SECRET_ACCESS_KEY": site.keys[1],
        }
        named = {f"RCLONE_CONFIG_X_{name}": value for name, value in settings.items()}
        trust = {"RCLONE_CA_CERT": str(site.ca)} if site.ca else {}
        return {"RCLONE_CONFIG": str(directory / "rclone.conf"), **trust, **named}

    def place(self, key: str = "") -> str:
        return super().place(key).replace("s3://", "x:")

    def copy(self, source: object, target: object) -> None:
        self.run("copyto", source, target)

    def list(self) -> list[str]:
        return self.run("lsf", "-R", "--files-only", self.place()).splitlines()

    def delete(self, key: str) -> None:
        self.run("deletefile", self.place(key))


class Minio:
    def __init__(self, site: Site, bucket: str, _: Path) -> None:
        import minio
        import urllib3

        pool = urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=str(site.ca)) if site.ca else None
        self._bucket, self._client = (
            bucket,
            minio.Minio(
                site.host,
                access_key=site.keys[0],
                secret_key=site.keys[1],
                secure=site.ca is not None,
                http_client=pool,
                region="us-east-1",
            ),
        )

    def put(self, key: str, data: bytes) -> None:
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

    def __init__(self, site: Site, bucket: str, _: Path) -> None:
        from pyarrow import fs

        self._bucket, self._selector = bucket, fs.FileSelector
        self._files = fs.S3FileSystem(
            access_key=site.keys[0],
            secret_key=site.keys[1],
            endpoint_override=site.host,
            scheme=site.scheme,
            region="us-east-1",
            **({"tls_ca_file_path": str(site.ca)} if site.ca else {}),
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
    def __init__(self, site: Site, bucket: str, _: Path) -> None:
        import s3fs

        self._bucket = bucket
        self._files = s3fs.S3FileSystem(
            key=site.keys[0],
            secret=site.keys[1],
            endpoint_url=site.endpoint,
            client_kwargs={"verify": str(site.ca)} if site.ca else {},
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


class Resource:
    """boto3's resources, with the transfer manager for everything."""

    def __init__(self, site: Site, bucket: str, directory: Path) -> None:
        self._bucket, self._file = boto3.resource("s3", **site.arguments()).Bucket(bucket), directory / "file"
        self._config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)

    def put(self, key: str, data: bytes) -> None:
        self._file.write_bytes(data)
        self._bucket.upload_file(str(self._file), key, Config=self._config)

    def get(self, key: str) -> bytes:
        self._bucket.download_file(key, str(self._file), Config=self._config)
        return self._file.read_bytes()

    def list(self) -> list[str]:
        return [one.key for one in self._bucket.objects.all()]

    def delete(self, key: str) -> None:
        self._bucket.Object(key).delete()


class AwsApi(AwsCli):
    """The low-level commands."""

    def put(self, key: str, data: bytes) -> None:
        self._file.write_bytes(data)
        self.run("s3api", "put-object", "--bucket", self.bucket, "--key", key, "--body", self._file)

    def get(self, key: str) -> bytes:
        self.run("s3api", "get-object", "--bucket", self.bucket, "--key", key, self._file)
        return self._file.read_bytes()

    def delete(self, key: str) -> None:
        self.run("s3api", "delete-object", "--bucket", self.bucket, "--key", key)


class S3cmd(Program):
    name = "s3cmd"

    def settings(self, site: Site, directory: Path) -> dict[str, str]:
        lines = {
            "access_key": site.keys[0],
            "secret_key": site.keys[1],
            "host_base": site.host,
            "host_bucket": site.host,
            "use_https": str(site.ca is not None),
            "ca_certs_file": str(site.ca or ""),
            "multipart_chunk_size_mb": "5",
        }
        text = "".join(f"{name} = {value}\n" for name, value in lines.items())
        (directory / "s3cfg").write_text("[default]\n" + text)
        return {"S3CMD_CONFIG": str(directory / "s3cfg")}

    def put(self, key: str, data: bytes) -> None:
        self._file.write_bytes(data)
        self.run("put", "--quiet", self._file, self.place(key))

    def get(self, key: str) -> bytes:
        self.run("get", "--quiet", "--force", self.place(key), self._file)
        return self._file.read_bytes()

    def list(self) -> list[str]:
        lines = self.run("ls", "--recursive", self.place()).splitlines()
        return [line.partition(self.place())[2] for line in lines]

    def delete(self, key: str) -> None:
        self.run("del", self.place(key))


class Obstore:
    """obstore, the Rust library that polars, delta-rs and others use."""

    def __init__(self, site: Site, bucket: str, _: Path) -> None:
        import obstore
        from obstore.store import S3Store

        self._obstore = obstore
        options: dict[str, Any] = {"allow_http": True}
        if site.ca is not None:
            options = {"root_certificate": site.ca.read_bytes()}
        self._store = S3Store(
            bucket, endpoint=site.endpoint, region="us-east-1", access_key_id=site.keys[0],
            secret_access_key=site.keys[1], virtual_hosted_style_request=False, client_options=options,
        )  # fmt: skip

    def put(self, key: str, data: bytes) -> None:
        self._obstore.put(self._store, key, data, chunk_size=5 * MIB)

    def get(self, key: str) -> bytes:
        return bytes(self._obstore.get(self._store, key).bytes())

    def list(self) -> list[str]:
        return [one["path"] for page in self._obstore.list(self._store) for one in page]

    def delete(self, key: str) -> None:
        self._obstore.delete(self._store, key)


# Whether it is installed here, and how it is made.
CLIENTS: dict[str, tuple[bool, Callable[[Site, str, Path], Client]]] = {
    "boto3": (True, Boto3),
    "boto3-resource": (True, Resource),
    "awscli": (program("aws") is not None, AwsCli),
    "awscli-api": (program("aws") is not None, AwsApi),
    "s5cmd": (program("s5cmd") is not None, S5cmd),
    "rclone": (program("rclone") is not None, Rclone),
    "s3cmd": (program("s3cmd") is not None, S3cmd),
    "minio": (find_spec("minio") is not None, Minio),
    "pyarrow": (find_spec("pyarrow") is not None, Arrow),
    "s3fs": (find_spec("s3fs") is not None, S3fs),
    "obstore": (find_spec("obstore") is not None, Obstore),
}

"""OtherS3: an S3 server that is not ours (moto's), in a process of its own, to be stopped and started."""

import itertools
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from objstore.drive.bucket import BucketPlace

START_SECONDS_MAX = 60.0
ACCESS_KEY, SECRET_KEY = "other-key", "other-secret"


class OtherS3:
    """Its objects are in memory: a stop forgets them."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]

    @property
    def endpoint(self) -> str:
        """URL."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> "OtherS3":
        """Start and wait until it answers."""
        with self._log.open("ab") as log:
            environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return self
            except OSError:
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def stop(self) -> None:
        """End it, and what it holds."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def s3(self) -> Any:
        """A boto3 client."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(s3={"addressing_style": "path"}),
        )

    def bucket(self) -> str:
        """A new bucket."""
        name = f"other-{next(self._numbers)}"
        self.s3().create_bucket(Bucket=name)
        return name

    def place(self, bucket: str, prefix: str = "") -> BucketPlace:
        """What a drive needs to know."""
        return BucketPlace(self.endpoint, bucket, prefix, "us-east-1", ACCESS_KEY, SECRET_KEY)

"""A gateway over the fake store, behind a real uvicorn, and a strict boto3 client for it."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import structlog
import uvicorn
from botocore.config import Config

from objstore.api.asgi import Gateway
from objstore.api.auth.authenticator import Authenticator
from objstore.api.auth.keyring import RootKeyring
from objstore.api.s3.call import Site
from tests.unit.s3.fake_store import FakeStore
from tests.unit.s3.wire import Wire

# The default renderer draws a traceback with every local variable, which takes a second.
structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.LogfmtRenderer()])

ACCESS_KEY, SECRET_KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
OWNER = "0123456789abcdef" * 4


class Running:
    """A server of its own thread. ``observed``: what the metrics hook was told."""

    def __init__(self, region: str = "us-east-1", domain: str = "") -> None:
        self.store = FakeStore()
        self.observed: list[tuple[Any, ...]] = []
        authenticator = Authenticator(RootKeyring(ACCESS_KEY, SECRET_KEY, OWNER))
        self.gateway = Gateway(
            self.store,
            authenticator,
            Site(region, directory=authenticator.directory),
            domain=domain,
            observe=lambda *seen: self.observed.append(seen),
        )
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        config = uvicorn.Config(self.gateway, http="httptools", log_level="critical", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)

    def __enter__(self) -> "Running":
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **settings: Any) -> Any:
        config = Config(
            s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, signature_version="s3v4", **settings
        )
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name="us-east-1",
            config=config,
        )


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    with Running() as server:
        yield server


@pytest.fixture
def store(running: Running) -> FakeStore:
    """The store behind the server, empty but for the bucket ``b``."""
    running.store.__init__()  # type: ignore[misc]
    running.observed.clear()
    return running.store


@pytest.fixture(scope="session")
def client(running: Running) -> Any:
    return running.client()


@pytest.fixture
def s3(client: Any, store: FakeStore) -> Any:
    """A boto3 client of a store with one empty bucket, ``bucket``."""
    client.create_bucket(Bucket="bucket")
    return client


@pytest.fixture
def wire(running: Running, s3: Any) -> Iterator[Wire]:
    """Signed requests byte by byte, where boto3 is too well-behaved."""
    with Wire(running.port, ACCESS_KEY, SECRET_KEY) as connection:
        yield connection

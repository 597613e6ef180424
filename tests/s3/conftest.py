"""What every S3 test has: the session's server, and a bucket of its own."""

import itertools
from typing import Any

import pytest

from tests.harness.server import Server
from tests.harness.wire import Wire

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def s3(server: Server) -> Any:
    """A boto3 client that does not repeat requests."""
    return server.s3()


@pytest.fixture
def bucket(s3: Any) -> str:
    """A new bucket."""
    name = f"s3-test-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def wire(server: Server) -> Any:
    """A raw signed connection."""
    wire = Wire(server.address, server.credentials)
    yield wire
    wire.close()

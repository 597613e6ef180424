"""A client with root credentials of the session's server."""

from typing import Any

import pytest

from tests.harness.server import Server


@pytest.fixture(scope="session")
def s3(server: Server) -> Any:
    """A boto3 client that does not repeat requests."""
    return server.s3()

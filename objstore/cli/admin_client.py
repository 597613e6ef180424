"""AdminClient: the client of the admin API for the options of a command."""

import os
from pathlib import Path

from objstore.cli.credentials_file import FILE_NAME
from objstore.cli.target import Target, find_target, running
from objstore.client.client import Client
from objstore.client.wire import segment

__all__ = ["AdminClient", "Target", "connect", "connect_to", "segment"]


class AdminClient(Client):
    """The client of a target."""

    def __init__(self, target: Target) -> None:
        super().__init__(
            target.endpoint,
            target.access_key,
            target.secret_key,
            region=target.region,
            session_token=target.session_token,
            verify=target.ca_bundle or True,
        )

    def put_xml(self, bucket: str, document: bytes) -> None:
        """PutBucketLifecycleConfiguration with a document as it is."""
        self.send("PUT", "/" + segment(bucket), {"lifecycle": ""}, document, "application/xml")


def connect(endpoint: str | None, credentials: Path | None) -> AdminClient:
    """A client for the options of a command. Raises CommandError."""
    return AdminClient(find_target(endpoint, credentials, dict(os.environ)))


def connect_to(endpoint: str | None, credentials: Path | None, data: Path | None) -> AdminClient:
    """The same for the server whose data directory is named. Raises CommandError."""
    environment = dict(os.environ)
    if data is not None:
        environment["OBJSTORE_DATA"] = str(data)
        # What runs there is meant, whatever else the environment says.
        endpoint = endpoint or running(data)
        credentials = credentials or data / FILE_NAME
        if not credentials.exists():
            credentials = None
    return AdminClient(find_target(endpoint, credentials, environment))

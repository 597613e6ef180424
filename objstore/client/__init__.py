"""A typed client of the admin API, sync and async.

    from objstore.client import Client

    with Client("http://127.0.0.1:9000", access_key=…, secret_key=…) as client:
        for drive in client.drives.list_drives().drives:
            print(drive.id, drive.state, drive.free_bytes)

``AsyncClient`` has the same calls, to be awaited. Answers are structs of ``objstore.client.calls``, made from the API's
own description; errors are ``ApiError`` (with the server's code and message) and ``Unreachable``.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from objstore.client.client import AsyncClient, Client
    from objstore.client.errors import ApiError, ClientError, NoCredentials, Unreachable

_PLACES = {
    "AsyncClient": "client",
    "Client": "client",
    "ApiError": "errors",
    "ClientError": "errors",
    "NoCredentials": "errors",
    "Unreachable": "errors",
}
__all__ = ["ApiError", "AsyncClient", "Client", "ClientError", "NoCredentials", "Unreachable"]


def __getattr__(name: str) -> Any:
    """Loaded when first used: a command that only wants the errors does not wait for HTTP."""
    if name not in _PLACES:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"objstore.client.{_PLACES[name]}"), name)

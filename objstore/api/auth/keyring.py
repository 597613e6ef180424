"""Keyring: which access key belongs to whom, and its secret."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request comes from. ``owner_id``: canonical user id, 64 hex digits in S3's XML."""

    access_key: str
    owner_id: str
    display_name: str
    is_root: bool = False


class Keyring(Protocol):
    """Asked once for every request: synchronous and cheap."""

    def find(self, access_key: str) -> tuple[str, Identity] | None:
        """Secret key and identity of an access key that may be used now, else None."""
        ...


class RootKeyring:
    """A keyring of one: the root credentials of the server."""

    def __init__(self, access_key: str, secret_key: str, owner_id: str, display_name: str = "root") -> None:
        self._access_key = access_key
        self._entry = (secret_key, Identity(access_key, owner_id, display_name, is_root=True))

    def find(self, access_key: str) -> tuple[str, Identity] | None:
        """See ``Keyring``."""
        return self._entry if access_key == self._access_key else None

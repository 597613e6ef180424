"""Keyring: which access key belongs to whom, and its secret."""

from dataclasses import dataclass, field
from typing import Protocol

from objstore.api.auth.sessions import Session, Sessions
from objstore.identity.directory import Directory
from objstore.identity.entity import Entity
from objstore.identity.principal import ANONYMOUS, Principal
from objstore.identity.sealing import SealBroken, Sealer
from objstore.model import clock
from objstore.model.errors import InvalidToken
from objstore.model.identity_errors import ExpiredToken

# The account of tests and of a server that has none named.
_ACCOUNT = "000000000000"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request comes from. ``owner_id``: canonical user id, 64 hex digits in S3's XML."""

    access_key: str
    owner_id: str
    display_name: str
    is_root: bool = False
    principal: Principal = field(default=ANONYMOUS)


NOBODY = Identity("", "", "anonymous")


class Keyring(Protocol):
    """Asked once for every request: synchronous and cheap. ``directory``: who there is; ``sessions`` makes tokens."""

    directory: Directory
    sessions: Sessions | None

    def find(self, access_key: str, token: str = "") -> tuple[str, Identity] | None:
        """Secret key and identity of an access key that may be used now, else None.

        ``token``: of a session. Raises InvalidToken, ExpiredToken.
        """
        ...


class RootKeyring:
    """A keyring of one: the root credentials of the server."""

    def __init__(self, access_key: str, secret_key: str, owner_id: str, display_name: str = "root") -> None:
        self.directory = Directory(_ACCOUNT, owner_id, display_name)
        self.sessions: Sessions | None = None
        principal = self.directory.principal("")
        assert principal is not None
        self._access_key = access_key
        identity = Identity(access_key, owner_id, display_name, is_root=True, principal=principal)
        self._entry = (secret_key, identity)

    def find(self, access_key: str, token: str = "") -> tuple[str, Identity] | None:
        """See ``Keyring``."""
        if token:
            raise InvalidToken
        return self._entry if access_key == self._access_key else None


class DirectoryKeyring:
    """The keys of a directory, and the root credentials of the server, which go first.

    A secret is opened when its key is first used; nothing is kept longer than the directory stays as it is.
    """

    def __init__(self, directory: Directory, sealer: Sealer, access_key: str, secret_key: str) -> None:
        self.directory = directory
        self.sessions: Sessions | None = Sessions(sealer)
        self._sealer, self._root = sealer, (access_key, secret_key)
        self._entries: dict[str, tuple[str, Identity, float]] = {}
        self._epoch = -1

    def find(self, access_key: str, token: str = "") -> tuple[str, Identity] | None:
        """See ``Keyring``."""
        if self._epoch != self.directory.epoch:
            self._entries.clear()
            self._epoch = self.directory.epoch
        if token:
            assert self.sessions is not None
            return self._of_session(access_key, self.sessions.open(token))
        entry = self._entries.get(access_key)
        if entry is None:
            entry = self._look_up(access_key)
            if entry is None:
                return None
            self._entries[access_key] = entry
        secret, identity, expires = entry
        if expires and expires <= clock.now_seconds():
            return None
        return secret, identity

    def _look_up(self, access_key: str) -> tuple[str, Identity, float] | None:
        if access_key == self._root[0]:
            root = self.directory.principal("")
            assert root is not None
            return self._root[1], _identity(access_key, root, is_root=True), 0.0
        key = self.directory.key(access_key)
        if key is None or not key.body.get("active") or key.secret is None:
            return None
        principal = self.directory.principal(key.body["user"])
        try:
            secret = self._sealer.open(key.secret, secret_context(key)).decode()
        except SealBroken:  # the master key is not the one that it was sealed with: it opens nothing
            return None
        if principal is None:
            return None
        return secret, _identity(access_key, principal), float(key.body.get("expires", 0.0))

    def _of_session(self, access_key: str, session: Session) -> tuple[str, Identity] | None:
        if session.access_key != access_key:
            raise InvalidToken
        if session.expires <= clock.now_seconds():
            raise ExpiredToken
        principal = session.principal(self.directory)
        if principal is None:  # the user or role has been deleted
            raise InvalidToken
        return session.secret, _identity(access_key, principal)


def secret_context(key: Entity) -> bytes:
    """What a key's secret is sealed for: this key of this user, and no other."""
    return f"access key {key.id} of {key.body['user']} in {key.account}".encode()


def _identity(access_key: str, principal: Principal, *, is_root: bool = False) -> Identity:
    return Identity(access_key, principal.owner_id, principal.display_name, is_root, principal)

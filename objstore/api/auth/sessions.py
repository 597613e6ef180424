"""Sessions: temporary credentials that nobody stores. The token holds them, sealed with the master key.

What a session may do is looked up anew for every request: it changes with its user or role, and ends with it.
"""

import base64
import binascii
from dataclasses import replace
from functools import lru_cache

import msgspec

from objstore.identity.arn import session_arn
from objstore.identity.directory import Directory
from objstore.identity.entity import Kind
from objstore.identity.parse import IDENTITY, stored_policy
from objstore.identity.principal import Principal
from objstore.identity.sealing import SealBroken, Sealer
from objstore.model.errors import InvalidToken

PREFIX = "ASIA"
TOKEN_CHARS_MAX = 16 * 1024
_CONTEXT = b"session"
_CACHED = 4096


class Session(msgspec.Struct, frozen=True, omit_defaults=True):
    """``actor``: id of the user, role or account (root) that it acts as. Times in seconds since the epoch.

    ``name``: of the session of a role; ``policy``: what it is limited to besides.
    """

    access_key: str
    secret: str
    actor: str
    issued: float
    expires: float
    name: str = ""
    policy: str = ""
    tags: dict[str, str] = {}

    def principal(self, directory: Directory) -> Principal | None:
        """Who acts in it; None if they are gone."""
        actor = directory.principal(self.actor)
        if actor is None:
            return None
        limit = stored_policy(self.policy, IDENTITY) if self.policy else None
        entity = directory.get(self.actor)
        if entity is None or entity.kind is not Kind.ROLE:
            return replace(actor, session=limit, issued=self.issued, mfa=False)
        arn = session_arn(actor.account, entity.name, self.name)
        return replace(
            actor,
            arn=arn,
            arns=(arn, *actor.arns),
            unique_id=f"{entity.id}:{self.name}",
            name="",
            session=limit,
            tags={**actor.tags, **self.tags},
            issued=self.issued,
            mfa=False,
        )


class Sessions:
    """Makes tokens and reads them."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._opened = lru_cache(_CACHED)(self._open)

    def token(self, session: Session) -> str:
        """The token of a session."""
        return base64.b64encode(self._sealer.seal(msgspec.json.encode(session), _CONTEXT)).decode()

    def open(self, token: str) -> Session:
        """Inverse of ``token``; raises InvalidToken."""
        if len(token) > TOKEN_CHARS_MAX:
            raise InvalidToken
        return self._opened(token)

    def _open(self, token: str) -> Session:
        try:
            sealed = base64.b64decode(token.encode("ascii"), validate=True)
            return msgspec.json.decode(self._sealer.open(sealed, _CONTEXT), type=Session)
        except (binascii.Error, UnicodeEncodeError, ValueError, SealBroken, msgspec.DecodeError):
            raise InvalidToken from None

"""Entity: an account, a user, a group, a role, a managed policy, an access key, an identity provider, settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from typing import Any


class Kind(IntEnum):
    """What an entity is; the numbers are stored."""

    ACCOUNT = 1
    USER = 2
    GROUP = 3
    ROLE = 4
    POLICY = 5
    KEY = 6
    PROVIDER = 7
    SETTINGS = 8


# How unique ids begin, as AWS has it.
PREFIX = {Kind.USER: "AIDA", Kind.GROUP: "AGPA", Kind.ROLE: "AROA", Kind.POLICY: "ANPA", Kind.KEY: "AKIA"}


@dataclass(frozen=True, slots=True)
class Entity:
    """``id`` names it for good; ``name`` may change and is unique in its account and kind, whatever its case.

    ``account``: of which account it is ("" for the server's own). ``body`` by kind:

        ACCOUNT   canonical, display, email
        USER      path, inline, attached, groups; canonical, display, email of one who owns; tags, boundary
        GROUP     path, inline, attached
        ROLE      path, inline, attached, trust, description, session_seconds_max, tags, boundary
        POLICY    path, description, versions: {"v1": [document, created]}, default
        KEY       user: id of a user, or of the account for its root; active; expires (seconds)
        PROVIDER  url, clients, thumbprints
        SETTINGS  public_access: the four blocks, each on or off; one row an account, the server's own has one too

    ``inline``: documents by name; ``attached``: ARNs; ``secret``: of a key, sealed. ``gone``: deleted at ``changed``.
    """

    id: str
    kind: Kind
    account: str
    name: str
    created: datetime
    body: Mapping[str, Any] = field(default_factory=dict)
    secret: bytes | None = None
    gone: bool = False

    def having(self, **fields: Any) -> "Entity":
        """The same with other values in its body; None takes a value away."""
        body = {**self.body, **fields}
        return replace(self, body={name: value for name, value in body.items() if value is not None})

    def named(self, name: str) -> "Entity":
        """The same under another name."""
        return replace(self, name=name)

    def sealed(self, secret: bytes) -> "Entity":
        """The same with its secret sealed anew."""
        return replace(self, secret=secret)

    def deleted(self) -> "Entity":
        """What is left of it."""
        return replace(self, gone=True, secret=None, body={})

    @property
    def path(self) -> str:
        """Its path, which is part of its ARN."""
        return str(self.body.get("path", "/"))


def settings_id(account: str) -> str:
    """Id of what is set for an account; nothing else can be called so."""
    return f"settings {account}"


def settings_entity(account: str, created: datetime, body: Mapping[str, Any]) -> Entity:
    """What is set for an account as a whole."""
    return Entity(settings_id(account), Kind.SETTINGS, account, "settings", created, body)

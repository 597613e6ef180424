"""Tables of identities.

    identity         one row an entity: account, user, group, role, policy, access key, provider; see identity/entity.py
    identity_epoch   one row: how many changes there were; whoever changes identities holds it, so that changes are
                     seen in the order of their numbers and none is missed

A deleted entity leaves a row that says so, until everybody must have seen it.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, PrimaryKeyConstraint, SmallInteger, Table, text
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

from objstore.meta.tables import NAME, TIME, metadata


def _required(name: str, type_: Any, default: str | None = None) -> Column[Any]:
    return Column(name, type_, nullable=False, server_default=None if default is None else text(default))


identity = Table(
    "identity",
    metadata,
    _required("changed", BigInteger),
    _required("created", TIME),
    _required("kind", SmallInteger),
    _required("gone", Boolean, "false"),
    _required("id", NAME),
    _required("account", NAME),
    _required("name", NAME),
    _required("body", JSONB, "'{}'"),
    Column("secret", BYTEA),
    PrimaryKeyConstraint("id"),
    Index("identity_changed_idx", "changed"),
)

identity_epoch = Table(
    "identity_epoch",
    metadata,
    _required("id", SmallInteger),
    _required("epoch", BigInteger, "0"),
    PrimaryKeyConstraint("id"),
)

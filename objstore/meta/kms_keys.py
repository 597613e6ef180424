"""Keys of the built-in key management: by id and by alias."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Boolean, Integer, Text, delete, func, select, update
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.meta.database import Database
from objstore.meta.kms_tables import kms_alias, kms_key
from objstore.meta.statement import Statement, constant, param

k, a = kms_key.c, kms_alias.c
_id = param("id", Text)
_BY_ID = Statement(select(k.number, k.created, k.enabled, k.sealed).where(k.id == _id).order_by(k.number), "id")
_BY_ALIAS = Statement(select(a.key_id).where(a.alias == param("alias", Text)), "alias")
_LIST = Statement(
    select(k.id, func.max(k.number), func.min(k.created), func.bool_and(k.enabled)).group_by(k.id).order_by(k.id)
)
_ALIASES = Statement(select(a.alias, a.key_id).order_by(a.alias))
_CREATE = Statement(
    insert(kms_key).values(id=_id, number=constant(1), sealed=param("sealed", BYTEA)).on_conflict_do_nothing(),
    *("id", "sealed"),
)
_ROTATE = Statement(
    insert(kms_key)
    .values(id=_id, number=param("number", Integer), enabled=param("enabled", Boolean), sealed=param("sealed", BYTEA))
    .on_conflict_do_nothing(),
    *("id", "number", "enabled", "sealed"),
)
_ENABLE = Statement(update(kms_key).where(k.id == _id).values(enabled=param("is_on", Boolean)), "id", "is_on")
_SET_ALIAS = Statement(
    insert(kms_alias)
    .values(alias=param("alias", Text), key_id=param("key_id", Text))
    .on_conflict_do_update(index_elements=[a.alias], set_={"key_id": param("key_id", Text)}),
    *("alias", "key_id"),
)
_DROP_ALIAS = Statement(delete(kms_alias).where(a.alias == param("alias", Text)), "alias")


@dataclass(frozen=True, slots=True)
class KmsKey:
    """A named key. ``sealed``: its versions by number."""

    id: str
    created: datetime
    enabled: bool
    sealed: dict[int, bytes] = field(repr=False)

    @property
    def newest(self) -> int:
        """Number of the version that seals."""
        return max(self.sealed)


@dataclass(frozen=True, slots=True)
class KmsListed:
    """A named key in a list. ``versions``: how many."""

    id: str
    versions: int
    created: datetime
    enabled: bool


class KmsKeys:
    """The tables of keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key_id: str) -> KmsKey | None:
        """A key by its id."""
        records = await self._database.fetch(_BY_ID, key_id)
        if not records:
            return None
        _, created, enabled, _ = records[0]
        return KmsKey(key_id, created, enabled, {record[0]: record[3] for record in records})

    async def of_alias(self, alias: str) -> str | None:
        """The id of the key that an alias names."""
        records = await self._database.fetch(_BY_ALIAS, alias)
        return records[0][0] if records else None

    async def list(self) -> Sequence[KmsListed]:
        """All keys by id."""
        return [KmsListed(*record) for record in await self._database.fetch(_LIST)]

    async def aliases(self) -> dict[str, str]:
        """All aliases with their keys."""
        return {record["alias"]: record["key_id"] for record in await self._database.fetch(_ALIASES)}

    async def create(self, key_id: str, sealed: bytes) -> bool:
        """Add a key; False if there is one of that id."""
        return await self._database.change(_CREATE, key_id, sealed) > 0

    async def rotate(self, known: KmsKey, sealed: bytes) -> bool:
        """Add a version; False if somebody else has rotated it meanwhile."""
        return await self._database.change(_ROTATE, known.id, known.newest + 1, known.enabled, sealed) > 0

    async def enable(self, key_id: str, is_on: bool) -> bool:
        """Switch a key on or off; False if there is none."""
        return await self._database.change(_ENABLE, key_id, is_on) > 0

    async def set_alias(self, alias: str, key_id: str) -> None:
        """Name a key, or have the name mean another one."""
        await self._database.change(_SET_ALIAS, alias, key_id)

    async def drop_alias(self, alias: str) -> bool:
        """Forget a name; False if it was none."""
        return await self._database.change(_DROP_ALIAS, alias) > 0

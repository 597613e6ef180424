"""Identities: what is stored of accounts, users, keys and policies, and how it changes.

Changes take turns: each holds the row of ``identity_epoch``, reads what others have changed before, decides, writes.
So whoever knows all rows up to an epoch and reads those with greater numbers has missed nothing.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from sqlalchemy import BigInteger, SmallInteger, Text, delete, select, update
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, insert
from sqlalchemy.types import Boolean

from objstore.identity.directory import Directory
from objstore.identity.entity import Entity, Kind
from objstore.meta.database import Database, Record, Transaction
from objstore.meta.identity_tables import identity, identity_epoch
from objstore.meta.rows import json_text, json_value
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import TIME

Result = TypeVar("Result")
Change = Callable[[Directory], tuple[Result, list[Entity]]]

# How many changes a deleted entity's row outlives; who has missed more reads everything anew.
EPOCHS_KEPT = 10_000

i, e = identity.c, identity_epoch.c
_COLUMNS = (i.id, i.kind, i.account, i.name, i.created, i.body, i.secret, i.gone)
_TYPES: dict[str, Any] = {
    "id": Text, "kind": SmallInteger, "account": Text, "name": Text, "created": TIME, "body": JSONB, "secret": BYTEA,
    "gone": Boolean, "changed": BigInteger,
}  # fmt: skip
_PARAMETERS = {name: param(f"new_{name}", type_) for name, type_ in _TYPES.items()}

_EPOCH = Statement(select(e.epoch).where(e.id == constant(1)))
_TURN = Statement(
    update(identity_epoch).where(e.id == constant(1)).values(epoch=e.epoch + constant(1)).returning(e.epoch)
)
_SINCE = Statement(select(*_COLUMNS).where(i.changed > param("seen", BigInteger)).order_by(i.changed), "seen")
_PUT = Statement(
    insert(identity)
    .values(**_PARAMETERS)
    .on_conflict_do_update(
        index_elements=[i.id], set_={name: value for name, value in _PARAMETERS.items() if name != "id"}
    ),
    *[f"new_{name}" for name in _TYPES],
)
_SWEEP = Statement(delete(identity).where(i.gone, i.changed < param("before", BigInteger)), "before")


class Identities:
    """The table of identities."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def epoch(self) -> int:
        """How many changes there were."""
        return int((await self._database.fetch(_EPOCH))[0]["epoch"])

    async def refresh(self, directory: Directory) -> bool:
        """Bring a directory up to date; whether there was anything new."""
        while (epoch := await self.epoch()) != directory.epoch:
            if epoch - directory.epoch > EPOCHS_KEPT:
                directory.clear()
            before = directory.epoch
            # Rows of a change that is committed after the epoch was read may be among them: they are read once more.
            records = await self._database.fetch(_SINCE, before)
            if directory.epoch == before:
                directory.apply(map(_entity_of, records), epoch)
                return True
        return False

    async def change(self, directory: Directory, work: Change[Result]) -> Result:
        """Run ``work`` on the directory as it is now, in turn; store the entities that it gives, and take them in.

        ``work`` only reads the directory, may run more than once, and what it raises leaves everything as it was.
        """
        taken: tuple[list[Entity], int] = ([], 0)

        async def transact(transaction: Transaction) -> Result:
            nonlocal taken
            await transaction.identify()
            turn = await transaction.first(_TURN)
            assert turn is not None, "the row that counts changes is gone"
            epoch = int(turn["epoch"])
            if epoch - 1 != directory.epoch:
                seen = await transaction.fetch(_SINCE, directory.epoch)
                directory.apply(map(_entity_of, seen), epoch - 1)
            result, entities = work(directory)
            for entity in entities:
                await transaction.execute(_PUT, *_row_of(entity, epoch))
            await transaction.execute(_SWEEP, epoch - EPOCHS_KEPT)
            taken = (entities, epoch)
            return result

        result = await self._database.transact(transact)
        entities, epoch = taken
        if directory.epoch == epoch - 1:
            directory.apply(entities, epoch)
        return result


def _entity_of(record: Record) -> Entity:
    return Entity(
        record["id"],
        Kind(record["kind"]),
        record["account"],
        record["name"],
        record["created"],
        json_value(record["body"]) or {},
        record["secret"],
        record["gone"],
    )


def _row_of(entity: Entity, epoch: int) -> Iterable[Any]:
    body = json_text(dict(entity.body)) or "{}"
    return (entity.id, int(entity.kind), entity.account, entity.name, entity.created, body, entity.secret, entity.gone,
            epoch)  # fmt: skip

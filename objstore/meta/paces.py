"""Paces that operators have set, in place of the configuration's, and which processes use one now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Double, Interval, Text, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.meta.database import Database, Transaction
from objstore.meta.pace_tables import pace, pace_user
from objstore.meta.statement import Statement, batch, constant, param
from objstore.model.paces import KINDS

p, u = pace.c, pace_user.c
FORGET_SECONDS = 600.0
_ALL = Statement(select(p.name, p.value, p.changed, p.by).limit(constant(2 * len(KINDS))))
_new = {"name": Text, "value": Double, "by": Text}
_insert = insert(pace).values(**{name: param(name, type_) for name, type_ in _new.items()})
_SET = Statement(
    _insert.on_conflict_do_update(
        index_elements=[p.name],
        set_={"value": _insert.excluded.value, "by": _insert.excluded.by, "changed": func.now()},
    ),
    *_new,
)
_RESET = Statement(delete(pace).where(p.name == param("name", Text)), "name")
_now, _process = func.clock_timestamp(), param("process", BYTEA)
_ago = _now - param("seconds", Double) * literal_column("'1 second'::interval", Interval)
_used = batch("used", {"name": Text})
_use = insert(pace_user).from_select(["name", "process", "seen"], select(_used.c.name, _process, _now))
_USE = Statement(_use.on_conflict_do_update(index_elements=[u.name, u.process], set_={"seen": _now}), "name", "process")
_FORGET = Statement(delete(pace_user).where(u.seen < _ago), "seconds")
_OTHERS = Statement(
    select(u.name, func.count()).where(u.process != _process, u.seen >= _ago).group_by(u.name), "process", "seconds"
)


@dataclass(frozen=True, slots=True)
class SetPace:
    """What was set, when, and by whom."""

    value: float
    changed: datetime
    by: str


class Paces:
    """The table of paces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> dict[str, SetPace]:
        """Those that are set, by name. Raises DatabaseUnavailable."""
        rows = await self._database.fetch(_ALL)
        return {name: SetPace(*rest) for name, *rest in rows if name in KINDS}

    async def set(self, name: str, value: float, by: str) -> None:
        """Set one that there is, within its bounds."""
        kind = KINDS[name]
        if not kind.least <= value <= kind.most:
            raise ValueError(f"{name}: from {kind.range} a second")
        await self._database.change(_SET, name, value, by)

    async def reset(self, name: str) -> bool:
        """Let the configuration's hold again; False if nothing was set."""
        return bool(await self._database.change(_RESET, name))

    async def share(self, process: bytes, used: Sequence[str], seconds: float) -> dict[str, int]:
        """A process says which it has used just now; how many others have used each in the last ``seconds``."""
        if used:

            async def work(transaction: Transaction) -> None:
                await transaction.identify()
                await transaction.execute(_USE, sorted(used), process)
                await transaction.execute(_FORGET, FORGET_SECONDS)

            await self._database.transact(work)
        rows = await self._database.fetch(_OTHERS, process, seconds)
        return {str(row[0]): int(row[1]) for row in rows}

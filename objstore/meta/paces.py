"""Paces that operators have set, in place of the configuration's."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Double, Text, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from objstore.meta.database import Database
from objstore.meta.pace_tables import pace
from objstore.meta.statement import Statement, constant, param
from objstore.model.paces import KINDS

p = pace.c
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
            raise ValueError(f"{name}: from {kind.least:g} to {kind.most:g} {kind.unit} a second")
        await self._database.change(_SET, name, value, by)

    async def reset(self, name: str) -> bool:
        """Let the configuration's hold again; False if nothing was set."""
        return bool(await self._database.change(_RESET, name))

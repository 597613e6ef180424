"""Statements built with SQLAlchemy Core and compiled once, to be run by asyncpg without SQLAlchemy in between."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Integer, TableValuedAlias, bindparam, column, func, literal_column
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

AnyType = TypeEngine[Any] | type[TypeEngine[Any]]
_dialect = dialect()  # type: ignore[no-untyped-call]


class Statement:
    """``sql`` is the statement's text, with ``$1 …`` in the order of ``parameters``."""

    __slots__ = ("sql",)

    def __init__(self, clause: ClauseElement, *parameters: str) -> None:
        compiled: Any = clause.compile(dialect=_dialect)
        found: list[str] = list(compiled.positiontup or ())
        if sorted(found) != sorted(parameters):
            raise ValueError(f"the statement takes {found}, not {list(parameters)}")
        place = {str(found.index(name) + 1): f"${i}" for i, name in enumerate(parameters, 1)}
        self.sql = re.sub(r"\$(\d+)", lambda match: place[match[1]], str(compiled))


def param(name: str, type_: AnyType) -> BindParameter[Any]:
    """A parameter of a statement."""
    return bindparam(name, type_=type_)


def array(name: str, type_: AnyType) -> BindParameter[Any]:
    """A parameter that takes a list."""
    return bindparam(name, type_=ARRAY(type_))


def batch(alias: str, columns: Mapping[str, AnyType], *, ordinal: str | None = None) -> TableValuedAlias:
    """Rows from one array parameter a column (``unnest``), named alike; ``ordinal`` names the row number, from 1."""
    arrays = [array(name, type_) for name, type_ in columns.items()]
    names = [column(name, type_) for name, type_ in columns.items()]
    if ordinal is None:
        return func.unnest(*arrays).table_valued(*names).render_derived(name=alias)
    return func.unnest(*arrays).table_valued(*names, with_ordinality=ordinal).render_derived(name=alias)


def constant(value: int) -> ColumnElement[int]:
    """A number that stands in the statement's text: SQLAlchemy would make it a parameter."""
    return literal_column(str(int(value)), Integer)

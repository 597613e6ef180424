"""Every statement of meta has an index to run by, and Postgres accepts its text."""

import importlib
import pkgutil
import re
from typing import Any

import asyncpg
import pytest

import objstore.meta
from objstore.meta import group_statements, walk_statements
from objstore.meta.session import SETTINGS
from objstore.meta.statement import Statement

WHOLE_TABLES = {
    "drives._LIST",
    "drives._STANDING",
    "nodes._LATE",
    "volume_statements.TOTALS",
    "volume_statements.REQUEST_SEAL",
    # Reports; tasks and ledgers are bounded.
    "lifecycle_status._DONE_BY_RULE",
    "lifecycle_status._FIGURES",
    "placements._PLACEMENTS",
    "lifecycle_status._QUEUE",
    "reencode._LEFT",
    "reencode._TOTALS",
    "usage_report._STORED",
    # A few rows: jobs that people start, volumes of a tier.
    "group_statements.SPACE",
    "paces._ALL",
    "paces._FORGET",
    "warm_jobs._LIST",
    "warm_jobs._FORGET",
}


def statements() -> list[Any]:
    found = []
    for module in pkgutil.iter_modules(objstore.meta.__path__):
        if module.name == "usage":  # counts everything, on purpose
            continue
        names = vars(importlib.import_module(f"objstore.meta.{module.name}"))
        for name, value in names.items():
            many = value if isinstance(value, list) else _flat(value)
            found += [
                pytest.param(one, id=f"{module.name}.{name}{i or ''}")
                for i, one in enumerate(many)
                if isinstance(one, Statement) and f"{module.name}.{name}" not in WHOLE_TABLES
            ]
    return found


def _flat(value: Any) -> list[Any]:
    return [one for inner in value.values() for one in _flat(inner)] if isinstance(value, dict) else [value]


@pytest.mark.parametrize("statement", statements())
async def test_plan(raw: "asyncpg.Connection[asyncpg.Record]", statement: Statement) -> None:
    await raw.execute(SETTINGS)
    await raw.execute(f"PREPARE it AS {statement.sql}")
    count = len(set(re.findall(r"\$\d+", statement.sql)))
    arguments = f"({', '.join(['NULL'] * count)})" if count else ""
    plan = "\n".join(row[0] for row in await raw.fetch(f"EXPLAIN EXECUTE it{arguments}"))
    await raw.execute("DEALLOCATE it")
    for scan in ("Seq Scan on", "Bitmap", "Hash Join", "Merge Join"):
        assert scan not in plan, plan


@pytest.mark.parametrize(
    "statement",
    [
        walk_statements.ACCESSED,
        walk_statements.BY_ACCESS,
        walk_statements.NONCURRENT_ACCESSED,
        walk_statements.NONCURRENT_BY_ACCESS,
        group_statements.FULL,
    ],
)
async def test_a_page_of_one_day_is_not_looked_for_in_all_of_it(
    raw: "asyncpg.Connection[asyncpg.Record]", statement: Statement
) -> None:
    """Millions may have been used on the same day: the index leads to the cursor, and only ties are sorted."""
    await raw.execute(SETTINGS)
    await raw.execute(f"PREPARE it AS {statement.sql}")
    count = len(set(re.findall(r"\$\d+", statement.sql)))
    plan = "\n".join(row[0] for row in await raw.fetch(f"EXPLAIN EXECUTE it({', '.join(['NULL'] * count)})"))
    await raw.execute("DEALLOCATE it")
    assert re.search(r"Presorted Key: \w+\.accessed, \w+\.modified", plan), plan
    assert re.search(r"Index Cond: .*ROW\(\w*\.?accessed, \w*\.?modified", plan), plan
    assert not re.search(r"Index Cond: .*\(accessed >=", plan), plan  # it would begin where the day begins

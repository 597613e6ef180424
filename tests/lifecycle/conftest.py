"""Fixtures of the lifecycle engine's tests: a store of two tiers, and an engine that does not wait."""

import pytest

from objstore.lifecycle import walk
from objstore.lifecycle.engine import Engine, EngineSettings
from tests.lifecycle.world import World
from tests.store.conftest import bucket, no_failpoints, place, raw
from tests.store.place import Place

__all__ = ["bucket", "no_failpoints", "place", "raw"]


@pytest.fixture(autouse=True)
def everything_is_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing commits late in a test."""
    monkeypatch.setattr(walk, "VISIBLE", -walk.VISIBLE)


@pytest.fixture
async def world(place: Place, bucket: str, raw: object) -> World:
    """A bucket with an engine; what other tests left is gone."""
    await raw.execute("DELETE FROM task; DELETE FROM walk; DELETE FROM rule_stats")  # type: ignore[attr-defined]
    engine = Engine(place.store, place.database, None, EngineSettings(interval_seconds=0.0, backlog_max=1000))
    return World(place, engine, bucket, raw)

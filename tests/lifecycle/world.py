"""A bucket, its rules, an engine, and a way to make things old."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from objstore.lifecycle.engine import Engine
from objstore.meta.rule_stats import RuleStats, rule_figures
from objstore.meta.versioning import set_versioning
from objstore.model.extended_rules import ExtendedRule
from objstore.model.lifecycle import Rule, to_json
from tests.store.place import Place, content_of

STEPS_MAX = 200


@dataclass
class World:
    """``put`` and ``age`` make objects of any age; ``settle`` lets the engine do all that is due."""

    place: Place
    engine: Engine
    bucket: str
    raw: Any
    contents: dict[bytes, bytes] = field(default_factory=dict)

    async def rules(self, *rules: Rule, extended: tuple[ExtendedRule, ...] = (), **other: Any) -> None:
        """Put a lifecycle configuration."""
        setting = {"rules": to_json(rules), "extended": to_json(extended), **other}
        await self.place.store.set_setting(self.bucket, "lifecycle", setting)

    async def versioning(self, state: str) -> None:
        """Enabled or Suspended."""
        await set_versioning(self.place.database, self.bucket, state)

    async def put(self, *keys: bytes, days: float = 0, size: int = 200_000, storage_class: str = "STANDARD") -> None:
        """Put keys that were modified so many days ago."""
        self.contents |= {key: content_of(size, len(self.contents) + i) for i, key in enumerate(keys)}
        await asyncio.gather(*(self.place.put(self.bucket, key, self.contents[key], storage_class) for key in keys))
        await self.age("object", days, *keys)

    async def age(self, table: str, days: float, *keys: bytes, column: str = "modified") -> None:
        """Make rows as old as that."""
        await self.raw.execute(
            f"UPDATE {table} SET {column} = now() - $2::interval WHERE key = any($1) AND bucket_id = $3",
            keys, timedelta(days=days), await self.bucket_id(),
        )  # fmt: skip

    async def settle(self) -> None:
        """Sync, walk and work until nothing is left to do now."""
        await self.engine.sync()
        await self.raw.execute("UPDATE walk SET next_run = now()")
        for _ in range(STEPS_MAX):
            walked = await self.walk_once()
            if not await self.engine.work() and not walked:
                return
        raise AssertionError("the engine does not come to rest")

    async def walk_once(self) -> int:
        """All walks that are due, once around."""
        return await self.engine.walk()

    async def keys(self) -> dict[bytes, str]:
        """Keys of current versions, with their classes; every one of them reads back whole."""
        rows = await self.raw.fetch("SELECT key FROM object WHERE bucket_id = $1 ORDER BY key", await self.bucket_id())
        found = {}
        for (key,) in rows:
            version = await self.place.store.get(self.bucket, key)
            assert await self.place.read(version) == self.contents[key]
            found[key] = version.storage_class
        return found

    async def tiers(self) -> dict[bytes, int]:
        """Keys, with the codes of their tiers."""
        rows = await self.raw.fetch("SELECT key, tier FROM object WHERE bucket_id = $1", await self.bucket_id())
        return dict(map(tuple, rows))

    async def figures(self) -> dict[tuple[str, str], RuleStats]:
        """Figures of the rules."""
        found = await rule_figures(self.place.database, await self.bucket_id())
        return {(one.rule, one.action): one for one in found}

    async def tasks(self) -> int:
        """How many are queued."""
        return int(await self.raw.fetchval("SELECT count(*) FROM task"))

    async def bucket_id(self) -> int:
        """Of the bucket."""
        return (await self.place.store.get_bucket(self.bucket)).id

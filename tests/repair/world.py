"""A store with drives to spare, and everything that keeps redundancy whole, in one process."""

import asyncio
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from objstore.drive.identify import format_drive, read_identity
from objstore.drive.local import LocalDrive
from objstore.lifecycle.compact import Compactor
from objstore.meta.database import Database
from objstore.meta.redundancy import short_of_redundancy
from objstore.model.states import DriveState
from objstore.model.volumes import Drive as DriveRow
from objstore.repair.context import RepairContext, RepairSettings
from objstore.repair.fsck import Fsck
from objstore.repair.mend import Mender
from objstore.repair.planner import Planner
from objstore.repair.scrub import Scrubber
from objstore.repair.sweep import Sweeper
from objstore.store.build import open_store
from tests.store.place import CLUSTER, PROFILES, Place, content_of

HOT_DRIVES, CAPACITY_DRIVES = 9, 6
SETTINGS = RepairSettings(
    scrub_seconds={"hot": 3600.0, "capacity": 3600.0}, orphan_seconds=3600.0, grace_seconds=0.0, retry_seconds=0.0
)
SIZES = [0, 10, 4000, 65_536, 200_000, 700_001]
STEPS_MAX = 300


class World(Place):
    """``settle`` lets the healers do what is to do; ``contents``: what was put, by key."""

    def __init__(self, root: Path, url: str, hot: int = HOT_DRIVES, settings: RepairSettings = SETTINGS) -> None:
        super().__init__(root, url)
        self.counts = {"hot": hot, "capacity": CAPACITY_DRIVES}
        self.settings = settings
        self.contents: dict[bytes, bytes] = {}
        self.bucket = "repair"

    async def open(self) -> "World":
        """Format what is new, register every drive, open everything."""
        self.drives = []
        for tier, count in self.counts.items():
            self.drives += [await self._drive(tier, number) for number in range(count)]
        self.database = await Database.connect(self.url, pool_size=6)
        self.store = await open_store(
            self.database, self.drives, PROFILES, cluster_id=bytes.fromhex(CLUSTER), host="here", pid=os.getpid(),
            rows=[self.row(drive) for drive in self.drives],
        )  # fmt: skip
        self.context = RepairContext(self.store, self.database, bytes.fromhex(CLUSTER), self.settings)
        for drive in self.drives:
            await self.context.rows.register(self.row(drive))
        self.mender, self.planner, self.sweeper = Mender(self.context), Planner(self.context), Sweeper(self.context)
        self.scrubber, self.fsck = Scrubber(self.context), Fsck(self.context)
        return self

    async def _drive(self, tier: str, number: int) -> LocalDrive:
        path = self.root / f"{tier}-{number}"
        identity = await read_identity(path) or await format_drive(path, CLUSTER, tier)
        return LocalDrive(path, identity)

    async def add_drive(self, tier: str) -> LocalDrive:
        """One more drive."""
        drive = await self._drive(tier, len(self.drives))
        self.drives.append(drive)
        await self.context.rows.register(self.row(drive))
        self.context.drives[drive.id] = drive  # type: ignore[index]
        await self.store.roster.refresh()
        return drive

    def row(self, drive: LocalDrive) -> DriveRow:
        """Each drive is a node of its own, with the same space."""
        return DriveRow(drive.id, drive.tier, f"node-{drive.path.name}", str(drive.path),
                        capacity_bytes=10**9, free_bytes=9 * 10**8)  # fmt: skip

    async def fill(self, *sizes: int, count: int = 1, storage_class: str = "STANDARD", seed: int = 0) -> None:
        """Put objects of these sizes, and seal what they are in."""
        puts = {
            f"{storage_class}-{size}-{number}-{seed}".encode(): content_of(size, number + seed)
            for size in sizes or SIZES
            for number in range(count)
        }
        await asyncio.gather(*(self.put(self.bucket, key, body, storage_class) for key, body in puts.items()))
        self.contents |= puts
        await self.seal()

    async def seal(self) -> None:
        """No volume is written any more."""
        await self.context.volumes.request_seal(None)
        pool = self.store.context.pool
        pool.retire(await self.context.volumes.heartbeat(pool.writer_id))
        while pool._tasks:
            await asyncio.wait(pool._tasks)

    async def check(self) -> None:
        """Everything that was put reads back."""
        for key, body in self.contents.items():
            assert await self.content(self.bucket, key) == body, key

    async def set_state(self, drive: LocalDrive, state: DriveState) -> None:
        """As detection or an operator would."""
        await self.context.rows.set_state(drive.id, state, "a test")
        await self.store.roster.refresh()

    async def lose(self, drive: LocalDrive) -> None:
        """A drive is out, for good: its files cannot be read any more."""
        self.context.drives.pop(drive.id, None)  # type: ignore[attr-defined]
        self.store.context.catalog.forget_all()
        await self.set_state(drive, DriveState.GONE)

    async def settle(self) -> int:
        """Plan and mend until nothing waits; how many volumes were looked at."""
        mended = 0
        for _ in range(STEPS_MAX):
            planned = await self.planner.step()
            step = await self.mender.step()
            mended += step
            if not step and not planned:
                return mended
        raise AssertionError("the healers do not come to rest")

    async def settle_failing(self) -> None:
        """Plan, and try everything that is queued once."""
        await self.planner.step()
        while await self.mender.step():
            if all(one.volumes == one.failing for one in await self.context.repairs.waiting()):
                return

    async def short(self) -> int:
        """Volumes that are short of redundancy."""
        return await short_of_redundancy(self.database)

    async def compact(self) -> None:
        """Give back everything that is garbage."""
        await Compactor(self.store, 0.0, 0.0, 0.0).full_pass(0.0)

    async def holders(self, raw: Any) -> list[LocalDrive]:
        """Drives with shards, those that hold most first."""
        counts = Counter(row[2] for row in await self.shards(raw))
        found = [drive for drive in self.drives if drive.id in counts]
        return sorted(found, key=lambda drive: -counts[drive.id])

    async def holder(self, raw: Any) -> LocalDrive:
        """The drive that holds most."""
        return (await self.holders(raw))[0]

    async def shards(self, raw: Any) -> list[tuple[bytes, int, str, bytes]]:
        """(volume, column, drive, file) of every shard row."""
        rows = await raw.fetch(
            "SELECT volume_id, column_index, drive_id, coalesce(file_id, volume_id) FROM shard ORDER BY 1, 2"
        )
        return [tuple(row) for row in rows]

    def files(self) -> dict[tuple[str, bytes], Path]:
        """Every file on a drive that is here."""
        return {
            (drive.id, bytes.fromhex(path.stem)): path
            for drive in self.drives
            for path in sorted((drive.path / "shards").glob("*/*.shard"))
        }

    async def assert_whole_swept(self, raw: Any) -> None:
        """``assert_whole`` once replaced files are gone; and all reads back."""
        while await self.sweeper.step():
            pass
        await self.assert_whole(raw)
        await self.check()

    async def assert_whole(self, raw: Any) -> None:
        """No volume is short; the files on drives are exactly those that rows name; all of them are sound."""
        assert await self.short() == 0
        rows = await self.shards(raw)
        here = {drive.id for drive in self.drives if drive.id in self.context.drives}
        assert {(drive, file) for _, _, drive, file in rows} == {key for key in self.files() if key[0] in here}
        assert await raw.fetchval("SELECT count(*) FROM repair") == 0
        assert await raw.fetchval("SELECT count(*) FROM damage") == 0

    def flip(self, path: Path, random: Random) -> None:
        """One bit somewhere in a file."""
        content = bytearray(path.read_bytes())
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
        path.write_bytes(content)

    def with_settings(self, **changes: Any) -> RepairContext:
        """A context of the same world with other settings."""
        return RepairContext(self.store, self.database, bytes.fromhex(CLUSTER), replace(self.settings, **changes))

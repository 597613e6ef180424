"""Conservation: whatever happens, what was appended to a volume is live or in its ledger, byte for byte."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from objstore.meta.objects import Swap
from objstore.model.errors import ClusterError, RequestError
from objstore.model.objects import Condition, Upload
from objstore.model.requests import UNCONDITIONAL
from tests.meta.world import WRITER, World, decide_numbers, md5

KEYS = [b"key %d" % i for i in range(12)]
CONDITIONS = [
    UNCONDITIONAL,
    UNCONDITIONAL,
    Condition(if_none_match_any=True),
    Condition(if_match=b"*"),
    Condition(if_match=md5("?")),
]


class Client:
    """Does random things; refusals are part of the game."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world, self.rng = world, rng
        self.volumes = [world.volume]
        self.uploads: list[Upload] = []
        self.steps: list[Callable[[], Awaitable[object]]] = [
            self.write, self.write, self.write, self.put_part, self.put_part, self.start_upload,
            self.complete, self.abort, self.seal, self.relocate, self.fold,
        ]  # fmt: skip

    async def step(self) -> None:
        with suppress(RequestError, ClusterError):
            await self.rng.choice(self.steps)()

    async def write(self) -> None:
        writes = []
        for _ in range(self.rng.randint(1, 8)):
            key, condition = self.rng.choice(KEYS), self.rng.choice(CONDITIONS)
            if self.rng.random() < 0.3:
                writes.append(self.world.delete(key, condition))
                continue
            lengths = [self.rng.randint(0, 50) for _ in range(self.rng.randint(1, 3))]
            other = {"bucket_id": 9} if self.rng.random() < 0.1 else {}
            writes.append(self.world.write(key, *lengths, condition=condition, volume=self.volume(), **other))
        await self.world.objects.commit(writes)

    async def start_upload(self) -> None:
        self.uploads.append(await self.world.start_upload(self.rng.choice(KEYS)))

    async def put_part(self) -> None:
        part = self.world.part(self.rng.choice(self.uploads), self.rng.randint(1, 4), 10, volume=self.volume())
        await self.world.uploads.put_part(part, frozenset([part.extents[:16]]))

    async def complete(self) -> None:
        numbers = set(self.rng.sample(range(1, 5), 3))
        condition = self.rng.choice(CONDITIONS)
        await self.world.uploads.complete(self.rng.choice(self.uploads).id, decide_numbers(numbers), condition)

    async def abort(self) -> None:
        await self.world.uploads.abort(self.rng.choice(self.uploads).id)

    async def seal(self) -> None:
        """The newest volume gives way to another; writers may go on with the old one for a while."""
        self.volumes.append(await self.world.open_volume())
        await self.world.volumes.seal(self.volumes[-2], WRITER, 0)

    async def relocate(self) -> None:
        source, target = self.rng.choice(self.volumes), self.volume()
        names = [(self.world.bucket.id, key) for key in KEYS]
        referents = await self.world.objects.referents(source, names)
        some = self.rng.sample(referents, min(3, len(referents)))
        await self.world.objects.swap([Swap(one, self.world.extents(one.size, volume=target)) for one in some])

    async def fold(self) -> None:
        await self.world.volumes.fold_ledger()

    def volume(self) -> bytes:
        return self.volumes[-1 if self.rng.random() < 0.9 else 0]


@pytest.mark.parametrize("seed", range(12))
async def test_conservation(world: World, seed: int) -> None:
    client = Client(world, random.Random(seed))
    await client.start_upload()
    for _ in range(25):
        await asyncio.gather(*[client.step() for _ in range(1 + seed % 4)])
        await world.check_conservation()


async def test_everything_deleted_is_all_garbage(world: World) -> None:
    client = Client(world, random.Random("end"))
    await client.start_upload()
    for _ in range(60):
        await client.step()
    await world.objects.commit([world.delete(key) for key in KEYS])
    await world.buckets.delete(world.bucket.name)
    assert not await world.live()
    await world.check_conservation()

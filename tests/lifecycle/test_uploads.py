"""Uploads that a rule gives up, against clients who complete them at the same moment."""

import asyncio
from collections import Counter

from objstore.model.errors import NoSuchKey, NoSuchUpload
from objstore.model.lifecycle import Filter, Rule
from objstore.model.requests import CompletePart, CompleteRequest
from tests.lifecycle.world import World
from tests.store.place import Payload, content_of

GIVE_UP = Rule("give up", True, Filter(), abort_days=3)
ROUNDS, UPLOADS = 12, 8


async def begun(world: World, keys: list[bytes]) -> list[CompleteRequest]:
    """Uploads of one part each that are old enough to be given up."""
    store, made = world.place.store, []
    for key in keys:
        world.contents[key] = content_of(150_000, len(world.contents))
        upload = await store.create_upload(world.bucket, key)
        part = await store.put_part(world.bucket, key, upload.id, 1, Payload(world.contents[key]))
        made.append(CompleteRequest(world.bucket, key, upload.id, [CompletePart(1, part.etag.hex())]))
    await world.age("upload", 9, *keys, column="created")
    return made


async def completed(world: World, request: CompleteRequest) -> bool:
    """Whether Complete said that it is done."""
    try:
        await world.place.store.complete(request)
    except NoSuchUpload:
        return False
    return True


async def test_complete_against_what_gives_uploads_up(world: World) -> None:
    """Whoever comes first: the object is whole, or there is neither an upload nor an object, and Complete says so."""
    await world.rules(GIVE_UP)
    outcomes: Counter[bool] = Counter()
    for turn in range(ROUNDS):
        keys = [b"%d-%d" % (turn, number) for number in range(UPLOADS)]
        requests = await begun(world, keys)

        async def late(request: CompleteRequest, number: int) -> bool:
            for _ in range(3 * number * (turn % 3)):  # noqa: B023
                await asyncio.sleep(0)
            return await completed(world, request)

        if turn == ROUNDS - 1:
            await world.settle()
        completing = asyncio.gather(*(late(request, number) for number, request in enumerate(requests)))
        if turn == 0:
            await completing
        done, _ = await asyncio.gather(completing, world.settle())
        for key, request, is_done in zip(keys, requests, done, strict=True):
            if is_done:
                found = await world.place.store.get(world.bucket, key)
                assert await world.place.read(found) == world.contents[key]
                assert await completed(world, request), "it says the same again"
            else:
                assert await missing(world, key)
        outcomes.update(done)
        assert await world.raw.fetchval("SELECT count(*) FROM upload WHERE finished IS NULL") == 0
    assert min(outcomes[True], outcomes[False]) >= UPLOADS, "those of the first round, and of the last one"


async def missing(world: World, key: bytes) -> bool:
    """Whether there is no object."""
    try:
        await world.place.store.get(world.bucket, key)
    except NoSuchKey:
        return True
    return False

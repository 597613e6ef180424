"""Swap and referents: extents are replaced only where they still hold."""

import asyncio

from objstore.meta.objects import Referent, Swap
from objstore.model.objects import ObjectVersion
from objstore.model.requests import UNCONDITIONAL
from tests.meta.world import WRITER, World, cost, decide_all, records


async def moved(world: World, referent: Referent, target: bytes) -> Swap:
    """A swap of all of the referent's extents for new ones in ``target``."""
    return Swap(referent, world.extents(referent.size, volume=target))


async def referents(world: World, *keys: bytes) -> list[Referent]:
    return await world.objects.referents(world.volume, [(world.bucket.id, key) for key in keys])


async def test_referents_by_name(world: World) -> None:
    other = await world.open_volume()
    here, _ = (await world.put(b"here"))[0], await world.put(b"there", volume=other)
    upload = await world.start_upload(b"here")
    part = await world.put_part(upload, 7, 11)
    found = await referents(world, b"here", b"there", b"absent", b"here")
    assert sorted(found, key=lambda one: one.part_number) == [
        Referent(world.bucket.id, b"here", here.version_id, 0, 100, here.extents, 1),
        Referent(world.bucket.id, b"here", upload.id, 7, 11, part.extents),
    ]
    assert len(await world.objects.referents(world.volume, [(world.bucket.id, b"here")], limit=1)) == 1
    await world.uploads.abort(upload.id)
    await world.put(b"here", volume=other)
    assert await referents(world, b"here") == []


async def test_a_volume_among_several(world: World) -> None:
    other = await world.open_volume()
    version = world.version(b"k", 1, 2, volume=other)
    version.extents += world.extents(3)
    write = world.write(b"k")
    world.appended.subtract({world.volume: cost(100)})
    write.version = version
    await world.objects.commit([write])
    assert [one.key for one in await referents(world, b"k")] == [b"k"]
    await world.check_conservation()


async def test_swap(world: World) -> None:
    target = await world.open_volume()
    (version,) = await world.put(b"k", attrs={"m": {"a": "b"}})
    (referent,) = await referents(world, b"k")
    swap = await moved(world, referent, target)
    assert await world.objects.swap([swap]) == [True]
    version.extents = swap.new
    assert await world.current(b"k") == version
    assert await referents(world, b"k") == []
    assert await world.garbage() == {world.volume: cost(100)}
    await world.check_conservation()
    # The old extents hold no more: the new copy is garbage.
    again = await moved(world, referent, target)
    assert await world.objects.swap([again]) == [False]
    assert (await world.garbage())[target] == cost(100)
    await world.check_conservation()
    assert await world.objects.swap([]) == []


async def test_swap_of_some_extents(world: World) -> None:
    target = await world.open_volume()
    write = world.write(b"k", 10, 20, 30)
    await world.objects.commit([write])
    (referent,) = await referents(world, b"k")
    first, _, last = records(referent.extents)
    new = first + world.extents(20, volume=target) + last
    assert await world.objects.swap([Swap(referent, new)]) == [True]
    found = await world.current(b"k")
    assert found is not None
    assert found.extents == new
    assert (await world.garbage())[world.volume] == cost(20)
    await world.check_conservation()


async def test_swap_loses_to_a_put(world: World) -> None:
    target = await world.open_volume()
    await world.put(b"replaced", b"deleted", b"kept")
    found = await referents(world, b"replaced", b"deleted", b"kept")
    swaps = [await moved(world, referent, target) for referent in found]
    (replaced,) = await world.put(b"replaced")
    await world.objects.commit([world.delete(b"deleted")])
    done = await world.objects.swap(swaps)
    assert {swap.referent.key for swap, swapped in zip(swaps, done, strict=True) if swapped} == {b"kept"}
    assert await world.current(b"replaced") == replaced
    assert await world.current(b"deleted") is None
    await world.check_conservation()


async def test_swap_to_a_sealed_volume(world: World) -> None:
    target = await world.open_volume()
    (version,) = await world.put(b"k")
    (referent,) = await referents(world, b"k")
    swap = await moved(world, referent, target)
    await world.volumes.seal(target, WRITER, 0)
    assert await world.objects.swap([swap]) == [False]
    assert await world.current(b"k") == version
    await world.check_conservation()


async def test_swap_of_parts(world: World) -> None:
    target = await world.open_volume()
    upload = await world.start_upload(b"k")
    for number in (1, 2):
        await world.put_part(upload, number)
    await world.put(b"k")
    swaps = [await moved(world, referent, target) for referent in await referents(world, b"k")]
    await world.put_part(upload, 2)
    done = await world.objects.swap(swaps)
    assert {swap.referent.part_number: swapped for swap, swapped in zip(swaps, done, strict=True)} == {
        0: True, 1: True, 2: False,
    }  # fmt: skip
    await world.check_conservation()
    version = await world.uploads.complete(upload.id, decide_all, UNCONDITIONAL)
    one = next(swap for swap in swaps if swap.referent.part_number == 1)
    assert records(version.extents)[0] == one.new
    await world.check_conservation()


async def test_swap_with_link(world: World) -> None:
    """A copy's bytes bear the name of what it was copied from, in the new volume too."""
    target = await world.open_volume()
    await world.put(b"k")
    (referent,) = await referents(world, b"k")
    swap = Swap(referent, world.extents(100, volume=target), linked=True)
    assert await world.objects.swap([swap]) == [True]
    assert [one.key for one in await world.objects.referents(target, [])] == [b"k"]


async def test_swap_races(world: World) -> None:
    """Puts, deletes, Completes and two relocations at once: nothing dangles, every byte is accounted for."""
    targets = [await world.open_volume() for _ in range(2)]
    keys = [b"key %d" % i for i in range(6)]
    for round_ in range(10):
        await world.put(*keys)
        uploads = [await world.start_upload(key) for key in keys[:3]]
        for upload in uploads:
            await world.put_part(upload, 1)
        found = await referents(world, *keys)

        async def relocate(target: bytes, found: list[Referent] = found) -> list[bool]:
            swaps = [await moved(world, referent, target) for referent in found]
            halves = await asyncio.gather(world.objects.swap(swaps[::2]), world.objects.swap(swaps[1::2]))
            return [done for half in halves for done in half]

        await asyncio.gather(
            *[relocate(target) for target in targets],
            *[world.put(key) for key in keys[round_ % 3 :: 3]],
            world.objects.commit([world.delete(key) for key in keys[1::2]]),
            *[world.uploads.complete(upload.id, decide_all, UNCONDITIONAL) for upload in uploads],
        )
        await world.check_conservation()
    assert isinstance(await world.current(keys[0]), ObjectVersion)

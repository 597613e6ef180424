"""Versions: what writes and deletes make of a key, in each state of versioning; random histories against a model."""

import random
from datetime import UTC, datetime

import pytest

from objstore.meta.objects import Guard, Role, Write
from objstore.model.errors import BucketNotEmpty, NoSuchKey, PreconditionFailed
from objstore.model.objects import NULL_VERSION, Condition, ObjectVersion
from tests.meta.world import World

ABSENT = Condition(if_none_match_any=True)


async def put(world: World, key: bytes = b"k", **other: object) -> ObjectVersion:
    [version] = await world.objects.commit([world.write(key, **other)])  # type: ignore[arg-type]
    assert isinstance(version, ObjectVersion), version
    return version


async def delete(world: World, key: bytes = b"k", target: bytes | None = None) -> ObjectVersion | None:
    [version] = await world.objects.commit([world.delete(key, target=target)])
    assert version is None or isinstance(version, ObjectVersion), version
    return version


async def shown(world: World, key: bytes = b"k") -> list[str]:
    """Versions of a key, newest first: id, ``+`` for a marker, ``*`` for the latest."""
    await world.check_versions()
    await world.check_conservation()
    await world.check_usage()
    listed = await world.versions(key)
    return [f"{one.version_text}{'+' * one.marker}{'*' * (one.noncurrent_since is None)}" for one in listed]


async def test_enabled(world: World) -> None:
    old = await put(world)
    assert (old.shown_id, old.versioned) == (None, False)
    await world.set_versioning("Enabled")
    first, second = await put(world), await put(world)
    assert (first.shown_id, first.seq, second.seq) == (first.version_id.hex(), 2, 3)
    a, b = first.version_text, second.version_text
    assert await shown(world) == [f"{b}*", a, "null"]
    marker = await delete(world)
    assert marker is not None
    assert (marker.marker, marker.seq, marker.shown_id) == (True, 4, marker.version_id.hex())
    assert await world.current(b"k") is None
    assert await shown(world) == [f"{marker.version_text}+*", b, a, "null"]
    third = await put(world)
    assert third.seq == 5
    assert await shown(world) == [f"{third.version_text}*", f"{marker.version_text}+", b, a, "null"]
    # For good: the newest of the others is the latest, be it a marker or not.
    assert await delete(world, target=third.version_id) == third
    assert await shown(world) == [f"{marker.version_text}+*", b, a, "null"]
    assert (await delete(world, target=marker.version_id) or third).marker
    assert await shown(world) == [f"{b}*", a, "null"]
    assert await world.current(b"k") == second
    assert await delete(world, target=first.version_id) is not None
    assert await delete(world, target=first.version_id) is None
    assert await delete(world, target=NULL_VERSION) is not None
    assert await shown(world) == [f"{b}*"]
    assert await delete(world, target=second.version_id) == second
    assert await shown(world) == []


async def test_suspended(world: World) -> None:
    await world.set_versioning("Enabled")
    kept = (await put(world)).version_text
    await world.set_versioning("Suspended")
    first = await put(world)
    assert (first.shown_id, first.versioned) == (None, False)
    assert await shown(world) == ["null*", kept]
    second = await put(world)  # replaces the null version, which is the current one
    assert await shown(world) == ["null*", kept]
    assert await world.objects.lookup_versions([(world.bucket.id, b"k", NULL_VERSION)]) == [second]
    await world.set_versioning("Enabled")
    other = (await put(world)).version_text
    await world.set_versioning("Suspended")
    await put(world)  # replaces the null version, which is a noncurrent one
    assert await shown(world) == ["null*", other, kept]
    marker = await delete(world)  # replaces the null version by a marker
    assert marker is not None
    assert (marker.marker, marker.shown_id) == (True, "null")
    assert await shown(world) == ["null+*", other, kept]
    await delete(world)
    assert await shown(world) == ["null+*", other, kept]
    await delete(world, target=NULL_VERSION)
    assert await shown(world) == [f"{other}*", kept]


async def test_markers_upon_nothing(world: World) -> None:
    await world.set_versioning("Enabled")
    first, second = await delete(world), await delete(world)
    assert first is not None
    assert second is not None
    assert await shown(world) == [f"{second.version_text}+*", f"{first.version_text}+"]
    await delete(world, target=second.version_id)
    assert await shown(world) == [f"{first.version_text}+*"]
    assert await delete(world, b"nothing", target=b"x" * 16) is None
    with pytest.raises(BucketNotEmpty):
        await world.buckets.delete(world.bucket.name)
    await delete(world, target=first.version_id)
    await world.buckets.delete(world.bucket.name)
    assert not await world.raw.fetch("SELECT FROM usage WHERE bucket_id = $1", world.bucket.id)


async def test_conditions_are_about_the_current_version(world: World) -> None:
    await world.set_versioning("Enabled")
    version = await put(world, condition=ABSENT)
    match = Condition(if_match=version.etag)
    [refused] = await world.objects.commit([world.write(b"k", condition=ABSENT)])
    assert isinstance(refused, PreconditionFailed)
    await delete(world)
    # Behind a marker there is nothing to match, and nothing in the way of a new one.
    [refused] = await world.objects.commit([world.write(b"k", condition=match)])
    assert isinstance(refused, NoSuchKey)
    [refused] = await world.objects.commit([world.delete(b"k", match)])
    assert isinstance(refused, NoSuchKey)
    assert (await put(world, condition=ABSENT)).seq == 3
    await world.check_conservation()


async def test_changes_of_one_key_in_one_batch(world: World) -> None:
    await world.set_versioning("Enabled")
    first, second = world.write(b"k"), world.write(b"k")
    outcomes = await world.objects.commit([first, world.delete(b"k"), second, world.delete(b"other")])
    assert [one.seq for one in outcomes if isinstance(one, ObjectVersion)] == [1, 2, 3, 1]
    assert [mark[-2:] for mark in await shown(world)][1][-1] == "+"
    # What clean-up code does: every version of a key at once, in the order of the listing.
    targets = [one.version_id for one in await world.versions(b"k")]
    await world.objects.commit([world.delete(b"k", target=target) for target in targets])
    assert await shown(world) == []


async def test_guards(world: World) -> None:
    await world.set_versioning("Enabled")
    old, new = await put(world), await put(world)

    async def guarded(target: bytes | None, version_id: bytes, role: Role) -> bool:
        write = Write(world.bucket.id, b"k", None, target=target, guard=Guard(version_id, role))
        [outcome] = await world.objects.commit([write])
        return not isinstance(outcome, PreconditionFailed)

    assert not await guarded(None, old.version_id, Role.LATEST)
    assert not await guarded(new.version_id, new.version_id, Role.NONCURRENT)
    assert not await guarded(new.version_id, new.version_id, Role.ALONE)
    assert not await guarded(b"x" * 16, b"x" * 16, Role.NONCURRENT)
    assert await guarded(None, new.version_id, Role.LATEST)
    marker = (await world.versions(b"k"))[0]
    assert not await guarded(marker.version_id, marker.version_id, Role.ALONE)
    assert await guarded(old.version_id, old.version_id, Role.NONCURRENT)
    assert await guarded(new.version_id, new.version_id, Role.NONCURRENT)
    assert await guarded(marker.version_id, marker.version_id, Role.ALONE)
    assert await shown(world) == []


async def test_lookups_by_id(world: World) -> None:
    null = await put(world)
    await world.set_versioning("Enabled")
    old, new = await put(world), await put(world)
    marker = await delete(world)
    assert marker is not None
    ids = [null.version_id, NULL_VERSION, old.version_id, marker.version_id, new.version_id, b"x" * 16]
    found = await world.objects.lookup_versions([(world.bucket.id, b"k", version_id) for version_id in ids])
    # The null version is known by no other name, though it has an id.
    assert [one and one.seq for one in found] == [None, 1, 2, 4, 3, None]
    assert [bool(one and one.noncurrent_since) for one in found] == [False, True, True, False, True, False]
    assert (found[2] or old).attrs == old.attrs
    assert await world.objects.latest_marker(world.bucket.id, b"k") == found[3]
    assert await world.objects.lookup_versions([(world.bucket.id, b"other", old.version_id)]) == [None]
    await delete(world, target=marker.version_id)
    assert await world.objects.latest_marker(world.bucket.id, b"k") is None


async def test_noncurrent_since_is_when_the_next_one_came(world: World) -> None:
    await world.set_versioning("Enabled")
    await put(world)
    before = datetime.now(UTC)
    await delete(world)
    since = (await world.versions(b"k"))[1].noncurrent_since
    assert since is not None
    assert abs((since - before).total_seconds()) < 60


class Model:
    """Versions of keys as S3 has them: newest first, (id or None for null, marker)."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.random, self.state = world, random.Random(seed), None
        self.keys: dict[bytes, list[tuple[bytes, bool, bool]]] = {key: [] for key in (b"a", b"dir/b", b"dir/c")}

    async def step(self) -> None:
        if self.random.random() < 0.1:
            self.state = "Enabled" if self.state is None else self.random.choice(["Enabled", "Suspended"])
            await self.world.set_versioning(self.state)
        writes = [self._change(self.random.choice(list(self.keys))) for _ in range(self.random.choice([1, 1, 4, 12]))]
        outcomes = await self.world.objects.commit(writes)
        for write, outcome in zip(writes, outcomes, strict=True):
            self._apply(write, outcome)
        for key, versions in self.keys.items():
            listed = await self.world.versions(key)
            assert [(one.version_id, one.versioned, one.marker) for one in listed] == versions, key
            current = await self.world.current(key)
            latest = versions[0] if versions else None
            assert (current and current.version_id) == (latest[0] if latest and not latest[2] else None)

    def _change(self, key: bytes) -> Write:
        kind = self.random.choices(["put", "delete", "remove"], [5, 3, 4])[0]
        if kind == "put":
            return self.world.write(key, self.random.choice([1, 10, 100]))
        if kind == "delete":
            return self.world.delete(key)
        known = [id_ if versioned else NULL_VERSION for id_, versioned, _ in self.keys[key]]
        return self.world.delete(key, target=self.random.choice([*known, NULL_VERSION, b"x" * 16]))

    def _apply(self, write: Write, outcome: object) -> None:
        versions = self.keys[write.key]
        if write.target is not None:
            gone = [one for one in versions if (one[0] if one[1] else NULL_VERSION) == write.target]
            assert (outcome is None) == (not gone)
            self.keys[write.key] = [one for one in versions if one not in gone]
            return
        if self.state != "Enabled":
            versions[:] = [one for one in versions if one[1]]
        if write.version is not None or self.state is not None:
            assert isinstance(outcome, ObjectVersion)
            versions.insert(0, (outcome.version_id, self.state == "Enabled", write.version is None))


@pytest.mark.parametrize("seed", range(6))
async def test_random_histories(world: World, seed: int) -> None:
    model = Model(world, seed)
    for _ in range(40):
        await model.step()
    await world.check_versions()
    await world.check_conservation()
    await world.check_usage()

"""A whole store in one process on drives that break: random work against a model that is a dict.

Claim: every answered change reads back, and an unanswered one is all-old or all-new, while no stripe has lost more
than m columns.
"""

import asyncio
from collections.abc import Mapping, Sequence
from random import Random

from objstore.drive.base import Drive
from objstore.lifecycle.compact import Compactor
from objstore.meta.database import Database
from objstore.model import clock
from objstore.model.errors import ClusterError, NoSuchKey, RequestError
from objstore.model.objects import Condition
from objstore.model.profile import Profile
from objstore.model.requests import (
    CompletePart,
    CompleteRequest,
    CopyRequest,
    DeleteRequest,
    ListRequest,
    PutRequest,
)
from objstore.store.build import open_store
from objstore.store.store import Store
from tests.sim.drive import SimDrive
from tests.sim.versions import KEYS as VERSIONED_KEYS
from tests.sim.versions import Versions

PROFILE = Profile(4, 2, unit_bytes=32768, pack_bytes_max=8192, stripe_bytes_max=2 * 131072, shard_bytes_max=400_000)
DRIVES = 9
KEYS = [f"k/{i}".encode() for i in range(12)]
SIZES = [0, 1, 63, 900, 8192, 8193, 40_000, 131_072, 131_073, 300_000, 700_001]
BUCKET = "sim"


class SimBody:
    """A payload that comes in pieces."""

    algorithms: frozenset[str] = frozenset()

    def __init__(self, payload: bytes, random: Random, told: bool) -> None:
        self._rest, self._random = payload, random
        self.length = len(payload) if told else None

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        size = self._random.choice([1000, 20_000, 500_000])
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece

    async def read_into(self, buffer: memoryview) -> int:
        await asyncio.sleep(0)
        size = min(len(buffer), self._random.choice([1000, 20_000, 500_000]))
        piece, self._rest = self._rest[:size], self._rest[size:]
        buffer[: len(piece)] = piece
        return len(piece)

    def verify(self, digests: Mapping[str, bytes]) -> None:
        assert "MD5" in digests

    def checksum_algorithm(self) -> str | None:
        return None


class Simulation:
    """One seed."""

    def __init__(self, seed: int, url: str) -> None:
        self.random, self._url = Random(seed), url
        self.drives = [SimDrive(f"{i:032x}", "hot", self.random) for i in range(DRIVES)]
        self.victims = self.random.sample(self.drives, PROFILE.m)
        # key → what a reader may see; more than one only while the outcome of a change is not known
        self.model: dict[bytes, set[bytes | None]] = {key: {None} for key in KEYS}
        self.counts = dict.fromkeys(("acked", "unknown", "refused", "crashes", "flips", "faults", "passes"), 0)
        self._losses = 0
        self.versions = Versions(self.random, self._payload, self._body, self._read)

    async def run(self, steps: int) -> None:
        await self._open()
        await self.store.create_bucket(BUCKET, "root", "us-east-1")
        await self.versions.create()
        for _ in range(steps):
            await self.random.choices(
                [self._work, self._crash, self._rot, self._lose, self._fault, self._compact], [12, 2, 2, 0.5, 2, 1.5]
            )[0]()
        for drive in self.drives:
            drive.fail_next_sync = drive.fail_next_write = False
        await self._check_all()
        await self._empty()
        await self._close()

    async def _open(self) -> None:
        # What is claimed here is not about time: on a busy machine Postgres may take as long as maintenance may.
        self.database = (await Database.connect(self._url, pool_size=3)).patient
        self.store: Store = await open_store(
            self.database, self._seen(), {"hot": PROFILE}, cluster_id=b"c" * 16, host="sim", pid=1
        )
        self.versions.store = self.store
        self.compactor = Compactor(self.store, garbage_ratio=0.1, grace_seconds=0.0, retry_seconds=0.0)

    def _seen(self) -> Sequence[Drive]:
        """The drives as the store sees them."""
        return self.drives

    async def _close(self) -> None:
        await self.store.close()
        await self.database.close()

    async def _work(self) -> None:
        """Several changes at once, each of another key, and some reads."""
        keys = self.random.sample(KEYS, self.random.randint(1, 6))
        versioned = self.random.sample(VERSIONED_KEYS, self.random.randint(0, 3))
        await asyncio.gather(*map(self._change, keys), *map(self._change_versions, versioned))
        await asyncio.gather(*(self._check(key) for key in self.random.sample(KEYS, 3)))
        await self.versions.check(self.random.choice(VERSIONED_KEYS))
        if self.random.random() < 0.2:
            await self._check_listing()

    async def _change(self, key: bytes) -> None:
        verb = self.random.choices([self._put, self._delete, self._copy, self._multipart], [6, 2, 1.5, 1.5])[0]
        before = set(self.model[key])
        after: set[bytes | None] = set()
        try:
            await verb(key, after)
        except RequestError:
            self.counts["refused"] += 1
        except ClusterError:
            # A 503: the client does not know.
            self.model[key] = before | after
            self.counts["unknown"] += 1
        except asyncio.CancelledError:
            self.model[key] = before | after
            raise
        else:
            self.model[key] = after or before
            self.counts["acked"] += 1

    async def _change_versions(self, key: bytes) -> None:
        self.counts[await self.versions.change(key)] += 1

    async def _put(self, key: bytes, after: set[bytes | None]) -> None:
        payload = self._payload()
        after.add(payload)
        condition = Condition()
        if len(self.model[key]) == 1 and self.random.random() < 0.2:
            condition = Condition(if_none_match_any=True)
            if self.model[key] != {None}:
                after.clear()
        await self.store.put(PutRequest(BUCKET, key, condition=condition), self._body(payload))
        assert after, "a conditional PUT passed over an existing object"

    async def _delete(self, key: bytes, after: set[bytes | None]) -> None:
        after.add(None)
        await self.store.delete(BUCKET, DeleteRequest(key))

    async def _copy(self, key: bytes, after: set[bytes | None]) -> None:
        source = self.random.choice(KEYS)
        # What is copied is whatever the source is at that moment; only a source that nobody changes tells us.
        version = await self.store.get(BUCKET, source)
        content = await self._read(version, 0, version.size)
        after.add(content)

        def same(seen: object) -> None:
            if getattr(seen, "version_id", None) != version.version_id:
                raise NoSuchKey

        await self.store.copy(CopyRequest(BUCKET, source, BUCKET, key, same))

    async def _multipart(self, key: bytes, after: set[bytes | None]) -> None:
        upload = await self.store.create_upload(BUCKET, key)
        payload = self._payload()
        await self.store.put_part(BUCKET, key, upload.id, 1, self._body(self._payload()))
        part = await self.store.put_part(BUCKET, key, upload.id, 1, self._body(payload))
        if self.random.random() < 0.2:
            await self.store.abort(BUCKET, key, upload.id)
            return
        after.add(payload)
        request = CompleteRequest(BUCKET, key, upload.id, [CompletePart(1, part.etag.hex())])
        first = await self.store.complete(request)
        again = await self.store.complete(request)
        assert (first.version_id, first.etag) == (again.version_id, again.etag)

    def _payload(self) -> bytes:
        return self.random.randbytes(self.random.choice(SIZES))

    def _body(self, payload: bytes) -> SimBody:
        return SimBody(payload, self.random, self.random.random() < 0.8)

    async def _check(self, key: bytes) -> None:
        """What is read is what was answered; and once seen, it stays."""
        try:
            version = await self.store.get(BUCKET, key)
            found: bytes | None = await self._read(version, 0, version.size)
        except NoSuchKey:
            found = None
        assert found in self.model[key], f"{key!r}: {_brief(found)}, expected {[_brief(v) for v in self.model[key]]}"
        self.model[key] = {found}
        if found and self.random.random() < 0.5:
            start = self.random.randrange(len(found))
            end = self.random.randint(start + 1, len(found))
            assert await self._read(version, start, end) == found[start:end]

    async def _read(self, version: object, start: int, end: int) -> bytes:
        reader = await self.store.read(version, start, end)  # type: ignore[arg-type]
        return b"".join([bytes(piece) async for piece in reader])

    async def _check_all(self) -> None:
        for key in KEYS:
            await self._check(key)
        for key in VERSIONED_KEYS:
            await self.versions.check(key)
        await self._check_listing()

    async def _check_listing(self) -> None:
        page = await self.store.list(ListRequest(BUCKET, prefix=b"k/", limit=100))
        found = {version.key: version.size for version in page.versions}
        for key, values in self.model.items():
            sizes = {None if value is None else len(value) for value in values}
            assert found.get(key) in sizes, f"{key!r} listed with {found.get(key)}, expected {sizes}"

    async def _crash(self) -> None:
        """Power goes in the middle of work: tasks stop where they are, unsynced bytes are lost or torn."""
        self.counts["crashes"] += 1
        keys = self.random.sample(KEYS, 5)
        changes = [*map(self._change, keys), *map(self._change_versions, VERSIONED_KEYS)]
        work = asyncio.gather(*changes, return_exceptions=True)
        for _ in range(self.random.randrange(60)):
            await asyncio.sleep(0 if self.random.random() < 0.7 else 0.0005)
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            # Again and again: power does not wait for anybody's clean-up.
            for task in others:
                task.cancel()
            await asyncio.wait(others, timeout=0.01)
        await asyncio.gather(work, return_exceptions=True)
        await self.database.close()
        for drive in self.drives:
            drive.crash()
        await self._open()
        await self.store.context.volumes.seal_orphans(0.0)
        await self._check_all()

    async def _rot(self) -> None:
        self.counts["flips"] += self.random.choice(self.victims).rot(self.random.choice([1, 5, 50]))

    async def _lose(self) -> None:
        self.random.choice(self.victims).gone = True

    async def _fault(self) -> None:
        """The next write or sync of some drive fails."""
        drive = self.random.choice(self.drives)
        if self.random.random() < 0.5:
            drive.fail_next_sync = True
        else:
            drive.fail_next_write = True
        self.counts["faults"] += 1
        await self._work()

    async def _compact(self) -> None:
        """A pass while clients work."""
        self.counts["passes"] += 1
        await asyncio.gather(self.compactor.step(), self._work())

    async def _empty(self) -> None:
        """Delete everything: after one pass nothing but superblocks of open volumes may be left."""
        for key in KEYS:
            await self.store.delete(BUCKET, DeleteRequest(key))
        await self.versions.empty()
        for upload in (await self.store.list_uploads(BUCKET, b"", b"", b"", None, 1000)).uploads:
            await self.store.abort(BUCKET, upload.key, upload.id)
        await self._close()
        await self._open()
        await self.store.context.volumes.seal_orphans(0.0)
        await self.compactor.full_pass(0.0)
        for drive in self.drives:
            if not drive.gone:
                left = {v.hex(): len(s.written) for v, s in drive.shards_here.items() if len(s.written) > 4096}
                assert not left, f"drive {drive.id} still holds {left}"


def _brief(value: bytes | None) -> str:
    return "nothing" if value is None else f"{len(value)} bytes {value[:8].hex()}"


async def simulate(seed: int, url: str, steps: int) -> dict[str, int]:
    """Run one seed; AssertionError if the claim does not hold."""
    simulation = Simulation(seed, url)
    true_random, clock.random_bytes = clock.random_bytes, Random(seed).randbytes
    try:
        await simulation.run(steps)
    finally:
        clock.random_bytes = true_random
    return simulation.counts

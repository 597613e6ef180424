"""A bucket with versions in the simulation: the model is, for each key, the versions that were answered for."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from objstore.model.errors import ClusterError, RequestError
from objstore.model.objects import ObjectVersion
from objstore.model.requests import CopyRequest, DeleteRequest, ListVersionsRequest, PutRequest
from objstore.store.store import Store

BUCKET = "sim-versions"
KEYS = [f"v/{i}".encode() for i in range(4)]


@dataclass
class Known:
    """What is known of a key. ``versions``: id → bytes, None for a marker, in the order in which they were made."""

    versions: dict[bytes, bytes | None] = field(default_factory=dict)
    maybe_made: list[bytes | None] = field(default_factory=list)  # not answered: may be there, under an unknown id
    maybe_gone: set[bytes] = field(default_factory=set)


class Versions:
    """Changes and checks of the versioned bucket."""

    def __init__(self, random: Random, payload: Any, body: Any, read: Any) -> None:
        self._random, self._payload, self._body, self._read = random, payload, body, read
        self.known = {key: Known() for key in KEYS}
        self.store: Store

    async def create(self) -> None:
        await self.store.create_bucket(BUCKET, "root", "us-east-1")
        await self.store.set_versioning(BUCKET, "Enabled")

    async def change(self, key: bytes) -> str:
        """One change of a key, which nobody else changes meanwhile; what became of it."""
        known = self.known[key]
        verb = self._random.choices([self._put, self._mark, self._remove, self._copy], [5, 2, 3, 1])[0]
        made: list[bytes | None] = []
        gone: set[bytes] = set()
        done = False
        try:
            await verb(key, known, made, gone)
            done = True
            return "acked"
        except RequestError:
            made.clear()
            gone.clear()
            return "refused"
        except ClusterError:
            return "unknown"
        finally:
            if not done:
                known.maybe_made += made
                known.maybe_gone |= gone

    async def _put(self, key: bytes, known: Known, made: list[bytes | None], gone: set[bytes]) -> None:
        payload = self._payload()
        made.append(payload)
        result = await self.store.put(PutRequest(BUCKET, key), self._body(payload))
        known.versions[result.version_id] = payload

    async def _mark(self, key: bytes, known: Known, made: list[bytes | None], gone: set[bytes]) -> None:
        made.append(None)
        result = await self.store.delete(BUCKET, DeleteRequest(key))
        assert result.marker
        assert result.shown_id
        known.versions[bytes.fromhex(result.shown_id)] = None

    async def _remove(self, key: bytes, known: Known, made: list[bytes | None], gone: set[bytes]) -> None:
        if known.versions:
            version_id = self._random.choice(list(known.versions))
            gone.add(version_id)
            await self.store.delete(BUCKET, DeleteRequest(key, version_id))
            del known.versions[version_id]
            known.maybe_gone.discard(version_id)

    async def _copy(self, key: bytes, known: Known, made: list[bytes | None], gone: set[bytes]) -> None:
        """One of its own older versions comes back."""
        there = [id_ for id_, content in known.versions.items() if content is not None and id_ not in known.maybe_gone]
        if there:
            version_id = self._random.choice(there)
            made.append(known.versions[version_id])
            request = CopyRequest(BUCKET, key, BUCKET, key, lambda _: None, source_version=version_id)
            copied, source = await self.store.copy(request)
            assert source.version_id == version_id
            known.versions[copied.version_id] = known.versions[version_id]

    async def check(self, key: bytes) -> None:
        """What is listed is what was answered, in its order; each version reads back, and the first is the latest."""
        known = self.known[key]
        listed = await self._listed(key)
        assert [one.noncurrent_since is None for one in listed] == [True, *[False] * (len(listed) - 1)][: len(listed)]
        ids = {one.version_id for one in listed}
        for version_id in known.maybe_gone - ids:
            known.versions.pop(version_id, None)
        known.maybe_gone.clear()
        assert set(known.versions) <= ids, f"{key!r}: versions are missing"
        contents: dict[bytes, bytes | None] = {}
        for one in reversed(listed):
            contents[one.version_id] = await self._content(one)
            if one.version_id in known.versions:
                assert contents[one.version_id] == known.versions[one.version_id], f"{key!r} {one.version_id.hex()}"
            else:
                known.maybe_made.remove(contents[one.version_id])  # ValueError: nobody has made this
        assert [id_ for id_ in contents if id_ in known.versions] == list(known.versions), f"{key!r}: another order"
        known.versions = contents
        known.maybe_made.clear()
        await self._check_current(key, listed)

    async def _check_current(self, key: bytes, listed: list[ObjectVersion]) -> None:
        try:
            current = await self.store.get(BUCKET, key)
        except RequestError:
            assert not listed or listed[0].marker
        else:
            assert current.version_id == listed[0].version_id

    async def _listed(self, key: bytes) -> list[ObjectVersion]:
        return (await self.store.list_versions(ListVersionsRequest(BUCKET, prefix=key))).versions

    async def _content(self, one: ObjectVersion) -> bytes | None:
        if one.marker:
            return None
        version = await self.store.get(BUCKET, one.key, one.version_id)
        content: bytes = await self._read(version, 0, version.size)
        return content

    async def empty(self) -> None:
        """Delete every version and marker."""
        for key in KEYS:
            requests = [DeleteRequest(key, one.version_id) for one in await self._listed(key)]
            await self.store.delete_many(BUCKET, requests)
            assert not await self._listed(key)
        await self.store.delete_bucket(BUCKET)

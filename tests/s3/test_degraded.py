"""With any m shards of each volume lost or wrong everything reads back, without a restart; with m+1 nothing is made up.

A seed that finds something becomes a test of its own.
"""

import asyncio
import http.client
import os
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.harness.server import Server
from tests.harness.wire import Wire, path_of
from tests.s3.damage import Kind, Shards, delete, flip, misdirect, truncate, zero, zero_half
from tests.s3.trees import MIB, content

BUCKET = "degraded"
SETTINGS = """\
repair_workers = 0
compact_interval_seconds = 3600
[tier.hot]
shard_bytes_max = 1048576
[tier.capacity]
shard_bytes_max = 1048576
"""
KIB = 1024
SIZES = (0, 1, 100, 4095, 32 * KIB - 1, 32 * KIB + 1, 128 * KIB, 128 * KIB + 1, 256 * KIB, 512 * KIB + 1, MIB - 1,
         MIB + 1, 5 * MIB + 1, 11 * MIB)  # fmt: skip
LARGE = 30 * MIB  # longer than a volume: its header is in front of what is damaged, its end behind
SMALL_OBJECTS = 80
CLASSES = {"hot": "STANDARD", "capacity": "STANDARD_IA"}
PARITY = {"hot": 2, "capacity": 4}
TIERS = tuple(CLASSES)
SEED = int(os.environ.get("DEGRADED_SEED", "1"))


@dataclass(slots=True)
class Stored:
    """A server with objects in both tiers. ``large``: one more in each. ``away``: where lost drives are meanwhile."""

    server: Server
    bodies: dict[str, dict[str, bytes]]
    large: dict[str, bytes]
    shards: dict[str, Shards]
    away: Path
    spots: set[tuple[str, str]]

    def damage(self, tier: str, kind: Kind | None, count: int, seed: int) -> None:
        """See ``Shards.damage``."""
        self.spots |= self.shards[tier].damage(kind, count, random.Random(seed))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    directory = tmp_path_factory.mktemp("degraded")
    server = Server(directory, workers=1, settings=SETTINGS).start()
    try:
        server.s3().create_bucket(Bucket=BUCKET)
        bodies = {tier: _store(server, storage_class) for tier, storage_class in CLASSES.items()}
        large = {storage_class: content(LARGE, 8) for storage_class in CLASSES.values()}
        for storage_class, body in large.items():
            _put(server.s3(), f"large/{storage_class}", body, storage_class)
        server.restart()  # so that no shard is open: what is deleted is really gone
        drives = server.data / "drives"
        shards = {tier: Shards(drives, tier, directory / "copy") for tier in TIERS}
        (away := directory / "away").mkdir()
        yield Stored(server, bodies, large, shards, away, set())
        assert server.stop() == 0
    finally:
        server.close()


@pytest.fixture(autouse=True)
def _restored(stored: Stored) -> Iterator[None]:
    yield
    for shards in stored.shards.values():
        shards.restore()


def _store(server: Server, storage_class: str) -> dict[str, bytes]:
    """Objects of all sizes; small ones together, so that stripes hold several."""
    chance = random.Random(storage_class)
    sizes = [*SIZES, *(int(2 ** chance.uniform(0, 16)) for _ in range(SMALL_OBJECTS))]
    bodies = {f"{storage_class}/{number}-{size}": content(size, number) for number, size in enumerate(sizes)}
    s3 = server.s3()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda item: _put(s3, *item, storage_class), bodies.items()))
    key = f"{storage_class}/parts"
    bodies[key] = _put_parts(s3, key, storage_class)
    return bodies


def _put(s3: Any, key: str, body: bytes, storage_class: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=body, StorageClass=storage_class, Metadata={"k": str(len(body))})


def _put_parts(s3: Any, key: str, storage_class: str) -> bytes:
    named = {"Bucket": BUCKET, "Key": key}
    named["UploadId"] = s3.create_multipart_upload(**named, StorageClass=storage_class)["UploadId"]
    bodies, parts = [content(size, size) for size in (5 * MIB, 5 * MIB + 3, 1000)], []
    for number, body in enumerate(bodies, 1):
        parts.append({"PartNumber": number, "ETag": s3.upload_part(**named, PartNumber=number, Body=body)["ETag"]})
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    return b"".join(bodies)


def _assert_all_there(stored: Stored, tier: str, seed: int) -> None:
    """Every object whole, and three ranges of each."""
    chance, wire = random.Random(seed), Wire(stored.server.address, stored.server.credentials)
    try:
        for key, body in stored.bodies[tier].items():
            path = path_of(BUCKET, key)
            answer = wire.request("GET", path)
            assert (answer.status, answer.body == body) == (200, True), (seed, key)
            for _ in range(3 if body else 0):
                start = chance.randrange(len(body))
                end = min(len(body), start + 1 + int(2 ** chance.uniform(0, 20)))
                answer = wire.request("GET", path, headers={"range": f"bytes={start}-{end - 1}"})
                assert (answer.status, answer.body == body[start:end]) == (206, True), (seed, key, start, end)
    finally:
        wire.close()


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("way", ["emptied", "renamed"])
def test_m_drives(stored: Stored, tier: str, way: str) -> None:
    """Whole drives: their files are gone, or the mount point is empty. The first tests: no shard is open yet."""
    lost = random.Random(SEED).sample(stored.shards[tier].drives, PARITY[tier])
    stored.spots |= {(file.stem, drive.name) for drive in lost for file in drive.rglob("*.shard")}
    taken = {drive / "shards" if way == "emptied" else drive: stored.away / drive.name for drive in lost}
    for path, away in taken.items():
        path.rename(away)
        path.mkdir()
    try:
        _assert_all_there(stored, tier, SEED)
    finally:
        for path, away in taken.items():
            assert list(path.iterdir()) == []  # nothing is written below an empty mount point
            path.rmdir()
            away.rename(path)


@pytest.mark.parametrize("kind", [delete, flip, truncate, zero, misdirect], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("tier", TIERS)
def test_m_shards_of_every_volume(stored: Stored, tier: str, kind: Kind) -> None:
    stored.damage(tier, kind, PARITY[tier], SEED)
    _assert_all_there(stored, tier, SEED)


@pytest.mark.parametrize("seed", range(SEED, SEED + 2))
@pytest.mark.parametrize("tier", TIERS)
def test_m_shards_each_in_its_own_way(stored: Stored, tier: str, seed: int) -> None:
    stored.damage(tier, None, PARITY[tier], seed)
    _assert_all_there(stored, tier, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 200))
@pytest.mark.parametrize("tier", TIERS)
def test_m_shards_each_in_its_own_way_often(stored: Stored, tier: str, seed: int) -> None:
    stored.damage(tier, None, PARITY[tier], seed)
    _assert_all_there(stored, tier, seed)


@pytest.mark.parametrize("kind", [zero, zero_half], ids=["whole", "half"])
@pytest.mark.parametrize("tier", TIERS)
def test_more_than_m_shards(stored: Stored, tier: str, kind: Kind) -> None:
    """503 before the first byte, or a connection that breaks: never wrong bytes, never fewer that look like all."""
    stored.damage(tier, kind, PARITY[tier] + 1, SEED)
    outcomes: Counter[str] = Counter()
    wire = Wire(stored.server.address, stored.server.credentials)
    large = f"large/{CLASSES[tier]}"
    for key, body in [*stored.bodies[tier].items(), (large, stored.large[CLASSES[tier]])]:
        outcomes[_outcome(wire, path_of(BUCKET, key), {}, body)] += 1
        if len(body) > 2:
            start = len(body) // 3
            outcomes[_outcome(wire, path_of(BUCKET, key), {"range": f"bytes={start}-"}, body[start:])] += 1
    wire.close()
    assert outcomes["503"] > 0
    if kind is zero_half:
        assert outcomes["broken off"] > 0, outcomes
        assert outcomes["right"] > 0
    assert outcomes.keys() <= {"right", "503", "broken off"}


def _outcome(wire: Wire, path: str, headers: dict[str, str], expected: bytes) -> str:
    try:
        answer = wire.request("GET", path, headers=headers)
    except http.client.IncompleteRead as error:
        return "broken off" if expected.startswith(error.partial) else "wrong before it broke off"
    except (http.client.HTTPException, OSError):
        return "broken off"
    if answer.status == 503:
        assert answer.code == "ServiceUnavailable"
        assert answer.headers["retry-after"].isdigit()
        return "503"
    return "right" if answer.status in (200, 206) and answer.body == expected else f"wrong: {answer.status}"


def test_listing_and_metadata_need_no_drive(stored: Stored) -> None:
    for tier in TIERS:
        stored.damage(tier, zero, PARITY[tier] + 2, SEED)
    s3 = stored.server.s3()
    for tier, bodies in stored.bodies.items():
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{CLASSES[tier]}/")["Contents"]
        assert {entry["Key"]: entry["Size"] for entry in listed} == {key: len(body) for key, body in bodies.items()}
        key = next(iter(bodies))
        assert s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == len(bodies[key])


def test_what_was_found_is_counted_and_noted(stored: Stored) -> None:
    """The metric, and rows in ``damage`` for what was damaged and for nothing else."""
    stored.damage("hot", zero, PARITY["hot"], SEED)
    before = _degraded_reads(stored.server)
    _assert_all_there(stored, "hot", SEED)
    assert _degraded_reads(stored.server) > before
    noted = asyncio.run(_noted(stored.server))
    assert noted
    assert noted <= stored.spots, noted - stored.spots


def _degraded_reads(server: Server) -> float:
    for line in server.get("/-/metrics").text.splitlines():
        if line.startswith("objstore_degraded_reads_total "):
            return float(line.split()[1])
    raise AssertionError("no such counter")


async def _noted(server: Server) -> set[tuple[str, str]]:
    """(volume id, drive name) of every row of ``damage``."""
    connection = await asyncpg.connect(server.state["database_url"])
    try:
        rows = await connection.fetch(
            "select damage.volume_id, drive.address from damage "
            "join shard using (volume_id, column_index) join drive on drive.id = shard.drive_id"
        )
    finally:
        await connection.close()
    return {(row["volume_id"].hex(), Path(row["address"]).name) for row in rows}

"""A tier that is full: writes end in a final 403, reads and deletes go on, and it recovers without a restart."""

import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from objstore.store.store import HEARTBEAT_SECONDS
from tests.harness.server import Server
from tests.harness.wire import Answer, Wire, path_of
from tests.s3.trees import MIB, content

BUCKET = "full"
TMPFS_BYTES = 128 * MIB
SETTINGS = """\
retire_grace_seconds = 0
compact_interval_seconds = 3600
[tier.hot]
k = 2
m = 1
shard_bytes_max = 4194304
"""
SIZES = (3 * MIB, 700_000, 100_000, 5_000)
PUTS_MAX = 2000
ROOM_BYTES = 40 * MIB


@pytest.fixture(scope="module")
def mount(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small file system for three drives."""
    path = tmp_path_factory.mktemp("small")
    command = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "objstore-test", str(path)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"mounting a tmpfs is not permitted here: {error}")
    yield path
    subprocess.run(["umount", str(path)], check=True)


@pytest.fixture(scope="module")
def small_server(tmp_path_factory: pytest.TempPathFactory, mount: Path) -> Iterator[Server]:
    """A server whose hot tier has room for some 75 MiB."""
    drives = [mount / f"drive{i}" for i in range(3)]
    for drive in drives:
        drive.mkdir()
    arguments = [f"--drive=hot={drive}" for drive in drives]
    server = Server(tmp_path_factory.mktemp("full"), *arguments, workers=2, settings=SETTINGS).start()
    s3 = server.s3()
    s3.create_bucket(Bucket=BUCKET)
    s3.close()
    yield server
    server.close()


@pytest.fixture
def small(small_server: Server) -> Iterator[Wire]:
    """A connection to it."""
    wire = Wire(small_server.address, small_server.credentials)
    yield wire
    wire.close()


@pytest.fixture(scope="module")
def stored() -> dict[str, bytes]:
    """What is in the bucket: the tests of this module go on where the one before ended."""
    return {}


def test_full_tier_refuses_for_good_and_goes_on_reading(
    small_server: Server, small: Wire, stored: dict[str, bytes]
) -> None:
    assert _fill(small, stored).keys() == {(403, "QuotaExceeded")}
    assert sum(map(len, stored.values())) > ROOM_BYTES

    # Small and large ones, and parts.
    for size in (1, 100_000, 5 * MIB):
        answer = small.request("PUT", path_of(BUCKET, "late"), content(size, 1))
        assert (answer.status, answer.code) == (403, "QuotaExceeded")
        assert "retry-after" not in answer.headers
    upload = f"{path_of(BUCKET, 'upload')}?uploadId={_create_upload(small)}"
    answer = small.request("PUT", f"{upload}&partNumber=1", content(MIB, 1))
    assert (answer.status, answer.code) == (403, "QuotaExceeded")
    assert small.request("DELETE", upload).status == 204
    assert small_server.get("/-/health/ready").status_code == 503
    _assert_stored(small, stored)

    # What needs no new bytes works: copies, deletes.
    headers = {"x-amz-copy-source": path_of(BUCKET, next(iter(stored)))}
    assert small.request("PUT", path_of(BUCKET, "copy"), b"", headers).status == 200
    assert small.request("DELETE", path_of(BUCKET, "copy")).status == 204


def test_everything_deleted_makes_room(small_server: Server, small: Wire, stored: dict[str, bytes]) -> None:
    _delete(small, stored, sorted(stored))
    assert _compact(small_server)["unlinked"] > 0
    _wait_for_room(small_server)
    assert _fill(small, stored).keys() == {(403, "QuotaExceeded")}
    assert sum(map(len, stored.values())) > ROOM_BYTES
    _assert_stored(small, stored)


def test_half_of_everything_deleted_makes_room(small_server: Server, small: Wire, stored: dict[str, bytes]) -> None:
    """Every volume keeps something that has to move before the space of the rest comes back."""
    _delete(small, stored, random.Random(1).sample(sorted(stored), len(stored) // 2))
    _compact(small_server)
    _wait_for_room(small_server)
    _assert_stored(small, stored)
    for size in SIZES:
        stored[f"again-{size}"] = content(size, size)
        answer = small.request("PUT", path_of(BUCKET, f"again-{size}"), stored[f"again-{size}"])
        assert answer.status == 200, answer
    _assert_stored(small, stored)
    assert small_server.get("/-/health/ready").status_code == 200


ROOM_SECONDS_MAX = 15.0


def _wait_for_room(server: Server) -> None:
    """Every process closes what was unlinked with its next heartbeat; only then is the space free."""
    deadline = time.monotonic() + ROOM_SECONDS_MAX
    while server.get("/-/health/ready").status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(HEARTBEAT_SECONDS)


def _create_upload(wire: Wire) -> str:
    answer = wire.request("POST", f"{path_of(BUCKET, 'upload')}?uploads=", b"")
    return answer.body.partition(b"<UploadId>")[2].partition(b"</UploadId>")[0].decode()


def _delete(wire: Wire, stored: dict[str, bytes], keys: list[str]) -> None:
    for key in keys:
        assert wire.request("DELETE", path_of(BUCKET, key)).status == 204
        del stored[key]


def _compact(server: Server) -> dict[str, Any]:
    """One pass."""
    last: dict[str, Any] = server.admin("POST", "/compact?all=true&grace_seconds=0").json()["last"]
    return last


def _fill(wire: Wire, stored: dict[str, bytes]) -> Counter[tuple[int, str]]:
    """PUT until every size was refused several times in a row; gives what refused."""
    refusals: Counter[tuple[int, str]] = Counter()
    in_a_row = 0
    for number in range(PUTS_MAX):
        body = content(SIZES[number % len(SIZES)], number)
        answer: Answer = wire.request("PUT", path_of(BUCKET, f"k{number}"), body)
        if answer.status == 200:
            stored[f"k{number}"] = body
            in_a_row = 0
            continue
        refusals[answer.status, answer.code] += 1
        in_a_row += 1
        if in_a_row == 3 * len(SIZES):
            return refusals
    raise AssertionError(f"{PUTS_MAX} objects fit")


def _assert_stored(wire: Wire, stored: dict[str, bytes]) -> None:
    for key, body in stored.items():
        answer = wire.request("GET", path_of(BUCKET, key))
        assert (answer.status, answer.body == body) == (200, True), key

"""A drive is what its identity file says, at the start and while it is used; nothing else is ever written to."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from objstore.cli.drives import find_drive
from objstore.cli.main import app
from objstore.cli.problem import StartError
from objstore.drive.identify import format_drive, read_identity
from objstore.drive.local import LocalDrive
from objstore.model.errors import DriveError
from objstore.model.states import DriveState
from objstore.model.volumes import Drive

CLUSTER, VOLUME = "c" * 32, bytes(range(16))


@pytest.fixture
async def drive(tmp_path: Path) -> AsyncIterator[LocalDrive]:
    opened = LocalDrive(tmp_path / "d", await format_drive(tmp_path / "d", CLUSTER, "hot"))
    yield opened
    opened.close()


def row(path: Path, node: str = "n1") -> Drive:
    return Drive("d" * 32, "hot", node, f"http://n1:7000#{path}")


async def test_an_empty_directory_becomes_a_drive_once(tmp_path: Path) -> None:
    (path := tmp_path / "new").mkdir()
    found = await find_drive(path, "hot", CLUSTER, [], "n1")
    assert (await find_drive(path, "hot", CLUSTER, [], "n1")).id == found.id
    assert (await find_drive(path, "hot", CLUSTER, [row(path)], "n1")).id == found.id


async def test_an_empty_mount_point_is_not_formatted(tmp_path: Path) -> None:
    (path := tmp_path / "unmounted").mkdir()
    with pytest.raises(DriveError, match="is it mounted"):
        await find_drive(path, "hot", CLUSTER, [row(path)], "n1")
    assert list(path.iterdir()) == []
    given_up = replace(row(path), state=DriveState.GONE)
    with pytest.raises(DriveError, match="is it mounted"):
        await find_drive(path, "hot", CLUSTER, [given_up], "n1")
    assert list(path.iterdir()) == []
    await find_drive(path, "hot", CLUSTER, [replace(given_up, held=True)], "n1")  # replaced in place


async def test_foreign_and_misplaced_drives_are_refused(tmp_path: Path) -> None:
    await format_drive(tmp_path / "foreign", "f" * 32, "hot")
    with pytest.raises(DriveError, match="another cluster"):
        await find_drive(tmp_path / "foreign", "hot", CLUSTER, [], "n1")
    await format_drive(tmp_path / "cold", CLUSTER, "capacity")
    with pytest.raises(DriveError, match="tier capacity"):
        await find_drive(tmp_path / "cold", "hot", CLUSTER, [], "n1")


@pytest.mark.parametrize("way", ["empty", "foreign", "swapped", "torn"])
async def test_what_is_exchanged_at_run_time_is_not_written(drive: LocalDrive, tmp_path: Path, way: str) -> None:
    path = tmp_path / "d"
    path.rename(tmp_path / "away")
    if way in ("foreign", "swapped"):
        await format_drive(path, "f" * 32 if way == "foreign" else CLUSTER, "hot")
    else:
        path.mkdir()
    if way == "torn":
        (path / "drive.json").write_text('{"format": 1, "clus')
    before = sorted(entry.name for entry in path.rglob("*"))
    with pytest.raises(DriveError):
        await drive.check()
    assert not drive.reachable
    with pytest.raises(DriveError):
        await drive.create(VOLUME, b"S" * 4096)
    assert sorted(entry.name for entry in path.rglob("*")) == before

    shutil.rmtree(path)
    (tmp_path / "away").rename(path)
    await drive.check()
    await drive.create(VOLUME, b"S" * 4096)
    identity = await read_identity(path)
    assert identity is not None
    assert identity.drive_id == drive.id


@pytest.mark.parametrize("secret", ["", "short", "changeme" * 5])
@pytest.mark.parametrize(
    "command", [["gateway", "--port=0"], ["worker"], ["node", "--listen=127.0.0.1:0", "--drive=hot=/nowhere"]],
    ids=lambda command: command[0],
)  # fmt: skip
def test_without_a_strong_secret_nothing_starts(command: list[str], secret: str, tmp_path: Path) -> None:
    environment = {
        "OBJSTORE_CLUSTER_SECRET": secret,
        "OBJSTORE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "OBJSTORE_DATA": str(tmp_path),
    }
    found = CliRunner().invoke(app, command, env=environment)
    assert isinstance(found.exception, StartError)
    assert "OBJSTORE_CLUSTER_SECRET" in str(found.exception)
    assert list(tmp_path.iterdir()) == []

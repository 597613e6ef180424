"""Threads of a drive that hangs: calls end, the queue ends, closing ends; and the drive comes back."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from objstore.drive import threads as threads_module
from objstore.drive.threads import CallGroup, DriveThreads
from objstore.model.errors import DriveTimeout


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """Calls of ``wait`` hang until this is set."""
    released = threading.Event()
    yield released
    released.set()


async def test_a_drive_that_hangs_refuses_and_comes_back(
    hanging: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads_module, "DRIVE_STUCK_SECONDS", 0.1)
    drive = DriveThreads("drive", 2)
    held = [drive.call(hanging.wait, ()) for _ in range(2)]
    waits = drive.call(str, (1,))
    assert not drive.stuck
    await asyncio.sleep(0.3)
    assert drive.stuck
    with pytest.raises(DriveTimeout):
        await asyncio.wait_for(drive.call(str, (2,)), 5)
    hanging.set()
    assert await asyncio.wait_for(waits, 5) == "1"
    assert await asyncio.wait_for(asyncio.gather(*held), 5) == [True, True]
    assert not drive.stuck
    assert await drive.call(str, (3,)) == "3"
    drive.close()


async def test_a_drive_that_is_busy_or_idle_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "DRIVE_STUCK_SECONDS", 0.1)
    drive = DriveThreads("drive", 1)
    pause = threading.Event()
    calls = [drive.call(pause.wait, (0.04,)) for _ in range(10)]
    await asyncio.gather(*calls)
    await asyncio.sleep(0.2)
    assert await drive.call(str, (1,)) == "1"
    drive.close()


async def test_a_queue_has_an_end(hanging: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "DRIVE_QUEUE_MAX", 10)
    drive = DriveThreads("drive", 1)
    calls = [drive.call(hanging.wait, ()) for _ in range(30)]
    done, _ = await asyncio.wait(calls, timeout=0.3)
    assert len(done) >= 18
    assert all(isinstance(call.exception(), DriveTimeout) for call in done)


async def test_a_call_does_not_wait_for_ever(hanging: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "DRIVE_TIMEOUT_SECONDS", 0.1)
    with pytest.raises(DriveTimeout):
        await asyncio.wait_for(DriveThreads("drive", 1).call(hanging.wait, ()), 5)


async def test_closing_leaves_behind_what_hangs(hanging: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "CLOSE_SECONDS_MAX", 0.1)
    drive = DriveThreads("drive", 2)
    drive.call(hanging.wait, ())
    await asyncio.wait_for(asyncio.to_thread(drive.close), 5)


async def test_a_group_knows_who_is_late() -> None:
    group = CallGroup(3)
    group.numbered(7)(None, None)
    group.numbered(8)(None, DriveTimeout("x"))
    asked = []

    def longer() -> float:
        asked.append(sorted(group.ended))
        return 0.05

    with pytest.raises(TimeoutError):
        await group.wait(0.05, longer)
    assert asked == [[7, 8]]


async def test_a_process_that_stood_still_blames_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "PAUSED_SECONDS", 0.1)
    group = CallGroup(1)
    waiting = asyncio.ensure_future(group.wait(0.2))
    await asyncio.sleep(0)
    threading.Event().wait(0.5)  # as SIGSTOP would: the loop does not turn
    await asyncio.sleep(0.05)
    assert not waiting.done()
    group.done(None, None)
    assert await asyncio.wait_for(waiting, 5) == []

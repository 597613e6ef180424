"""Memory that is free is given back, but not what is taken again at once."""

import asyncio

import numpy as np
import pytest

from objstore.cli import heap as module
from objstore.cli.heap import FREE_BYTES_MIN, Heap, keep_small


class FakeHeap(Heap):
    """``looks`` says what is free at each look; ends with the last."""

    def __init__(self, looks: list[int], stop: asyncio.Event) -> None:
        super().__init__()
        self.looks, self.stop, self.given_back = looks, stop, 0

    def free_bytes(self) -> int:
        if len(self.looks) == 1:
            self.stop.set()
        return self.looks.pop(0)

    def give_back(self) -> None:
        self.given_back += 1


@pytest.mark.parametrize(
    ("looks", "times"),
    [
        ([FREE_BYTES_MIN - 1] * 4, 0),
        ([FREE_BYTES_MIN, 0, FREE_BYTES_MIN, 0], 0),
        ([FREE_BYTES_MIN] * 2, 1),
        ([FREE_BYTES_MIN] * 3, 1),  # what is still free after that waits for two more looks
        ([FREE_BYTES_MIN] * 4, 2),
    ],
)
async def test_what_is_free_for_two_looks_is_given_back(
    monkeypatch: pytest.MonkeyPatch, looks: list[int], times: int
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0)
    stop = asyncio.Event()
    heap = FakeHeap([*looks], stop)
    await keep_small(heap, stop)
    assert heap.given_back == times


def test_what_is_used_is_counted_and_given_back() -> None:
    heap = Heap()
    before = heap.used_bytes()
    held = [np.ones(64 * 1024, np.uint8) for _ in range(1024)]
    assert heap.used_bytes() - before >= 64 * 2**20
    kept = held[::64]
    held.clear()
    assert heap.used_bytes() - before < 8 * 2**20
    assert heap.free_bytes() > 48 * 2**20
    heap.give_back()
    assert heap.free_bytes() < 4 * 2**20
    assert len(kept) == 16

"""The log of slow requests: which stage it was, and no more lines than anybody can read."""

from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from objstore.api.slow_log import LINES_MAX, SlowLog, stages_of


def call(**moments: Any) -> Any:
    """A call that was begun at 100; moments are seconds after that."""
    named = {name: 100.0 + at for name, at in moments.items() if name != "stages"}
    fields: dict[str, Any] = {"admitted": 0.0, "looked_up": 0.0, "answered": 0.0, "stages": None} | named
    if moments.get("stages"):
        fields["stages"] = tuple(100.0 + at for at in moments["stages"])
    request = SimpleNamespace(request_id="0123", bucket="b", key=b"secret")
    return SimpleNamespace(begun=100.0, request=request, operation="GetObject", status=200, sent_bytes=5, **fields)


@pytest.mark.parametrize(
    ("moments", "stages"),
    [
        (
            {"admitted": 1, "looked_up": 3, "answered": 6},
            {"auth": 1, "metadata": 2, "read": 3, "send": 4},
        ),
        (
            {"admitted": 1, "stages": (2, 3, 5, 9), "answered": 9},
            {"auth": 1, "receive": 1, "queue": 1, "append": 2, "commit": 4, "send": 1},
        ),
        (
            {"admitted": 1, "stages": (4, 6, 7), "answered": 7},
            {"auth": 1, "receive": 3, "flush": 2, "commit": 1, "send": 3},
        ),
        ({"admitted": 4, "answered": 6}, {"auth": 4, "handle": 2, "send": 4}),
        ({"answered": 9}, {"handle": 9, "send": 1}),  # refused
        ({"admitted": 2}, {"auth": 2, "send": 8}),  # the client went away
    ],
)
def test_stages_add_up(moments: dict[str, Any], stages: dict[str, float]) -> None:
    found = stages_of(call(**moments), 110.0)
    assert found == stages
    assert sum(found.values()) == 10.0


def test_what_is_slow_is_written_down() -> None:
    log = SlowLog(5)
    with capture_logs() as lines:
        log.note(call(admitted=1, looked_up=2, answered=4), 4.9)
        log.note(call(admitted=1, looked_up=2, answered=9), 10)
        SlowLog(0).note(call(admitted=1), 10_000)
    (line,) = lines
    assert line["event"] == "slow_request"
    assert line["slowest"] == "read"
    assert line["read_seconds"] == 7
    assert line["request_id"] == "0123"
    assert "secret" not in str(line)


def test_there_are_never_too_many_lines() -> None:
    log = SlowLog(1)
    with capture_logs() as lines:
        for _ in range(LINES_MAX + 30):
            log.note(call(answered=2), 2)
        log.note(call(answered=2), 3)  # a second later
    assert len(lines) == LINES_MAX + 1
    assert lines[-1]["left_out"] == 30

"""When a drive is suspect, given up, and well again."""

import pytest

from objstore.meta.drives import Standing
from objstore.model.profile import Profile
from objstore.model.states import DriveState
from objstore.repair.detection import judge

PROFILES = {"hot": Profile(2, 1)}
SUSPECT, OUT, LONG = 5.0, 900.0, 1e6
UP, SUSPECTED, DRAINING, GONE = DriveState


def drive(
    number: int,
    state: DriveState = UP,
    silent: float = 0.5,
    strikes: float = 0.0,
    held: bool = False,
    reason: str = "",
    since: float = 1000.0,
) -> Standing:
    return Standing(f"{number:032x}", "hot", state, held, reason, silent, since, strikes)


def verdicts(*drives: Standing, watched: float = LONG) -> dict[int, DriveState]:
    return {int(v.drive.id, 16): v.state for v in judge(drives, PROFILES, SUSPECT, OUT, watched)}


OTHERS = tuple(drive(number) for number in range(10, 15))


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (drive(1), None),
        (drive(1, silent=6), SUSPECTED),
        (drive(1, strikes=3.5), SUSPECTED),
        (drive(1, silent=6, held=True), None),
        (drive(1, DRAINING, silent=9999), None),
        (drive(1, SUSPECTED, silent=100), None),
        (drive(1, SUSPECTED, silent=901), GONE),
        (drive(1, SUSPECTED, silent=901, held=True), None),
        (drive(1, SUSPECTED), UP),
        (drive(1, SUSPECTED, strikes=2), None),
        (drive(1, SUSPECTED, reason="failures: 4 lately", since=10), None),
        (drive(1, SUSPECTED, reason="failures: 4 lately", since=100), UP),
        (drive(1, SUSPECTED, strikes=40, since=100), GONE),
        (drive(1, SUSPECTED, strikes=40, since=10), None),
        (drive(1, GONE), SUSPECTED),
        (drive(1, GONE, silent=100), None),
        (drive(1, GONE, held=True), None),
        (drive(1, GONE, reason="failures: 40 lately"), None),
    ],
)
def test_one_drive_among_healthy_ones(one: Standing, state: DriveState | None) -> None:
    assert verdicts(one, *OTHERS) == ({} if state is None else {1: state})


def test_after_a_night_nobody_is_judged_by_it() -> None:
    """A judge that has just begun has not seen the silence."""
    asleep = [drive(number, SUSPECTED, silent=30_000) for number in range(2)]
    assert verdicts(*asleep, *OTHERS, watched=3) == {}
    assert verdicts(*[drive(number, silent=30_000) for number in range(6)], watched=3) == {}


def test_all_at_once_is_not_the_drives_fault_at_first() -> None:
    late = [drive(number, silent=8) for number in range(4)]
    assert verdicts(*late) == {}
    assert set(verdicts(*[drive(number, silent=16) for number in range(4)]).values()) == {SUSPECTED}


def test_no_drive_is_given_up_where_nothing_could_be_rebuilt() -> None:
    lost = drive(1, SUSPECTED, silent=9999)
    assert verdicts(lost, drive(2), drive(3)) == {}
    assert verdicts(lost, drive(2), drive(3), drive(4)) == {1: GONE}
    half = [drive(number, SUSPECTED, silent=9999) for number in range(4)]
    assert verdicts(*half, *(drive(number) for number in range(10, 13))) == {}

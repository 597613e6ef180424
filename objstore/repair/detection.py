"""Detection: which drives are suspect, which are given up, and which are well again. Any number may judge at once.

    up → suspect     not heard of for ``suspect_seconds``, or struck too often
    suspect → up     heard of again, and not struck for a while
    suspect → gone   not heard of for ``out_seconds``, or struck on and on; its shards are rebuilt elsewhere
    gone → suspect   heard of again: it may be used once it has shown that it works

Only what a judge has seen itself counts as silence: after a night without any, all drives have been silent for long.
A drive that an operator holds is left alone, and none is given up where that would help nobody: too few would be left
for a volume, or half of the tier has gone, which is a failure of something else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from objstore.meta.drives import Drives, Standing
from objstore.meta.nodes import Nodes
from objstore.model import clock
from objstore.model.profile import Profile
from objstore.model.states import DriveState

STRIKES_SUSPECT = 3.0
STRIKES_OUT = 30.0
STRIKES_WELL = 1.0
OBSERVED_SECONDS_MIN = 60.0  # how long a drive has to be struck on and on before it is given up
STRUCK = "failures"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A drive that should change its state."""

    drive: Standing
    state: DriveState
    reason: str


class Detector:
    """``profiles``: of the tiers, for how many drives a volume needs. Times in seconds."""

    def __init__(
        self, drives: Drives, nodes: Nodes, profiles: Mapping[str, Profile], suspect_seconds: float, out_seconds: float
    ) -> None:
        self._drives, self._nodes, self._profiles = drives, nodes, profiles
        self._suspect_seconds, self._out_seconds = suspect_seconds, out_seconds
        self._begun = clock.monotonic_seconds()

    async def step(self) -> int:
        """Look at all drives once; how many changed their state. Raises DatabaseUnavailable."""
        await self._nodes.suspect_late(self._suspect_seconds)
        watched = clock.monotonic_seconds() - self._begun
        verdicts = judge(
            await self._drives.standing(), self._profiles, self._suspect_seconds, self._out_seconds, watched
        )
        changed = 0
        for verdict in verdicts:
            drive = verdict.drive
            if await self._drives.judge(drive.id, drive.state, verdict.state, verdict.reason):
                log.warning("drive_judged", drive=drive.id, was=drive.state.name, now=verdict.state.name,
                            reason=verdict.reason)  # fmt: skip
                changed += 1
        return changed


def judge(
    drives: Sequence[Standing],
    profiles: Mapping[str, Profile],
    suspect_seconds: float,
    out_seconds: float,
    watched_seconds: float,
) -> list[Verdict]:
    """What should change. ``watched_seconds``: for how long the judge has been looking."""
    verdicts = []
    silent = [drive for drive in drives if drive.state == DriveState.UP and drive.silent_seconds > suspect_seconds]
    # All at once is Postgres or this machine standing still: wait whether they are heard of again.
    is_everybody = len(silent) * 2 > sum(drive.state == DriveState.UP for drive in drives)
    patience = suspect_seconds * (3 if is_everybody else 1)
    for drive in drives:
        if drive.held:
            continue
        silence = min(drive.silent_seconds, watched_seconds)
        found = _next(drive, silence, patience, out_seconds, watched_seconds)
        if found is not None:
            verdicts.append(found)
    return [v for v in verdicts if v.state != DriveState.GONE or _may_go(v, verdicts, drives, profiles)]


def _next(
    drive: Standing, silence: float, patience: float, out_seconds: float, watched_seconds: float
) -> Verdict | None:
    if drive.state == DriveState.UP:
        if silence > patience:
            return Verdict(drive, DriveState.SUSPECT, f"not heard of for {silence:.0f} s")
        if drive.strikes >= STRIKES_SUSPECT:
            return Verdict(drive, DriveState.SUSPECT, f"{STRUCK}: {drive.strikes:.0f} lately")
    elif drive.state == DriveState.SUSPECT:
        if silence > out_seconds:
            return Verdict(drive, DriveState.GONE, f"not heard of for {silence:.0f} s")
        watched = min(drive.state_seconds, watched_seconds)
        if drive.strikes >= STRIKES_OUT and watched > OBSERVED_SECONDS_MIN:
            return Verdict(drive, DriveState.GONE, f"{STRUCK}: {drive.strikes:.0f} lately")
        # Strikes are counted anew in each state: one that was struck has to rest before it is trusted.
        has_rested = not drive.reason.startswith(STRUCK) or drive.state_seconds > OBSERVED_SECONDS_MIN
        if drive.silent_seconds < patience and drive.strikes < STRIKES_WELL and has_rested:
            return Verdict(drive, DriveState.UP, "heard of again")
    elif drive.state == DriveState.GONE and drive.silent_seconds < patience and not drive.reason.startswith(STRUCK):
        return Verdict(drive, DriveState.SUSPECT, "heard of again")
    return None


def _may_go(
    verdict: Verdict, verdicts: Sequence[Verdict], drives: Sequence[Standing], profiles: Mapping[str, Profile]
) -> bool:
    """Whether enough drives of the tier are left to rebuild on, and it is not half of the tier that has gone."""
    tier = [drive for drive in drives if drive.tier == verdict.drive.tier and drive.state != DriveState.GONE]
    leaving = sum(v.state == DriveState.GONE and v.drive.tier == verdict.drive.tier for v in verdicts)
    up = sum(drive.state == DriveState.UP for drive in tier)
    profile = profiles.get(verdict.drive.tier)
    needed = profile.n if profile is not None else 1
    return up >= needed and leaving * 2 <= len(tier)

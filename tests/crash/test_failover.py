"""Failovers to a synchronous standby under load: 0 answered writes lost, 0 torn, 0 unanswered ones half visible.

Every other time the standby was away for a while before the primary died. Postgres shows what it has committed by
itself, when it was told to stop waiting; a server that took that for done would lose it.
"""

import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.crash.check import Checker
from tests.crash.journal import Journal
from tests.crash.load import BUCKET, Load
from tests.harness.server import Server
from tests.harness.standby import Pair

CLIENTS = 6
LOAD_SECONDS = 1.0
AWAY_SECONDS = 4.0  # longer than a statement may take
READY_SECONDS_MAX = 60.0


@pytest.mark.soak
def test_failovers_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = run(tmp_path, failovers=20, seed=int(time.time()))
    with capsys.disabled():
        print(f"\n{report}")


def run(directory: Path, failovers: int, seed: int) -> str:
    """That many failovers; what was done, in words."""
    with tempfile.TemporaryDirectory(prefix="objstore-pair-") as root:  # a socket's path has to be short
        pair = Pair(Path(root) / "p")
        server = Server(directory, "--profile=hot=2+1", environment={"OBJSTORE_DATABASE_URL": pair.url}, anew=True)
        journal = Journal(directory / "journal")
        try:
            server.start()
            server.s3().create_bucket(Bucket=BUCKET)
            for number in range(failovers):
                _round(server, pair, journal, seed + number, is_alone=number % 2 == 1)
            assert not Checker(server, journal, seed).check()
        finally:
            server.close()
            journal.close()
            pair.close()
    counts = journal.counts
    for operation in ("put", "delete", "copy", "create", "swap"):
        assert counts[f"acknowledged {operation}"] > 0, operation
    assert counts["unanswered, done"] + counts["unanswered, not done"] > 0
    return f"{failovers} failovers, seed {seed}, {len(journal.states)} keys; " + ", ".join(
        f"{what}: {count}" for what, count in sorted(counts.items())
    )


def _round(server: Server, pair: Pair, journal: Journal, seed: int, is_alone: bool) -> None:
    load = Load([server], journal, CLIENTS, seed)
    journal.note("round", seed, "alone" if is_alone else "both")
    load.start()
    time.sleep(LOAD_SECONDS)
    if is_alone:
        pair.fail_over_alone(AWAY_SECONDS)
    else:
        pair.fail_over()
    time.sleep(LOAD_SECONDS)
    load.stop()
    _wait_until_ready(server)
    violations = Checker(server, journal, seed).check()
    assert not violations, f"seed {seed}, standby away: {is_alone}: {violations}"


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if server.get("/-/health/ready").status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("not ready again")

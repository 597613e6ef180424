"""Many small requests at once: files of presigned targets, one run of wrk or of the bundled client, medians."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.client import Spec
from benchmarks.figures import BenchmarkError, middle

CONNECTIONS = 64
_SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True, slots=True)
class Rate:
    """What one run saw; latencies in microseconds."""

    requests: int
    seconds: float
    failed: int
    p50: float
    p90: float
    p99: float
    p999: float
    complaint: str = ""

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def have_wrk() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def run_load(spec: Spec, client: str) -> Rate:
    """One run in a process of its own; raises BenchmarkError when a request failed."""
    use_wrk = client == "wrk" and not spec.requests
    command = _wrk_command(spec) if use_wrk else [sys.executable, "-m", "benchmarks.client", json.dumps(asdict(spec))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"the client failed: {done.stderr[-500:] or done.stdout[-500:]}")
    text = done.stdout.partition("RESULT ")[2] if use_wrk else done.stdout
    rate = Rate(**json.loads(text))
    if rate.failed or not rate.requests:
        raise BenchmarkError(f"{rate.failed} of {rate.requests} {spec.method}s failed; {rate.complaint or done.stdout}")
    return rate


def _wrk_command(spec: Spec) -> list[str]:
    url = f"http://{spec.host}:{spec.port}"
    return [
        "wrk",
        "-t1",
        f"-c{spec.connections}",
        f"-d{max(1, round(spec.seconds))}s",
        "--timeout",
        "10s",
        "-s",
        str(_SCRIPT),
        url,
        "--",
        spec.targets,
        spec.method,
        f"{spec.host}:{spec.port}",
        spec.body or "-",
        spec.order,
        str(spec.first),
    ]


@dataclass(slots=True)
class Series:
    """Runs of one load. ``next_first``: where the next run goes on, so that PUTs never write a key twice."""

    spec: Spec
    rates: list[Rate]
    next_first: int = 0

    def run(self, client: str) -> Rate:
        """One more run."""
        spec = Spec(**{**asdict(self.spec), "first": self.next_first})
        rate = run_load(spec, client)
        # In flight at the end of a run: a request a connection, sent and not counted.
        self.next_first += rate.requests + spec.connections
        self.rates.append(rate)
        return rate

    @property
    def per_second(self) -> float:
        """Median rate."""
        return middle([rate.per_second for rate in self.rates])

    @property
    def rates_per_second(self) -> list[float]:
        """Rate of each run."""
        return [rate.per_second for rate in self.rates]

    def latency(self, percentile: str) -> float:
        """Median over the runs of a percentile (``p50`` … ``p999``), in milliseconds."""
        return middle([getattr(rate, percentile) for rate in self.rates]) / 1000


def interleaved(
    specs: Sequence[Spec], client: str, runs: int, warm_seconds: float = 1.0, between: Callable[[], None] = lambda: None
) -> list[Series]:
    """Run the loads in turn, ``runs`` times round, after a warm-up of each that is not counted."""
    series = [Series(spec, []) for spec in specs]
    for one in series:
        warm = run_load(Spec(**{**asdict(one.spec), "seconds": warm_seconds}), client)
        one.next_first = warm.requests + one.spec.connections
    for _ in range(runs):
        for one in series:
            one.run(client)
            between()
    return series

"""CPU of a 4 KiB request by stage: samples of the workers' stacks, weighed by the CPU time that passed."""

import json
from collections import Counter
from pathlib import Path

from benchmarks import processes
from benchmarks.client import Spec
from benchmarks.figures import BenchmarkError, Figure
from benchmarks.floor import KIB
from benchmarks.load import run_load
from benchmarks.rig import Rig
from benchmarks.server import ObjectServer

BUCKET = "bench-4k"
GET_KEYS = 10_000
PUTS_PER_SECOND_MAX = 25_000
SECONDS = 4.0  # a sample each 4 ms of CPU: a thousand and more
SAMPLER = Path(__file__).parent.parent / "sampler"
STAGES = ("HTTP", "auth", "metadata", "data", "data, threads", "batching", "answer", "other")


def run(rig: Rig) -> list[Figure]:
    """Microseconds of CPU a request, PUT and GET; Postgres beside them."""
    found = rig.folder / "stages"
    found.mkdir(exist_ok=True)
    environment = {"PYTHONPATH": f"{SAMPLER}:{Path.cwd()}", "STAGE_SAMPLER_FOLDER": str(found)}
    with rig.other_server(environment) as server:
        paths = server.fill(BUCKET, 4 * KIB, GET_KEYS)
        seconds = max(SECONDS, rig.options.seconds)
        put = server.put_spec(BUCKET, 4 * KIB, int(PUTS_PER_SECOND_MAX * (seconds + 1)), seconds)
        get = server.get_spec(BUCKET, paths, seconds)
        return [*_measure(rig, server, found, put), *_measure(rig, server, found, get)]


def _measure(rig: Rig, server: ObjectServer, found: Path, spec: Spec) -> list[Figure]:
    workers, database = server.worker_pids(), server.postgres_pids()
    before, cpu = _samples(found, workers), (processes.cpu_seconds(workers), processes.cpu_seconds(database))
    rate = run_load(spec, rig.options.client)
    sampled = _samples(found, workers) - before
    worker_us = (processes.cpu_seconds(workers) - cpu[0]) / rate.requests * 1e6
    database_us = (processes.cpu_seconds(server.postgres_pids()) - cpu[1]) / rate.requests * 1e6
    total = sampled.total()
    if not total:
        raise BenchmarkError("the sampler saw nothing: is the bench's sitecustomize shadowed by another?")
    name = f"4 KiB {spec.method}"
    return [
        Figure(f"{name}: gateway CPU", worker_us, "µs", note=f"{rate.per_second:,.0f}/s with the sampler on"),
        *(Figure(f"{name}: {stage}", worker_us * sampled[stage] / total, "µs") for stage in STAGES if sampled[stage]),
        Figure(f"{name}: Postgres", database_us, "µs"),
    ]


def _samples(found: Path, pids: list[int]) -> Counter[str]:
    """CPU microseconds by stage so far, over the processes."""
    total: Counter[str] = Counter()
    for pid in pids:
        path = found / f"{pid}.json"
        if path.exists():
            total.update(json.loads(path.read_text()))
    return total

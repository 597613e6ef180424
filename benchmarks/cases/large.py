"""64 MiB objects: PUT beside the MD5 of one core, GET beside an application that streams from memory."""

import hashlib

from benchmarks import machine
from benchmarks.figures import BenchmarkError, Figure, middle, spread
from benchmarks.floor import MIB, STREAM_BUCKET
from benchmarks.rig import Rig
from benchmarks.server import HOST, ObjectServer
from benchmarks.stream import Seen, Transfer, run_lanes

SIZE = 64 * MIB
PUT_ALONE, PUT_FOUR, GET_ALONE = 0.6, 0.9, 0.6  # of MD5, of MD5, of the bare stream
LANES = 4
REPEATS = 3


def run(rig: Rig) -> list[Figure]:
    """Alone and four at a time."""
    server = rig.server
    server.make_bucket(STREAM_BUCKET)
    run_lanes(HOST, server.port, _puts(server, LANES, 1))
    _check(server)
    found: dict[str, list[float]] = {}
    for _ in range(rig.options.runs):
        for name, one in _round(rig).items():
            found.setdefault(name, []).append(one)
    rate = {name: middle(rates) for name, rates in found.items()}
    note = {name: spread([each / 1e6 for each in rates]) for name, rates in found.items()}
    targets = {
        "put": ("64 MiB PUT ÷ MD5", rate["put"] / rate["md5"], PUT_ALONE),
        "put4": ("64 MiB PUT, four at a time ÷ MD5", rate["put4"] / rate["md5"], PUT_FOUR),
        "get": ("64 MiB GET ÷ bare stream", rate["get"] / rate["floor"], GET_ALONE),
    }
    names = {
        "md5": "MD5 of one core",
        "put": "64 MiB PUT",
        "put4": "64 MiB PUT, four at a time",
        "get": "64 MiB GET",
        "floor": "bare stream from memory",
        "get4": "64 MiB GET, four at a time",
        "floor4": "bare stream, four at a time",
    }
    rows = [Figure(title, rate[name] / 1e6, "MB/s", note=note[name]) for name, title in names.items()]
    return rows + [Figure(title, value, "×", at_least=least) for title, value, least in targets.values()]


def _round(rig: Rig) -> dict[str, float]:
    """One round of everything, in bytes a second."""
    server = rig.server
    gets, gets4 = _gets(server, 1, REPEATS + 1), _gets(server, LANES, REPEATS)
    return {
        "md5": machine.md5_rate(1),
        "put": _alone(run_lanes(HOST, server.port, _puts(server, 1, REPEATS))),
        "put4": _together(run_lanes(HOST, server.port, _puts(server, LANES, REPEATS))),
        "get": _alone(run_lanes(HOST, server.port, gets)),
        "floor": _alone(run_lanes(HOST, rig.floor_port, gets)),
        "get4": _together(run_lanes(HOST, server.port, gets4)),
        "floor4": _together(run_lanes(HOST, rig.floor_port, gets4)),
    }


def _puts(server: ObjectServer, lanes: int, repeats: int) -> list[list[Transfer]]:
    return [
        [Transfer("PUT", server.presigner.target("PUT", f"/{STREAM_BUCKET}/{lane}"), SIZE)] * repeats
        for lane in range(lanes)
    ]


def _gets(server: ObjectServer, lanes: int, repeats: int) -> list[list[Transfer]]:
    return [
        [Transfer("GET", server.presigner.target("GET", f"/{STREAM_BUCKET}/{lane}"))] * repeats for lane in range(lanes)
    ]


def _alone(lanes: list[list[Seen]]) -> float:
    return SIZE / middle([seen.seconds for seen in lanes[0]])


def _together(lanes: list[list[Seen]]) -> float:
    """All bytes over the time from the first request to the last answer."""
    seen = [one for lane in lanes for one in lane]
    return SIZE * len(seen) / (max(one.end for one in seen) - min(one.start for one in seen))


def _check(server: ObjectServer) -> None:
    """An object reads back with the MD5 that its ETag says."""
    answer, data = server.request("GET", f"/{STREAM_BUCKET}/0")
    if len(data) != SIZE or answer.headers["etag"].strip('"') != hashlib.md5(data).hexdigest():
        raise BenchmarkError("a 64 MiB object reads back wrong")

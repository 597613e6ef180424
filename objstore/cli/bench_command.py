"""``objstore bench``: how fast a store takes and gives objects, seen by a client."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint
from objstore.cli.problem import CommandError

if TYPE_CHECKING:
    from objstore.cli.bench_client import Seen
    from objstore.cli.target import Target

BUSY_RATIO = 0.85  # of the client's processors: from here on it is the client that is measured
SIZE_MAX = 2**30


def bench(
    size: Annotated[list[str] | None, typer.Option(metavar="SIZE", help="Of objects, repeatable. [4K, 1M]")] = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=600, help="For each kind of request.")] = 5,
    connections: Annotated[int, typer.Option(min=1, max=1024, help="Requests at a time, together.")] = 32,
    processes: Annotated[int, typer.Option(min=1, max=64, help="That the client takes.")] = 2,
    objects: Annotated[
        int, typer.Option(min=1, max=100_000, help="Keys; when all are put, they are overwritten.")
    ] = 1000,
    bucket: Annotated[
        str | None, typer.Option(metavar="BUCKET", help="Below objstore-bench/ in it. [a new one]")
    ] = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Measure PUT and GET against any S3 server, and clean up.

    Every byte that comes back is compared. Requests are signed before the clock starts, and sent by processes of their
    own; where those were busy all the time the client was the limit, and that is said. Exit code 1: requests failed.
    """
    from objstore.cli.output import print_json, say
    from objstore.cli.s3_client import s3
    from objstore.cli.target import find_target
    from objstore.cli.warm_commands import parse_size

    sizes = [parse_size(one) for one in size or ("4K", "1M")]
    if max(sizes) > SIZE_MAX:
        raise CommandError("--size: at most 1G")
    connections = max(connections, processes)
    target = find_target(endpoint, credentials, dict(os.environ))
    results: list[dict[str, Any]] = []
    with s3(endpoint, credentials) as client:
        place, is_new = bucket or f"objstore-bench-{os.urandom(4).hex()}", bucket is None
        if is_new:
            client.create_bucket(Bucket=place)
        try:
            for one in sizes:
                if not as_json:
                    say(f"{_size(one)}: PUT and GET, {seconds:g} s each …")
                results += _measure(target, place, one, seconds, connections, processes, objects)
        finally:
            _clean_up(client, place, is_new)
    notes = _notes(target, results)
    if as_json:
        about = {"endpoint": target.endpoint, "connections": connections, "processes": processes, "seconds": seconds}
        print_json({**about, "results": results, "notes": notes})
    else:
        _show(results, notes)
    if any(one["failed"] for one in results):
        raise typer.Exit(1)


def _measure(
    target: "Target", bucket: str, size: int, seconds: float, connections: int, processes: int, objects: int
) -> list[dict[str, Any]]:
    """PUT, then GET of what was put."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    from objstore.cli.bench_client import Load, Seen, run

    each = max(1, objects // processes)
    keys = [[f"objstore-bench/{size}/{number}/{i}" for i in range(each)] for number in range(processes)]
    results = []
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        for verb in ("PUT", "GET"):
            share = [connections // processes + (number < connections % processes) for number in range(processes)]
            loads = [
                Load(target, bucket, verb, mine, size, count, seconds, size)
                for mine, count in zip(keys, share, strict=True)
            ]
            each_seen, seen = list(pool.map(run, loads)), Seen()
            for one in each_seen:
                seen.add(one)
            results.append(_figures(verb, size, seen, processes))
            if verb == "PUT":
                keys = [mine[: one.written] for mine, one in zip(keys, each_seen, strict=True)]
                if not all(keys) or not seen.count:
                    break
    return results


def _figures(verb: str, size: int, seen: "Seen", processes: int) -> dict[str, Any]:
    seconds = max(seen.seconds, 1e-9)
    return {
        "operation": verb,
        "size": size,
        "requests": seen.count,
        "failed": seen.failed,
        "seconds": round(seen.seconds, 3),
        "requests_per_second": round(seen.count / seconds, 1),
        "bytes_per_second": round(seen.count * size / seconds),
        "mean_seconds": seen.total_latency / seen.count if seen.count else None,
        "p50_seconds": seen.quantile(0.5),
        "p99_seconds": seen.quantile(0.99),
        "longest_seconds": seen.longest,
        "client_busy": round(seen.cpu_seconds / seconds / min(processes, os.cpu_count() or 1), 3),
        "errors": seen.errors,
    }


def _clean_up(client: Any, bucket: str, is_new: bool) -> None:
    from objstore.cli.places import Remote
    from objstore.cli.trees import remote_versions

    place, waiting = Remote(bucket, "objstore-bench/"), []
    for entry in remote_versions(client, place):
        waiting.append({"Key": place.key + entry.name, "VersionId": entry.version_id})
        if len(waiting) == 1000:
            client.delete_objects(Bucket=bucket, Delete={"Objects": waiting, "Quiet": True})
            waiting = []
    if waiting:
        client.delete_objects(Bucket=bucket, Delete={"Objects": waiting, "Quiet": True})
    if is_new:
        client.delete_bucket(Bucket=bucket)


def _notes(target: "Target", results: Sequence[dict[str, Any]]) -> list[str]:
    """What has to be known to read the figures."""
    notes = ["requests were signed before the clock started; bodies are random, and compared when they come back"]
    if any(one["client_busy"] > BUSY_RATIO for one in results):
        notes.append("the client was busy all the time: it was the limit; take more --processes, or more machines")
    if any(f"://{host}" in target.endpoint for host in ("127.", "localhost", "[::1]")):
        notes.append("client and server share this machine: each would be faster without the other")
    if any(one["failed"] for one in results):
        notes += [f"failed: {text}" for one in results for text in one["errors"][:1]]
    return notes


def _show(results: Sequence[dict[str, Any]], notes: Sequence[str]) -> None:
    from objstore.cli.output import number, print_table, say

    rows = [
        (one["operation"], _size(one["size"]), number(one["requests_per_second"]),
         f"{one['bytes_per_second'] / 2**20:,.1f}", _milliseconds(one["p50_seconds"]),
         _milliseconds(one["p99_seconds"]), _milliseconds(one["longest_seconds"]), number(one["failed"]),
         f"{one['client_busy']:.0%}")
        for one in results
    ]  # fmt: skip
    columns = ("Kind", "#Size", "#Req/s", "#MiB/s", "#p50 ms", "#p99 ms", "#Max ms", "#Failed", "#Client")
    print_table("", columns, rows)
    for note in notes:
        say(f"- {note}")


def _size(count: float) -> str:
    from objstore.cli.output import size

    return size(count).replace(".0 ", " ")


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:,.1f}"

"""Command line of the benchmarks: ``python -m benchmarks [names…] [--json FILE] [--seconds N] [--full] …``."""

import argparse
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import machine, report
from benchmarks.cases import CASES
from benchmarks.figures import BenchmarkError, CaseResult
from benchmarks.load import have_wrk
from benchmarks.presign import check_against_botocore
from benchmarks.rig import FULL_OBJECTS, OBJECTS, Options, Rig

PERFORMANCE_PAGE = Path("docs/performance.md")


def parse() -> argparse.Namespace:
    """Flags."""
    flags = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure objstore beside floors.")
    flags.add_argument("names", nargs="*", metavar="name", help=f"cases to run, default all: {', '.join(CASES)}")
    flags.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    flags.add_argument("--markdown", action="store_true", help=f"write the table into {PERFORMANCE_PAGE}")
    flags.add_argument("--from-json", type=Path, metavar="FILE", help="measure nothing, take the figures from FILE")
    flags.add_argument("--seconds", type=float, default=3.0, help="length of one run (default 3)")
    flags.add_argument("--runs", type=int, default=3, help="runs of each rate, the median counts (default 3)")
    flags.add_argument("--objects", type=int, help=f"rows of the case cliff (default {OBJECTS:,})")
    flags.add_argument("--full", action="store_true", help=f"{FULL_OBJECTS:,} rows in the case cliff")
    flags.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="gateway workers (default: cores)")
    flags.add_argument("--client", choices=("wrk", "bundled"), help="load client (default wrk where installed)")
    flags.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="where the data goes (default /var/tmp)")
    flags.add_argument("--strict", action="store_true", help="exit with 1 when a target is not met")
    chosen = flags.parse_args()
    unknown = [name for name in chosen.names if name not in CASES]
    if unknown:
        flags.error(f"no case {unknown[0]!r}: there are {', '.join(CASES)}")
    return chosen


def measure(chosen: argparse.Namespace) -> tuple[list[CaseResult], dict[str, Any]]:
    """Run the cases; a case that fails is reported and the others go on."""
    check_against_botocore()
    client = chosen.client or ("wrk" if have_wrk() else "bundled")
    objects = chosen.objects or (FULL_OBJECTS if chosen.full else OBJECTS)
    options = Options(chosen.folder, client, chosen.workers, chosen.seconds, chosen.runs, objects)
    results: list[CaseResult] = []
    console = Console(stderr=True)
    with Rig(options) as rig:
        about = {**machine.describe(rig.folder), **asdict(options), "folder": str(options.folder)}
        for name in chosen.names or CASES:
            with console.status(f"measuring {name}"):
                results.append(run_case(rig, name))
            console.print(f"{name}: {results[-1].error or 'done'} ({results[-1].seconds:.0f} s)", highlight=False)
    return results, about


def run_case(rig: Rig, name: str) -> CaseResult:
    """One case, with its time or its error."""
    start = time.monotonic()
    try:
        return CaseResult(name, CASES[name](rig), time.monotonic() - start)
    except (BenchmarkError, OSError) as error:
        return CaseResult(name, [], time.monotonic() - start, str(error) or repr(error))


def main() -> int:
    """Measure, then print and write; 1 when a case could not be measured, or with --strict missed a target."""
    chosen = parse()
    results, about = report.read_json(chosen.from_json) if chosen.from_json else measure(chosen)
    report.print_table(results, about)
    if chosen.json:
        report.write_json(chosen.json, results, about)
    if chosen.markdown:
        report.write_markdown(PERFORMANCE_PAGE, results, about)
    missed = any(figure.met is False for result in results for figure in result.figures)
    return int(any(result.error for result in results) or (chosen.strict and missed))


if __name__ == "__main__":
    sys.exit(main())

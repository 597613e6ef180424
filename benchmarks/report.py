"""What was measured, as a table for people, as JSON, and as the section of docs/performance.md."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import BenchmarkError, CaseResult, Figure

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
_WORDS = {True: "met", False: "not met", None: ""}
_STYLES = {True: "green", False: "bold red", None: ""}


def print_table(results: list[CaseResult], about: dict[str, Any]) -> None:
    """Table on standard output."""
    console = Console(width=None if Console().is_terminal else 150)
    table = Table(title="objstore benchmarks", caption=_about(about), caption_justify="left")
    for name, justify in (
        ("case", "left"),
        ("figure", "left"),
        ("value", "right"),
        ("target", "right"),
        ("", "left"),
        ("note", "left"),
    ):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for result in results:
        for number, figure in enumerate(result.figures):
            table.add_row(
                "" if number else result.case,
                figure.name,
                figure.text,
                figure.target,
                f"[{_STYLES[figure.met]}]{_WORDS[figure.met]}" if figure.target else "",
                figure.note,
            )
        if result.error:
            table.add_row(result.case, "[bold red]not measured", "", "", "", result.error)
        table.add_section()
    console.print(table)


def write_json(path: Path, results: list[CaseResult], about: dict[str, Any]) -> None:
    """Everything, for a machine."""
    data = {"about": about, "cases": [result.as_json() for result in results]}
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> tuple[list[CaseResult], dict[str, Any]]:
    """Inverse of ``write_json``."""
    data = json.loads(path.read_text())
    results = []
    for case in data["cases"]:
        figures = [Figure(**{name: value for name, value in one.items() if name != "met"}) for one in case["figures"]]
        results.append(CaseResult(case["case"], figures, case["seconds"], case["error"]))
    return results, data["about"]


def write_markdown(path: Path, results: list[CaseResult], about: dict[str, Any]) -> None:
    """Replace what stands between the markers of ``path``; raises BenchmarkError when they are not there."""
    text = path.read_text()
    if BEGIN not in text or END not in text:
        raise BenchmarkError(f"{path} lacks the markers {BEGIN} and {END}")
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    path.write_text(f"{head}{BEGIN}\n\n{_markdown(results, about)}\n{END}{tail}")


def _markdown(results: list[CaseResult], about: dict[str, Any]) -> str:
    lines = [_about(about), "", "| Case | Figure | Value | Target | | Note |", "|---|---|--:|--:|---|---|"]
    for result in results:
        lines += [
            f"| {result.case} | {figure.name} | {figure.text} | {figure.target} | {_WORDS[figure.met]} "
            f"| {figure.note} |"
            for figure in result.figures
        ]
        if result.error:
            lines.append(f"| {result.case} | not measured | | | | {result.error} |")
    return "\n".join(lines) + "\n"


def _about(about: dict[str, Any]) -> str:
    return (
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gib']} GiB, Linux {about['kernel']}, "
        f"{about['file_system']}; Python {about['python']}, uvicorn {about['uvicorn']}, uvloop {about['uvloop']}; "
        f"{about['workers']} workers, client {about['client']}, {about['runs']} runs of {about['seconds']:g} s each."
    )

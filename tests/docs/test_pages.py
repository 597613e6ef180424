"""What the documentation says runs: every block of commands or Python on the pages for beginners, in their order."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.program import Program
from tests.harness.server import Server
from tools import reference

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ["quick-start.md", "command-line.md", "python-client.md", *(f"tutorials/{one.name}" for one in
         sorted((DOCS / "tutorials").glob("*.md")))]  # fmt: skip
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN, NOT_RUN = {"bash", "python"}, {"console", "text"}
END = "END_OF_PYTHON"


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory for PATH: ``objstore`` and ``python`` are those of this run."""
    directory = tmp_path_factory.mktemp("programs")
    (directory / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (directory / "python").chmod(0o755)
    program = Program(directory)
    yield directory
    program.close()


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of the blocks that are run."""
    found = BLOCK.findall((DOCS / page).read_text())
    unknown = {language for language, _ in found} - RUN - NOT_RUN
    assert not unknown, f"{page}: a block is {RUN}, or is not run: {NOT_RUN}"
    return [(language, text) for language, text in found if language in RUN]


def script(page: str) -> str:
    """All of a page: what one block sets, the next one has."""
    lines = ["set -euo pipefail"]
    for number, (language, text) in enumerate(blocks(page), 1):
        lines.append(f'echo "== block {number} of {page}" >&2')
        lines.append(f"python - <<'{END}'\n{text}{END}" if language == "python" else text)
    return "\n".join(lines)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs(server: Server, programs: Path, tmp_path: Path, page: str) -> None:
    """In a directory beside whose ``objstore-data`` the server runs, as the pages say."""
    assert blocks(page)
    (tmp_path / "objstore-data").symlink_to(server.data)
    kept = {name: value for name, value in server.client_environment.items() if not name.startswith(("AWS_", "S3_"))}
    path = os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = kept | {"PATH": path, "PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        ["bash", "-c", script(page)],
        cwd=tmp_path,
        env=environment | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_reference_is_current() -> None:
    for path, text in reference.files().items():
        assert path.read_text() == text, "run make reference"


def test_every_page_is_in_the_menu() -> None:
    """And the menu names no other."""
    menu = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text())
    assert sorted(menu) == sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def test_the_site_builds(tmp_path: Path) -> None:
    """Without a broken link; nothing of it is loaded from elsewhere."""
    pytest.importorskip("material")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(https?://[^"]+)"', page.read_text())
        assert not loaded, (page.name, loaded)

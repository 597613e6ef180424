"""The examples that README.md shows run, and say what it says."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_tiers() -> None:
    """The whole story, on its own server: nothing but the server has to wait, so it runs beside other tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OBJSTORE_", "AWS_"))}
    done = subprocess.run(
        [sys.executable, "examples/tiers.py", "--serve", "--shards=12"],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    for part in (
        "40 objects, 10 MiB, all on the hot tier",
        "each counted once; nothing was changed",
        "29 objects went to the capacity tier: 9 shards that nobody read, old steps, old logs",
        "is of class INTELLIGENT_TIERING, and lies on the capacity tier",
        "9 shards are hot again",
        "InvalidObjectState, class GLACIER",
        'x-amz-restore: ongoing-request="false", expiry-date=',
    ):
        assert part in said, done.stdout


def test_the_readme_names_every_example() -> None:
    readme = (ROOT / "README.md").read_text()
    for example in (ROOT / "examples").glob("*.py"):
        assert f"(examples/{example.name})" in readme

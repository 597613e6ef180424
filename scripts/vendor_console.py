"""Fetch the libraries of the console into the package: ``python scripts/vendor_console.py``; needs npm.

What is fetched is pinned by version and by npm's integrity hash, and nothing of it is run. ``--check`` changes nothing
and says whether the files in the package are the ones that would be fetched.
"""

import argparse
import base64
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

TARGET = Path(__file__).parents[1] / "objstore" / "api" / "console" / "static" / "vendor"


@dataclass(frozen=True)
class Package:
    """``files``: path in the package → name here. ``integrity``: as npm has it, of the whole archive."""

    name: str
    version: str
    integrity: str
    files: dict[str, str]


PACKAGES = (
    Package(
        "preact",
        "11.2.0",
        "sha512-/HfHI/7N84e6GrWBJ3J280z3mLaRJiDcSvj/A+y/4AbLnND/1UlGHe1sR6oYuTGwId0nP7dqDU9OnLxMPZ7xBg==",
        {"dist/preact.mjs": "preact.js", "hooks/dist/hooks.mjs": "preact-hooks.js", "LICENSE": "preact.LICENSE"},
    ),
    Package(
        "htm",
        "3.1.1",
        "sha512-983Vyg8NwUE7JkZ6NmOqpCZ+sh1bKv2iYTlUkzlWmA5JD2acKoxd4KVxbMmxX/85mtfdnDmTFoNKcg5DGAvxNQ==",
        {"dist/htm.mjs": "htm.js", "LICENSE": "htm.LICENSE"},
    ),
    Package(
        "uplot",
        "1.6.32",
        "sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        {"dist/uPlot.esm.js": "uplot.js", "dist/uPlot.min.css": "uplot.css", "LICENSE": "uplot.LICENSE"},
    ),
    Package(
        "d3-hierarchy",
        "3.1.3",
        "sha512-GRajN5ZcnEwYFWqqdzhG1qJ3+fDg6WWzk47TJg7ePY7yvYAgRfD2r1mUx+wviBOWuCwamCUzjwMSdato43jbGA==",
        {"dist/d3-hierarchy.min.mjs": "d3-hierarchy.js", "LICENSE": "d3-hierarchy.LICENSE"},
    ),
    Package(
        "client-zip",
        "2.5.1",
        "sha512-yOvNSBsQX1B7wtdvIVXJEIIShrlPiX+adhli7sWvQhsx3nX1DjvpSt+AwOxaX+3DCsT/Yx0nRy5hIjRLIYfebw==",
        {"index.js": "client-zip.js", "LICENSE.txt": "client-zip.LICENSE"},
    ),
    # What reads a footer, and no more.
    Package(
        "hyparquet",
        "1.31.5",
        "sha512-KPVfaxW8xOiO2/4fjeiBfFNEXhGVw9tfcb9ha2iNZdJ3J/yBjEwIeAnTyyuhllFFTb9YO9wg0DfRAOnm6KCvBg==",
        {
            **{
                f"src/{name}.js": f"hyparquet/{name}.js"
                for name in ("constants", "convert", "geoparquet", "metadata", "schema", "thrift", "wkb")
            },
            "LICENSE": "hyparquet.LICENSE",
        },
    ),
)


def fetch(package: Package, directory: Path) -> dict[str, bytes]:
    """Name here → content; ends the program if the archive is not the pinned one."""
    command = ["npm", "pack", f"{package.name}@{package.version}", "--silent", "--ignore-scripts"]
    printed = subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True).stdout
    archive = (directory / printed.split()[-1]).read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != package.integrity:
        sys.exit(f"{package.name} {package.version}: the archive is {found}, not {package.integrity}")
    contents = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for path, name in package.files.items():
            member = tar.extractfile(f"package/{path}")
            assert member is not None, path
            contents[name] = fit(member.read())
    return contents


def fit(content: bytes) -> bytes:
    """Modules import each other by their place here; maps of sources are not shipped."""
    content = content.replace(b'from"preact"', b'from"./preact.js"')
    lines = [line for line in content.splitlines() if not line.startswith(b"//# sourceMappingURL=")]
    return b"\n".join(lines).strip() + b"\n"


def main() -> None:
    """Fetch all, or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args().check
    contents: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as directory:
        for package in PACKAGES:
            contents |= fetch(package, Path(directory))
    listed = "".join(f"{package.name} {package.version}\n" for package in PACKAGES)
    contents["VERSIONS"] = listed.encode()
    if check:
        wrong = [name for name, content in contents.items() if not _is(TARGET / name, content)]
        sys.exit(f"not as fetched: {', '.join(wrong)}" if wrong else 0)
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (TARGET / name).parent.mkdir(exist_ok=True)
        (TARGET / name).write_bytes(content)


def _is(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


if __name__ == "__main__":
    main()

"""The files of the console, as they lie in the package."""

from pathlib import Path

import objstore.api.console

DIRECTORY = Path(objstore.api.console.__file__).parent / "static"


def console_files() -> dict[str, bytes]:
    """Path below the directory → content."""
    return {
        str(path.relative_to(DIRECTORY)): path.read_bytes() for path in sorted(DIRECTORY.rglob("*")) if path.is_file()
    }

"""Master keys: as set, or a random one made at the first start and kept in DIR/master.key.

The file has one key a line, 64 hex digits each. The first one seals, all of them open: to rotate, put a new line in
front. Without these keys nothing that was sealed with them can be read again: keep a copy apart from the data.
"""

import base64
import binascii
import os
import stat
from pathlib import Path

from objstore.cli.problem import StartError
from objstore.cli.settings import Settings
from objstore.identity.sealing import KEY_BYTES
from objstore.model import clock

FILE_NAME = "master.key"


def load_master_keys(settings: Settings) -> list[str]:
    """The keys in hex, the newest first. Raises StartError."""
    if settings.master_key is not None:
        return [_parse(text, "OBJSTORE_MASTER_KEY") for text in settings.master_key.replace(",", " ").split()]
    path = settings.master_key_file or settings.data.absolute() / FILE_NAME
    if not path.exists():
        if settings.master_key_file is not None:
            raise StartError(f"there is no master key file {path}")
        _create(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o600)
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    keys = [_parse(line, str(path)) for line in lines if line]
    if not keys:
        raise StartError(f"{path} does not hold a master key")
    return keys


def _parse(text: str, source: str) -> str:
    try:
        raw = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise StartError(f"{source}: a master key is {KEY_BYTES} bytes, in hex or base64")
    return raw.hex()


def _create(path: Path) -> None:
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(f"# Master keys of the objstore server in this directory. Keep a copy elsewhere.\n"
                   f"{clock.random_bytes(KEY_BYTES).hex()}\n")  # fmt: skip
        file.flush()
        os.fsync(fd)
    temporary.rename(path)

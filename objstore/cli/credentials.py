"""Root credentials: as set, or random ones made at the first start and kept in DIR/credentials.

The file is a list of shell assignments, so that a person can read it, a shell can source it and a container engine can
take it as an env-file. Its mode is 0600.
"""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from objstore.cli.credentials_file import FILE_NAME, KEY_LINE
from objstore.cli.problem import StartError
from objstore.cli.secret import root_keys
from objstore.cli.settings import SECRET_CHARS_MIN, Settings
from objstore.model import clock

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class Credentials:
    """``path`` is the file they came from, None if they were set."""

    access_key: str
    secret_key: str = field(repr=False)
    path: Path | None = None


def load_credentials(settings: Settings) -> Credentials:
    """The credentials of the server; raises StartError on a file that does not hold any."""
    if settings.access_key is not None and settings.secret_key is not None:
        return Credentials(settings.access_key, settings.secret_key)
    path = settings.data.absolute() / FILE_NAME
    if not path.exists():
        write_credentials(path, "OBJ" + _random_text(17).upper(), _random_text(40))
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o600)
    found = dict(KEY_LINE.findall(path.read_text()))
    access_key, secret_key = found.get("AWS_ACCESS_KEY_ID"), found.get("AWS_SECRET_ACCESS_KEY", "")
    if not access_key or len(secret_key) < SECRET_CHARS_MIN:
        raise StartError(
            f"{path} does not hold AWS_ACCESS_KEY_ID=… and AWS_SECRET_ACCESS_KEY=… (at least {SECRET_CHARS_MIN} "
            "characters); remove it to have new ones made"
        )
    return Credentials(access_key, secret_key, path)


def cluster_credentials(settings: Settings, data: Path) -> Credentials:
    """The credentials of every gateway of a cluster: as set, or derived from its secret and written down in DIR."""
    if settings.access_key is not None and settings.secret_key is not None:
        return Credentials(settings.access_key, settings.secret_key)
    keys, path = root_keys(str(settings.cluster_secret)), data / FILE_NAME
    write_credentials(path, *keys)
    return Credentials(*keys, path)


def write_credentials(path: Path, access_key: str, secret_key: str) -> None:
    """Put keys into a file that only its owner reads."""
    text = (
        f"# Root credentials of the objstore server in this directory: set -a; . {path}; set +a\n"
        f"AWS_ACCESS_KEY_ID={access_key}\nAWS_SECRET_ACCESS_KEY={secret_key}\n"
    )
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(fd)
    temporary.rename(path)


def _random_text(length: int) -> str:
    """Letters and digits, evenly drawn: bytes that would favour the first ones are passed over."""
    usable = 256 - 256 % len(_ALPHABET)
    letters: list[str] = []
    while len(letters) < length:
        letters += [_ALPHABET[byte % len(_ALPHABET)] for byte in clock.random_bytes(64) if byte < usable]
    return "".join(letters[:length])

"""Reads the settings: flags, environment and file, with an error that names each wrong one."""

import os
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from objstore.cli.problem import StartError
from objstore.cli.profiles import PROFILES
from objstore.cli.settings import CONFIG_NAME, Settings


def parse_profile(text: str) -> tuple[str, dict[str, int]]:
    """``hot=4+2`` → ``("hot", {"k": 4, "m": 2})``; raises StartError."""
    found = re.fullmatch(r"([a-z][a-z0-9-]*)=(\d{1,3})\+(\d{1,3})", text)
    if not found:
        raise StartError(f"--profile {text}: write TIER=K+M, for instance hot=4+2")
    return found[1], {"k": int(found[2]), "m": int(found[3])}


def load_settings(config: Path | None, flags: dict[str, Any]) -> Settings:
    """Read flags, environment and file; raises StartError that names each wrong setting."""
    config = config or default_config(flags)
    if config and not config.is_file():
        raise StartError(f"there is no configuration file {config}")
    given = {name: value for name, value in flags.items() if value not in (None, [], {})}
    try:
        settings = _read(config, given, {})
        if settings.profile != "standard":
            settings = _read(config, given, PROFILES[settings.profile])
    except ValidationError as error:
        raise StartError(_explain(error)) from None
    except ValueError as error:  # TOML syntax, JSON in a variable
        raise StartError(f"configuration: {error}") from None
    if (settings.access_key is None) != (settings.secret_key is None):
        raise StartError("set both the access key and the secret key, or neither (then random ones are made)")
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise StartError("set both tls_cert and tls_key, or neither")
    return settings


def _read(config: Path | None, given: dict[str, Any], defaults: dict[str, Any]) -> Settings:
    source = type("Settings", (Settings,), {"config_path": config, "defaults": defaults})
    settings: Settings = source(**given)
    return settings


def default_config(flags: dict[str, Any]) -> Path | None:
    """The file that is read when none is named; None if there is none."""
    if path := os.environ.get("OBJSTORE_CONFIG"):
        return Path(path)
    data = flags.get("data") or os.environ.get("OBJSTORE_DATA") or Settings.model_fields["data"].default
    default = Path(data) / CONFIG_NAME
    return default if default.is_file() else None


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        place = [str(part) for part in problem["loc"]]
        if place[0:1] == ["tier"]:
            del place[2:3]  # which of the two kinds of tier it was taken for
        name = ".".join(place) or "settings"
        text = "there is no such setting" if problem["type"] == "extra_forbidden" else problem["msg"]
        lines.append(f"{name}: {text.removeprefix('Value error, ')}")
    return "\n".join(lines)

"""``objstore config``: what a server here would run with, and where each setting comes from."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint
from objstore.cli.telling import tell

app = typer.Typer(no_args_is_help=True, help="Settings: show, check.")
Config = Annotated[Path | None, typer.Option(help="TOML file. [DIR/objstore.toml if it is there]")]
Data = Annotated[Path | None, typer.Option(metavar="DIR", help="Data directory. [objstore-data]")]
SECRETS = {"secret_key", "cluster_secret", "master_key", "vault_token", "audit_webhook", "database_url"}


@app.command()
def show(
    origin: Annotated[bool, typer.Option("--origin", help="Say where each comes from.")] = False,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not as by default.")] = False,
    config: Config = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show every setting as `serve` would have it here; secrets are not shown."""
    from objstore.cli.output import print_json, print_table

    found = settings_with_origins(config, data)
    if changed:
        found = {name: one for name, one in found.items() if one["origin"] != "default"}
    if as_json:
        print_json(found if origin else {name: one["value"] for name, one in found.items()})
        return
    rows = [(name, _text(one["value"]), *((one["origin"],) if origin else ())) for name, one in found.items()]
    print_table("", ("Setting", "Value", *(("Origin",) if origin else ())), rows)


@app.command()
def check(config: Config = None, data: Data = None, as_json: AsJson = False) -> None:
    """Read the settings, and say what is wrong with them; `objstore doctor` looks at all else."""
    from objstore.cli.load_settings import load_settings

    load_settings(config, {"data": data})
    tell(as_json, {"usable": True}, "The settings can be used.")


def env(endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False) -> None:
    """Print endpoint, region and credentials for other S3 clients, as shell assignments: eval "$(objstore env)"."""
    import shlex

    from objstore.cli.output import print_json
    from objstore.cli.target import find_target

    found = find_target(endpoint, credentials, dict(os.environ))
    variables = {
        "AWS_ENDPOINT_URL": found.endpoint,
        "AWS_DEFAULT_REGION": found.region,
        "AWS_ACCESS_KEY_ID": found.access_key,
        "AWS_SECRET_ACCESS_KEY": found.secret_key,
        **({"AWS_SESSION_TOKEN": found.session_token} if found.session_token else {}),
    }
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


def settings_with_origins(config: Path | None, data: Path | None) -> dict[str, dict[str, Any]]:
    """By name: ``value`` (JSON; secrets hidden) and ``origin``: default, profile, a file, a variable or a flag."""
    from pydantic_settings import TomlConfigSettingsSource

    from objstore.cli.load_settings import default_config, load_settings
    from objstore.cli.profiles import PROFILES
    from objstore.cli.settings import Settings

    flags = {"data": data}
    settings = load_settings(config, flags)
    path = config or default_config(flags)
    in_file = TomlConfigSettingsSource(Settings, path)() if path else {}
    in_profile = PROFILES.get(settings.profile, {})
    variables = {name.upper() for name in os.environ}
    values = settings.model_dump(mode="json")
    found = {}
    for name in type(settings).model_fields:
        variable = f"OBJSTORE_{name.upper()}"
        if flags.get(name) is not None:
            origin = f"--{name}"
        elif variable in variables or any(one.startswith(f"{variable}__") for one in variables):
            origin = variable
        elif name in in_file:
            origin = str(path)
        elif name in in_profile:
            origin = f"profile {settings.profile}"
        else:
            origin = "default"
        found[name] = {"value": _hidden(name, values[name]), "origin": origin}
    return found


def _hidden(name: str, value: Any) -> Any:
    """Without secrets: those of targets and tiers too."""
    if name in SECRETS:
        return "(hidden)" if value else value
    if isinstance(value, dict):
        inner = {"url", "token", "access_key", "secret_key"}
        return {key: "(hidden)" if key in inner and one else _hidden("", one) for key, one in value.items()}
    return value


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        import json

        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)

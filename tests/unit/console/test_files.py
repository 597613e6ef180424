"""The console's files: the same texts in every language, nothing that a strict policy forbids, licences."""

import json
import re
import runpy
from pathlib import Path

import pytest

from objstore.cli.console_files import DIRECTORY, console_files

ROOT = Path(__file__).parents[3]
SCRIPTS = sorted(path for path in DIRECTORY.rglob("*.js") if "vendor" not in path.parts)
KEY = re.compile(r"""(?<![\w.$])t\(\s*"([a-z0-9_.+-]+)\"""", re.IGNORECASE)
PREFIX = re.compile(r"""(?<![\w.$])(?:t\(\s*`([a-z0-9_.]+\.)\$\{|tName\(\s*"([a-z0-9_.]+)")""", re.IGNORECASE)
LINES_MAX = 400


def texts(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((DIRECTORY / "i18n" / f"{language}.json").read_text())
    return found


def test_languages_have_the_same_texts() -> None:
    english, chinese = texts("en"), texts("zh")
    assert english.keys() == chinese.keys()
    assert list(english) == sorted(english)
    for name, text in english.items():
        assert text, name
        assert chinese[name], name
        values = set(re.findall(r"\{(\w+)\}", text))
        is_singular = name.endswith(".one")
        assert values == set(re.findall(r"\{(\w+)\}", chinese[name])) or is_singular, name


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(DIRECTORY)))
def test_no_text_is_missing(path: Path) -> None:
    english, code = texts("en"), path.read_text()
    assert not [name for name in KEY.findall(code) if name not in english]
    prefixes = {a or f"{b}." for a, b in PREFIX.findall(code)}
    assert not [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in english)]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(DIRECTORY)))
def test_scripts_never_make_markup_of_text(path: Path) -> None:
    code = path.read_text()
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function",
                      "dangerouslySetInnerHTML", "srcdoc", "javascript:"):  # fmt: skip
        assert forbidden not in code, forbidden
    assert not re.search(r"""\sstyle=["']""", code)
    assert not re.search(r"""(?:\bfrom\s|\bimport\s|import\()\s*["'](?!\.{1,2}/)""", code), (
        "modules are imported by relative path"
    )
    names = r"www\.w3\.org/|s3\.amazonaws\.com/doc/|acs\.amazonaws\.com/groups/"  # of things, not addresses
    elsewhere = re.search(rf"https?://(?!{names})[\w-]+\.", code)
    assert not elsewhere, "nothing is fetched from elsewhere"
    assert len(code.splitlines()) <= LINES_MAX


def test_the_page_has_nothing_inline() -> None:
    page = (DIRECTORY / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\son\w+=|\sstyle=", page)
    for name in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert name.startswith("{{base}}")
        assert (DIRECTORY / name.removeprefix("{{base}}")).is_file(), name


def test_what_is_vendored_is_what_the_script_fetches() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "vendor_console.py"))
    files = console_files()
    for package in script["PACKAGES"]:
        assert package.integrity.startswith("sha512-")
        assert f"{package.name} {package.version}\n" in files["vendor/VERSIONS"].decode()
        for name in package.files.values():
            assert files[f"vendor/{name}"], name
        assert f"vendor/{package.name}.LICENSE" in files
    named = {name for package in script["PACKAGES"] for name in package.files.values()} | {"VERSIONS"}
    assert {name.removeprefix("vendor/") for name in files if name.startswith("vendor/")} == named

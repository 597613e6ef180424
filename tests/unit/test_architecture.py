"""The house rules that a machine can check: who may import whom, and what must not stand where.

    cli → {api, client} → {lifecycle, repair, events} → store → {volume, meta} → drive →
    {work, erasure, placement, format, identity, crypto} → model

Left may import right; rooms in one brace never import each other.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "objstore"
ORDER = [
    {"cli"},
    {"api", "client"},
    {"lifecycle", "repair", "events"},
    {"store"},
    {"volume", "meta"},
    {"drive"},
    {"work", "erasure", "placement", "format", "identity", "crypto"},
    {"model"},
]
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}
LINES_MAX = {"objstore": 400, "migrations": 400, "benchmarks": 400, "tools": 400, "tests": 500}
GENERATED = PACKAGE / "client" / "calls"  # nobody reads these for what they do
# Rooms that compute and never wait.
PURE = {"model", "format", "erasure", "placement", "identity", "crypto"}
SQL_ROOM, CLOCK_FILE = "meta", "objstore/model/clock.py"


@dataclass(frozen=True)
class Source:
    path: Path
    room: str

    @cached_property
    def tree(self) -> ast.Module:
        """Parsed when it is looked at: of several processes one does."""
        return ast.parse(self.path.read_text())

    def at(self, node: ast.AST, says: str) -> str:
        line = getattr(node, "lineno", 0)
        text = self.path.read_text().splitlines()[line - 1].strip()
        return f"{self.path.relative_to(ROOT)}:{line}: {says}: {text}"


def sources() -> Iterator[Source]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).parts
        yield Source(path, parts[0] if len(parts) > 1 else "")


SOURCES = list(sources())


def imported(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Every module that is imported, anywhere in the file, type checking included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node, name.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node, node.module or ""
            for name in node.names:
                yield node, f"{node.module}.{name.name}"


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Every call of a plain or dotted name, as text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def names(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Every dotted name that is read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node, ast.unparse(node)


def complain(wrong: list[str]) -> None:
    assert not wrong, "\n" + "\n".join(sorted(set(wrong)))


def test_every_room_is_known() -> None:
    rooms = {source.room for source in SOURCES} - {""}
    assert rooms <= LEVEL.keys(), rooms - LEVEL.keys()
    assert {"cli", "api", "store", "meta", "volume", "drive", "model"} <= rooms


def test_imports_go_one_way() -> None:
    wrong = []
    for source in SOURCES:
        for node, module in imported(source.tree):
            first, _, rest = module.partition(".")
            room = rest.partition(".")[0]
            if first != "objstore" or room not in LEVEL or not source.room:
                continue
            if room != source.room and LEVEL[room] <= LEVEL[source.room]:
                wrong.append(source.at(node, f"{source.room} may not import {room}"))
    complain(wrong)


def test_no_import_cycles() -> None:
    modules = {".".join(source.path.relative_to(ROOT).with_suffix("").parts): source for source in SOURCES}
    edges = {
        name: {module for _, module in imported_at_load(source.tree) if module in modules and module != name}
        for name, source in modules.items()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, "import cycle: " + " → ".join((*path[path.index(name) :], name))
        if name not in done:
            for other in edges[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in modules:
        visit(name, ())


def imported_at_load(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """Imports at the top of a file: one inside a function runs later."""
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield from imported(ast.Module([statement], []))


def test_no_sql_outside_meta() -> None:
    wrong = []
    for source in SOURCES:
        if source.room == SQL_ROOM:
            continue
        for node, module in imported(source.tree):
            if module.split(".")[0] in {"sqlalchemy", "alembic", "psycopg"}:
                wrong.append(source.at(node, "SQL lives in meta"))
            if module.split(".")[0] == "asyncpg" and source.room != "cli":
                wrong.append(source.at(node, "Postgres is meta's"))
        for node, name in calls(source.tree):
            if name.rpartition(".")[2] in {"fetch", "fetchrow", "fetchval", "executemany"}:
                wrong.append(source.at(node, "statements are run in meta"))
    complain(wrong)


FILE_CALLS = {
    "open", "io.open", "os.open", "os.write", "os.read", "os.pread", "os.preadv", "os.pwrite", "os.pwritev",
    "os.unlink", "os.remove", "os.rename", "os.replace", "os.mkdir", "os.makedirs", "os.fsync", "os.fdatasync",
    "os.listdir", "os.scandir", "os.stat", "os.truncate", "os.posix_fallocate", "os.posix_fadvise", "os.statvfs",
    "os.fdopen", "aiofiles.open", "tempfile.mkdtemp", "shutil.rmtree", "mmap.mmap",
}  # fmt: skip
WRITES_DOCS = {"objstore/api/s3/compatibility.py"}  # `python -m` of it writes a page of docs/
FILE_METHODS = {"write_text", "write_bytes", "read_text", "read_bytes", "unlink", "iterdir", "touch"}


def test_no_files_outside_drive() -> None:
    """Data is drive's. The cli has its own few files (lock, credentials, run state); nobody else opens any."""
    wrong = []
    for source in SOURCES:
        if source.room in {"drive", "cli"} or str(source.path.relative_to(ROOT)) in WRITES_DOCS:
            continue
        for node, name in calls(source.tree):
            if name in FILE_CALLS or name.rpartition(".")[2] in FILE_METHODS:
                wrong.append(source.at(node, "files are opened in drive"))
    complain(wrong)


CLOCKS = {
    "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "datetime.now",
    "datetime.utcnow", "datetime.datetime.now", "os.urandom", "uuid.uuid4", "uuid.uuid1", "date.today",
}  # fmt: skip


def test_time_and_randomness_only_from_the_clock() -> None:
    wrong = []
    for source in SOURCES:
        # The cli waits for processes, which no simulation has.
        if str(source.path.relative_to(ROOT)) == CLOCK_FILE or source.room == "cli":
            continue
        for node, name in names(source.tree):
            if name in CLOCKS:
                wrong.append(source.at(node, "time and randomness come from model/clock"))
        for node, module in imported(source.tree):
            if module.split(".")[0] in {"random", "secrets", "uuid"}:
                wrong.append(source.at(node, "randomness comes from model/clock"))
            if isinstance(node, ast.ImportFrom) and module in {"time.time", "time.monotonic", "os.urandom"}:
                wrong.append(source.at(node, "time and randomness come from model/clock"))
    complain(wrong)


def test_environment_is_read_only_by_the_cli() -> None:
    wrong = []
    for source in SOURCES:
        if source.room == "cli":
            continue
        for node, name in names(source.tree):
            if name in {"os.environ", "os.environb", "os.getenv"}:
                wrong.append(source.at(node, "the environment is the cli's"))
        for node, module in imported(source.tree):
            if module in {"os.environ", "os.getenv", "pydantic_settings"} or module.startswith("dotenv"):
                wrong.append(source.at(node, "the environment is the cli's"))
    complain(wrong)


def test_pure_rooms_never_wait() -> None:
    wrong = []
    for source in SOURCES:
        if source.room not in PURE:
            continue
        for node in ast.walk(source.tree):
            # A Protocol in model may describe what others do asynchronously.
            is_declared = isinstance(node, ast.AsyncFunctionDef) and _is_declaration(node)
            if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith) and not is_declared:
                wrong.append(source.at(node, f"no async in {source.room}"))
        for node, module in imported(source.tree):
            if module.split(".")[0] in {"asyncio", "threading", "concurrent", "socket", "anyio"}:
                wrong.append(source.at(node, f"{source.room} does not wait"))
    complain(wrong)


def _is_declaration(node: ast.AsyncFunctionDef) -> bool:
    last = node.body[-1]
    return isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant) and last.value.value is Ellipsis


SECRETS = {"signature", "secret", "secret_key", "password", "provided"}


def test_secrets_are_compared_in_constant_time() -> None:
    wrong = [
        source.at(node, "use hmac.compare_digest")
        for source in SOURCES
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.Eq | ast.NotEq)
        and any(ast.unparse(side).rpartition(".")[2] in SECRETS for side in (node.left, *node.comparators))
    ]
    complain(wrong)


def test_no_file_is_too_long() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {count} lines, at most {lines_max}"
        for folder, lines_max in LINES_MAX.items()
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (count := len(path.read_text().splitlines())) > lines_max and path.parent != GENERATED
    ]
    complain(wrong)


def test_no_unfinished_work() -> None:
    wrong = [
        f"{source.path.relative_to(ROOT)}:{number}: unfinished: {line.strip()}"
        for source in SOURCES
        for number, line in enumerate(source.path.read_text().splitlines(), 1)
        if any(mark in line for mark in ("TODO", "FIXME", "XXX", "HACK", "raise NotImplementedError"))
    ]
    complain(wrong)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.path.relative_to(ROOT)))
def test_public_things_have_a_docstring(source: Source) -> None:
    if source.path.name == "__init__.py" and not source.tree.body:
        return
    wrong = [] if ast.get_docstring(source.tree) else [f"{source.path.relative_to(ROOT)}:1: no docstring"]
    public = [node for node in source.tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    for node in [*source.tree.body, *(member for class_ in public for member in class_.body)]:
        is_thing = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if is_thing and not node.name.startswith("_") and not ast.get_docstring(node) and not _is_trivial(node):
            wrong.append(source.at(node, "no docstring"))
    complain(wrong)


def _is_trivial(node: ast.AST) -> bool:
    """Protocol members declared by ``...`` alone, overloads, and overrides of a documented base."""
    if isinstance(node, ast.ClassDef):
        return False
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    body = node.body
    is_ellipsis = len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    return is_ellipsis or any("override" in ast.unparse(d) or "overload" in ast.unparse(d) for d in node.decorator_list)

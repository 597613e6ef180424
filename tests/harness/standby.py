"""Pair: a primary and its synchronous standby, with an address that follows the primary.

DIRECTORY/0, 1        data directories       DIRECTORY/s/0, s/1    their sockets; no TCP
DIRECTORY/s/now       a link to the sockets of whoever is the primary: what a virtual address is elsewhere
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from objstore.cli.postgres import _find_programs, _let_others_pass, _processes_in, _system_user
from tests.harness.netns import Host

SECONDS_MAX = 60.0
SETTINGS = """
listen_addresses = ''
max_connections = 100
shared_buffers = 64MB
# What is killed here are processes: the kernel keeps what they wrote.
fsync = off
synchronous_commit = on
wal_level = replica
max_wal_senders = 8
wal_retrieve_retry_interval = 100ms
deadlock_timeout = 100ms
"""


class Single:
    """One Postgres server with a directory of its own; on ``host`` it listens on that address too, and trusts all."""

    def __init__(self, data: Path, sockets: Path, host: Host | None = None) -> None:
        self.data, self.sockets, self._host = data, sockets, host
        self._programs, self._user = _find_programs(data), _system_user()
        for directory in (data.parent, sockets):
            directory.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            os.chown(sockets, self._user.pw_uid, self._user.pw_gid)
            os.chown(data.parent, self._user.pw_uid, self._user.pw_gid)
            for path in (data, sockets, self._programs / "postgres"):
                _let_others_pass(path)

    def url(self, database: str = "postgres", sockets: Path | None = None) -> str:
        """As its superuser."""
        return f"postgresql://postgres@/{database}?host={quote(str(sockets or self.sockets), safe='')}"

    def make(self) -> None:
        """A new, empty cluster."""
        self.run(
            "initdb", "-U", "postgres", "-N", "--locale=C", "--encoding=UTF8", "--auth=trust", "-D", str(self.data)
        )
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(SETTINGS)
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write("host all all samenet trust\n" if self._host else "")

    def copy(self, source: "Single") -> None:
        """Become a standby of ``source``; what was here is gone."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.run(
            *("pg_basebackup", "-U", "postgres", "-h", str(source.sockets), "-D", str(self.data)),
            *("-R", "-N", "-X", "stream", "-c", "fast"),
        )

    def start(self) -> None:
        """Start and wait until it answers."""
        options = f"-c unix_socket_directories={self.sockets}"
        if self._host is not None:
            options += f" -c listen_addresses={self._host.address}"
        log = str(self.sockets / "log")
        self.run("pg_ctl", "-D", str(self.data), "-o", options, "-l", log, "-w", "-t", str(SECONDS_MAX), "start")

    def promote(self) -> None:
        """Make the standby the primary."""
        self.run("pg_ctl", "-D", str(self.data), "-w", "-t", str(SECONDS_MAX), "promote")

    def signal(self, number: int) -> None:
        """To each of its processes: what becomes of a machine becomes of all of them."""
        for pid in self._processes():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """SIGKILL; it can be started again."""
        self.signal(signal.SIGSTOP)  # or the first to live longer would begin to clear up
        while self._processes():
            self.signal(signal.SIGKILL)
            time.sleep(0.01)
        for left in (self.data / "postmaster.pid", *self.sockets.glob(".s.PGSQL*")):
            left.unlink(missing_ok=True)

    def _processes(self) -> set[int]:
        return _processes_in(self.data) if self.data.exists() else set()

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What psql prints."""
        return self.run("psql", "-U", "postgres", "-h", str(self.sockets), "-d", database, "-XAtc", statement).strip()

    def run(self, program: str, *arguments: str) -> str:
        """One of its programs, as its user."""
        through: list[str] = []
        user = self._user
        if self._host is not None and user is not None:  # to enter a host is root's
            through = [*self._host.through[:-1], f"--setuid={user.pw_uid}", f"--setgid={user.pw_gid}", "--"]
            user = None
        with tempfile.TemporaryFile() as output:  # a pipe would be kept open by the server that pg_ctl starts
            done = subprocess.run(
                [*through, str(self._programs / program), *arguments], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, cwd="/", env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}, check=False,
                user=user.pw_uid if user else None, group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
            )  # fmt: skip
            output.seek(0)
            text = output.read().decode()
        assert done.returncode == 0, f"{program}: {text}"
        return text


class Pair:
    """Running from the start; ``url`` follows the primary."""

    def __init__(self, directory: Path) -> None:
        sockets = directory / "s"
        self.primary, self.standby = (Single(directory / str(i), sockets / str(i)) for i in range(2))
        self._now = sockets / "now"
        self.primary.make()
        self.primary.start()
        self.primary.sql("CREATE DATABASE objstore")
        self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")  # the copy takes this over
        self.primary.sql("SELECT pg_reload_conf()")
        self._follow()
        self._wait_until_both_have_it()
        self.url = self.primary.url("objstore", self._now)

    def fail_over(self) -> None:
        """The primary dies, the standby takes over."""
        self.primary.kill()
        self._take_over()

    def fail_over_alone(self, seconds: float) -> None:
        """The standby hangs for ``seconds``, during which no write can be promised; then the primary dies, and with
        it what it had not sent, or what the standby had received but never taken from its socket.
        """
        self.standby.signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.primary.kill()
        self.standby.kill()
        self.standby.start()
        self._take_over()

    def close(self) -> None:
        """Both are gone."""
        for server in (self.primary, self.standby):
            server.kill()

    def _take_over(self) -> None:
        self.standby.promote()
        self.primary, self.standby = self.standby, self.primary
        self._follow()
        self._wait_until_both_have_it()

    def _follow(self) -> None:
        """Clients are sent to the primary, the other one becomes its standby."""
        link = self._now.with_name("new")
        link.symlink_to(self.primary.sockets)
        link.rename(self._now)
        self.standby.copy(self.primary)
        self.standby.start()

    def _wait_until_both_have_it(self) -> None:
        deadline = time.monotonic() + SECONDS_MAX
        while self.primary.sql("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'") != "sync":
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(0.05)

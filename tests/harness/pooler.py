"""Pooler: a PgBouncer in transaction mode in front of a Postgres, where the program is installed."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from objstore.cli.postgres import _let_others_pass, _system_user

PROGRAM = shutil.which("pgbouncer", path=f"{os.defpath}:/usr/sbin:/sbin")
PORT = 6432
START_SECONDS_MAX = 30.0
SETTINGS = """\
[databases]
* = host={postgres}
[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {directory}
auth_type = trust
auth_file = {directory}/users
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
max_prepared_statements = 0
"""


class Pooler:
    """``size`` connections to the Postgres at ``url``; ``directory`` is for its socket, so a short path."""

    def __init__(self, url: str, directory: Path, size: int) -> None:
        assert PROGRAM is not None
        directory.mkdir(parents=True)
        parts = urlsplit(url)
        postgres = parse_qs(parts.query)["host"][0]
        settings = SETTINGS.format(postgres=postgres, port=PORT, directory=directory, size=size)
        if b"max_prepared_statements" not in Path(PROGRAM).read_bytes():  # older than 1.21
            settings = settings.replace("max_prepared_statements = 0\n", "")
        (directory / "ini").write_text(settings)
        (directory / "users").write_text('"postgres" ""\n')
        self.url = f"postgresql://postgres@{parts.path}?host={quote(str(directory), safe='')}&port={PORT}"
        user = _system_user()
        if user is not None:  # it does not run as root
            _let_others_pass(directory / "ini")
            for path in (directory, *directory.iterdir()):  # whatever the umask is
                os.chown(path, user.pw_uid, user.pw_gid)
        with (directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, str(directory / "ini")], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                user=user.pw_uid if user else None, group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS_MAX
        while not (directory / f".s.PGSQL.{PORT}").exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise AssertionError((directory / "log").read_text())
            time.sleep(0.01)

    def close(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

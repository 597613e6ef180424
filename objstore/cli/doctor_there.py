"""What the doctor asks Postgres and a running server."""

import asyncio
import email.utils
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import asyncpg

from objstore.cli.check_postgres import POSTGRES_VERSION_MIN
from objstore.cli.doctor_findings import Finding, ok, warning, wrong
from objstore.cli.output import number
from objstore.cli.problem import CommandError
from objstore.cli.settings import Settings
from objstore.cli.target import Target
from objstore.client.errors import ClientError
from objstore.meta.server_settings import Postgres, look_at

CLOCK_WARNING_SECONDS, CLOCK_WRONG_SECONDS = 2, 60  # requests are refused from 15 min on, leases live for seconds
TIMEOUT_SECONDS = 10
MUST_BE_ON = ("fsync", "full_page_writes")


def look_at_postgres(settings: Settings, url: str | None) -> Iterator[Finding]:
    """Version, settings and clock. ``url``: None if none runs."""
    if url is None:
        yield ok("Postgres", "embedded; it is not running now, so its settings cannot be asked")
        return
    try:
        answer = asyncio.run(look_at(url))
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        yield wrong(
            "Postgres",
            f"cannot connect: {error or repr(error)}",
            "is it running? is database_url right, and may this user in?",
        )
        return
    if answer.version < POSTGRES_VERSION_MIN:
        yield wrong("Postgres", f"version {answer.version}", f"{POSTGRES_VERSION_MIN} or newer is needed")
    else:
        yield ok("Postgres", f"version {answer.version}")
    for name in MUST_BE_ON:
        if answer.settings[name] == "on":
            yield ok("Postgres", f"{name} is on")
        else:
            yield wrong(
                "Postgres",
                f"{name} is {answer.settings[name]}",
                f"ALTER SYSTEM SET {name} = on: metadata may be lost when the power goes",
            )
    commit = answer.settings["synchronous_commit"]
    if commit == "off":
        yield wrong(
            "Postgres",
            "synchronous_commit is off",
            "ALTER SYSTEM SET synchronous_commit = on: what was answered 200 may be lost",
        )
    else:
        yield ok("Postgres", f"synchronous_commit is {commit}")
    if answer.settings["data_checksums"] != "on":
        yield warning(
            "Postgres", "data_checksums is off", "pg_checksums --enable (while it is stopped) makes damage seen"
        )
    yield _connections(settings, answer)
    yield _clock("Postgres", answer.ahead_seconds, answer.round_trip_seconds)


def look_at_server(target: Target) -> Iterator[Finding]:
    """Health, clock, and what its admin API says of nodes and drives."""
    from objstore.cli.admin_client import AdminClient

    try:
        ahead, round_trip = _server_clock(target.endpoint)
    except (URLError, OSError, CommandError) as error:
        yield wrong("server", f"{target.endpoint} does not answer: {getattr(error, 'reason', error)}",
                    "start it with `objstore serve`, or name it with --endpoint")  # fmt: skip
        return
    yield _clock("the server", ahead, round_trip + 1)  # its header has whole seconds
    try:
        with AdminClient(target) as client:
            status, server = client.cluster.get_status(), client.server.get_server()
            short = client.repair.status()
    except ClientError as error:
        yield wrong("server", str(error), "the root credentials are needed: see --credentials")
        return
    problems = [str(one) for one in server.health.get("problems", ())]
    if status.ready:
        yield ok("server", f"{target.endpoint} is ready, version {server.version}")
    else:
        yield wrong("server", f"{target.endpoint} is not ready: {'; '.join(problems) or server.health}",
                    "its log says more; `objstore drive ls` shows the drives")  # fmt: skip
    for one in status.nodes:
        if one.state != "up":
            yield wrong("nodes", f"{one.name} is {one.state}, silent for {one.silent_seconds:.0f} s",
                        "start `objstore node` there, or look at the network")  # fmt: skip
    versions = {one.version for one in status.nodes} | {server.version}
    if len(versions) > 1:
        yield warning("nodes", f"versions {', '.join(sorted(versions))} side by side", "finish the upgrade")
    lost = [one for one in status.drives if one.state in ("suspect", "gone") and not one.held]
    for one_drive in lost:
        yield wrong("drives", f"{one_drive.address} ({one_drive.id[:12]}) is {one_drive.state}: {one_drive.reason}",
                    f"bring it back, or `objstore drive replace {one_drive.id[:12]}`")  # fmt: skip
    if short.volumes_short_of_redundancy:
        yield wrong("redundancy", f"{number(short.volumes_short_of_redundancy)} volumes are short of it",
                    "`objstore heal` follows the repair")  # fmt: skip
    else:
        yield ok("redundancy", "every volume is whole")


def running_database(data: Path) -> str | None:
    """The URL of the embedded Postgres of the server that runs in a directory; None if none does."""
    import json

    try:
        found = json.loads((data / "run" / "server.json").read_text())
        pid = int((data / "postgres" / "postmaster.pid").read_text().split()[0])
        return str(found["database_url"]) if Path(f"/proc/{pid}").exists() else None
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _connections(settings: Settings, answer: Postgres) -> Finding:
    most = int(answer.settings["max_connections"]) - int(answer.settings["superuser_reserved_connections"])
    # Each gateway process, the background's few, and as many again for whoever looks.
    needed = settings.workers * settings.database_pool + 20
    text = f"max_connections {most}, this server takes about {needed}"
    if needed > most:
        return wrong("Postgres", text, "raise max_connections, lower workers or database_pool, or use a pooler")
    return ok("Postgres", text)


def _server_clock(endpoint: str) -> tuple[float, float]:
    """Seconds that its clock is ahead of ours, and how long the answer took."""
    began = time.monotonic()
    with urlopen(f"{endpoint}/-/health/live", timeout=TIMEOUT_SECONDS) as answer:
        date, now = answer.headers.get("date"), datetime.now(UTC)
    if date is None:
        raise CommandError("its answer has no date: is it an objstore?")
    return (email.utils.parsedate_to_datetime(date) - now).total_seconds(), time.monotonic() - began


def _clock(whose: str, ahead: float, doubt: float) -> Finding:
    off = max(0.0, abs(ahead) - doubt)
    text = f"{whose}: {off:.1f} s apart from this machine's"
    advice = "run chrony or systemd-timesyncd on every machine"
    if off > CLOCK_WRONG_SECONDS:
        return wrong("clocks", text, advice)
    return warning("clocks", text, advice) if off > CLOCK_WARNING_SECONDS else ok("clocks", f"{whose}: agrees")

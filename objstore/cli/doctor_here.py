"""What the doctor looks at on this machine: settings, files, drives, limits, certificates."""

import os
import resource
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from cryptography import x509

from objstore.cli.credentials_file import FILE_NAME
from objstore.cli.doctor_findings import Finding, ok, warning, wrong
from objstore.cli.drive_probe import SLOW_SECONDS, Probe, probe
from objstore.cli.output import size, span
from objstore.cli.problem import StartError
from objstore.cli.settings import Settings

FILES_MIN = 4096
FREE_RATIO_WARNING, FREE_RATIO_WRONG = 0.15, 0.05
DAYS_WARNING = 21
PREFIX = "OBJSTORE_"
# Variables of the commands, and of the one that names the file; all others that begin so are settings.
COMMANDS = {"CONFIG", "ENDPOINT", "REGION", "ACCESS_KEY", "SECRET_KEY"}
FROM = "FROM_"
DRIVES_MAX = 64  # that are probed: each takes up to five seconds


def look_here(settings: Settings) -> Iterator[Finding]:
    """Everything that can be seen without a server."""
    yield from _variables(settings)
    yield from _limits(settings)
    yield from _files(settings)
    yield from _drives(settings)
    yield from _certificate(settings)
    yield from _cluster(settings)


def _variables(settings: Settings) -> Iterator[Finding]:
    """A variable that is misspelt is a setting that does not hold, and nobody says so."""
    known = {name.upper() for name in Settings.model_fields} | COMMANDS
    # Where a remote tier finds its keys.
    named = {value for tier in settings.tier.values() for name, value in tier if name.endswith("_env")}
    for variable in sorted(name for name in os.environ if name.startswith(PREFIX) and name not in named):
        name = variable.removeprefix(PREFIX).partition("__")[0]
        if name in known or name.startswith(FROM):
            continue
        near = get_close_matches(name, known, 1)
        advice = (
            f"perhaps {PREFIX}{near[0]} is meant" if near else "see docs/reference/configuration.md for all there are"
        )
        yield warning("environment", f"{variable} is no setting, and does nothing", advice)


def _limits(settings: Settings) -> Iterator[Finding]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES_MIN:
        advice = f"raise it: LimitNOFILE={FILES_MIN * 16} in the systemd unit, or `ulimit -n {FILES_MIN * 16}`"
        yield wrong("open files", f"at most {hard}", advice)
    else:
        yield ok("open files", f"at most {soft} (the server may raise it to {hard})")
    cpus = len(os.sched_getaffinity(0))
    if settings.workers > 2 * cpus:
        yield warning("processors", f"{settings.workers} workers on {cpus}", "set workers to the number of processors")
    else:
        yield ok("processors", f"{settings.workers} workers on {cpus}")


def _files(settings: Settings) -> Iterator[Finding]:
    data = settings.data.absolute()
    if not data.is_dir():
        parent = next(one for one in data.parents if one.is_dir())
        if os.access(parent, os.W_OK | os.X_OK):
            yield ok("data directory", f"{data} is not there yet; the first start makes it")
        else:
            yield wrong("data directory", f"{data} cannot be made", f"give this user the right to write to {parent}")
        return
    if os.access(data, os.R_OK | os.W_OK | os.X_OK):
        yield ok("data directory", str(data))
    else:
        yield wrong("data directory", f"{data} cannot be written", f"chown it to the server's user: {os.geteuid()}")
    keys = [data / FILE_NAME, data / "master.key", settings.master_key_file, settings.tls_key]
    for path in keys:
        if path is not None and path.exists():
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                yield wrong("secrets", f"{path} can be read by others (mode {mode:o})", f"chmod 600 {path}")
            else:
                yield ok("secrets", f"{path} is its owner's alone")


def _drives(settings: Settings) -> Iterator[Finding]:
    named = settings.drive_paths()
    emulated = settings.data.absolute() / "drives"
    tiers = named or ({"emulated": sorted(emulated.iterdir())} if emulated.is_dir() else {})
    if not named:
        yield warning("drives", "all of them are directories of one disk",
                      "fine for trying it out: name real ones with `drives` or --drive")  # fmt: skip
    seen: dict[int, Path] = {}
    for tier, paths in tiers.items():
        for path in paths[:DRIVES_MAX]:
            if not path.is_dir():
                yield wrong("drives", f"{tier}={path} is not there", "mount it, or take it out of the settings")
                continue
            device = path.stat().st_dev
            if named and device in seen:
                yield warning("drives", f"{path} and {seen[device]} are on one device",
                              "a failure takes both: one drive a device")  # fmt: skip
            is_new = device not in seen
            seen.setdefault(device, path)
            if named or is_new:
                yield from _drive(path)


def _drive(path: Path) -> Iterator[Finding]:
    try:
        found = probe(path)
    except OSError as error:
        yield wrong("drives", f"{path}: {error.strerror}", "the server's user must be able to write there")
        return
    yield _flush(path, found)
    if found.rotational:
        yield ok("drives", f"{path} turns: fit for capacity tiers")
    if not found.dsync:
        yield warning("drives", f"{path}: {found.file_system} does not know O_DSYNC", "use ext4 or XFS")
    if not found.direct and not found.is_in_memory:
        yield warning("drives", f"{path}: {found.file_system} does not know O_DIRECT", "use ext4 or XFS")
    if {"nobarrier", "barrier=0"} & set(found.options.split(",")):
        yield wrong("drives", f"{path} is mounted with nobarrier", "mount it without: flushes do not reach the medium")
    yield _space(path)


def _flush(path: Path, found: Probe) -> Finding:
    what = f"{path}: a flush takes {found.flush_seconds * 1000:.2f} ms ({found.file_system}, {found.write_cache})"
    if found.is_in_memory:
        return wrong(
            "flushes", f"{path} is in memory ({found.file_system})", "nothing there outlives a restart: use a disk"
        )
    if found.seems_to_lie:
        advice = ("nothing can be written so fast: is it a virtual disk with cache=unsafe, or a controller without a "
                  "battery? what was answered 200 may be lost when the power goes")  # fmt: skip
        return wrong("flushes", what, advice)
    if found.flush_seconds > SLOW_SECONDS:
        return warning("flushes", what, "every write waits for it: a hot tier wants NVMe with power-loss protection")
    return ok("flushes", what)


def _space(path: Path) -> Finding:
    space = shutil.disk_usage(path)
    ratio, text = space.free / space.total, f"{path}: {size(space.free)} of {size(space.total)} free"
    if ratio < FREE_RATIO_WRONG:
        return wrong("free space", text, "add drives, expire or move data: a full tier refuses writes")
    if ratio < FREE_RATIO_WARNING:
        return warning("free space", text, "add drives soon, or let rules move and expire more")
    return ok("free space", text)


def _certificate(settings: Settings) -> Iterator[Finding]:
    if settings.tls_cert is None or settings.tls_key is None:
        if settings.host not in ("127.0.0.1", "::1", "localhost"):
            yield warning("TLS", f"{settings.host} is served without TLS",
                          "`objstore certs init`, then tls_cert and tls_key; or a proxy in front")  # fmt: skip
        return
    from objstore.cli.tls import new_context

    try:
        new_context().load_cert_chain(settings.tls_cert, settings.tls_key)
        certificate = x509.load_pem_x509_certificate(settings.tls_cert.read_bytes())
    except (OSError, ValueError) as error:
        yield wrong("TLS", f"{settings.tls_cert}: {error}", "tls_cert and tls_key must be PEM and belong together")
        return
    left = (certificate.not_valid_after_utc - datetime.now(UTC)).total_seconds()
    text = f"{settings.tls_cert} is good for {span(left)}"
    if left <= 0:
        yield wrong(
            "TLS", f"{settings.tls_cert} has expired", "renew it: the running server takes the new file by itself"
        )
    elif left < DAYS_WARNING * 86400:
        yield warning("TLS", text, "renew it: the running server takes the new file by itself")
    else:
        yield ok("TLS", text)


def _cluster(settings: Settings) -> Iterator[Finding]:
    if settings.cluster_secret is None:
        return
    from objstore.cli.secret import check_cluster_secret

    try:
        check_cluster_secret(settings.cluster_secret)
        yield ok("cluster secret", "long enough")
    except StartError as error:
        yield wrong("cluster secret", str(error), "the same long random text on every machine")

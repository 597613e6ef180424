"""``objstore recover``: an empty database, the drives, and nothing else that runs."""

import asyncio
import functools
import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objstore.cli.backup_file import read_backup
from objstore.cli.drives import row_of
from objstore.cli.lock import lock_directory
from objstore.cli.logs import configure_logs
from objstore.cli.output import print_json, say
from objstore.cli.postgres import EmbeddedPostgres
from objstore.cli.problem import CommandError, StartError
from objstore.cli.remote import open_remotes, remote_row, remote_specs
from objstore.cli.settings import Settings
from objstore.cli.spec import DriveSpec
from objstore.drive.base import Drive
from objstore.drive.identify import read_identity
from objstore.drive.local import LocalDrive
from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.meta.migrate import upgrade
from objstore.meta.nodes import Nodes
from objstore.meta.tier_names import class_codes, tier_names
from objstore.model import days, tiers
from objstore.model.errors import CorruptData, DatabaseUnavailable, DriveError
from objstore.model.storage_class import add_custom
from objstore.repair.inventory import Inventory
from objstore.repair.recover import Recovery, RecoveryRefused, Report

if TYPE_CHECKING:
    from objstore.drive.remote import RemoteDrive


def recover_from(settings: Settings, paths: Sequence[Path], backup: Path | None, as_json: bool) -> None:
    """Fill the database that the settings name. Raises StartError, CommandError."""
    os.umask(0o077)
    data = settings.data.absolute()
    lock_directory(data)
    configure_logs(settings.log_format, settings.log_level, worker="recover")
    if backup is not None and not backup.is_file():
        raise CommandError(f"there is no file {backup}")
    postgres = None
    try:
        if settings.database_url is None:
            postgres = EmbeddedPostgres(data / "postgres", data / "postgres.log")
            postgres.start()
        url = postgres.url if postgres else str(settings.database_url)
        report = asyncio.run(_recover(settings, url, _paths(settings, paths), backup))
    except DatabaseUnavailable as error:
        raise CommandError(f"the database cannot be used: {error}") from None
    except (RecoveryRefused, CorruptData) as error:
        raise CommandError(str(error)) from None
    finally:
        if postgres is not None:
            postgres.stop()
    if as_json:
        print_json(_json(report))
    else:
        _tell(report)


def _paths(settings: Settings, paths: Sequence[Path]) -> list[Path]:
    named = [path for tier in settings.drive_paths().values() for path in tier]
    emulated = settings.data.absolute() / "drives"
    found = list(paths) or named or (sorted(emulated.iterdir()) if emulated.is_dir() else [])
    if not found:
        raise CommandError("name the drives with --drives PATH")
    return found


async def _recover(settings: Settings, url: str, paths: list[Path], backup: Path | None) -> Report:
    drives, specs, cluster_id = await _open(paths)
    await asyncio.to_thread(upgrade, url)
    database = await Database.connect(url, application_name="objstore-recover")
    remotes: Sequence[RemoteDrive] = ()
    days.configure(settings.lifecycle_day_seconds)
    try:
        with tempfile.TemporaryDirectory(prefix="objstore-recover-") as run:
            remote = remote_specs(settings.tier, cluster_id)
            remotes = open_remotes(remote, cluster_id, Path(run))
            profiles = settings.profiles() | settings.remote_profiles()
            configured = [*dict.fromkeys([*tiers.TIERS_DEFAULT, *profiles])]
            await _configure(settings, database, configured)
            opened: list[Drive] = [*drives, *remotes]
            inventory = Inventory({drive.id: drive for drive in opened})
            await inventory.look(profiles, bytes.fromhex(cluster_id))
            owner = hashlib.sha256(f"root of {cluster_id}".encode()).hexdigest()
            pieces = None if backup is None else functools.partial(read_backup, backup)
            loaded = functools.partial(_configure, settings, database, configured)
            report = await Recovery(database, inventory, owner, settings.region, pieces, loaded).run()
        rows = Drives(database)
        for row in [*map(row_of, specs), *map(remote_row, remote)]:
            await rows.register(row)
        if await Nodes(database).cluster_id(cluster_id) != cluster_id:
            raise CommandError("the backup is of another cluster than the drives")
        return report
    finally:
        for drive in drives:
            drive.close()
        for one in remotes:
            one.close()
        await database.close()


async def _configure(settings: Settings, database: Database, configured: Sequence[str]) -> None:
    """Tiers and classes with the codes that the database has for them; what is new in the settings gets the next."""
    like = settings.like_by_class()
    tiers.configure(settings.tier_by_class(), await tier_names(database, configured), like=like)
    add_custom(await class_codes(database, list(like)))


async def _open(paths: list[Path]) -> tuple[list[LocalDrive], list[DriveSpec], str]:
    """The drives, and the cluster that they are of. Raises StartError for what is none, or of several clusters."""
    drives, specs, clusters = [], [], set()
    for path in map(Path.absolute, paths):
        try:
            identity = await read_identity(path)
        except (CorruptData, DriveError, OSError) as error:
            raise StartError(f"{path}: {error}") from None
        if identity is None:
            raise StartError(f"{path} is no drive: it has no identity file")
        drives.append(LocalDrive(path, identity))
        specs.append(DriveSpec(id=identity.drive_id, tier=identity.tier, path=str(path)))
        clusters.add(identity.cluster_id)
    if len(clusters) > 1:
        raise StartError(f"these drives are of {len(clusters)} clusters: {', '.join(sorted(clusters))}")
    if len({drive.id for drive in drives}) < len(drives):
        raise StartError("two of the drives have the same identity: one is a copy of the other")
    return drives, specs, clusters.pop()


def _json(report: Report) -> dict[str, Any]:
    times = {name: value.isoformat() for name, value in asdict(report).items() if hasattr(value, "isoformat")}
    return asdict(report) | times


def _tell(report: Report) -> None:
    say(f"{report.volumes} volumes on {report.drives} drives, {report.records} records")
    if report.volumes_lost or report.files_unreadable or report.stripes_unreadable:
        say(f"not readable: {report.volumes_lost} volumes, {report.files_unreadable} files, "
            f"{report.stripes_unreadable} stripes (torn by a crash, or lost)")  # fmt: skip
    if report.files_foreign:
        say(f"{report.files_foreign} files are of another cluster, and were left alone")
    if report.snapshot is None:
        say("There was no snapshot: buckets have made-up names and no settings, every key its newest version.")
        say(f"buckets: {', '.join(report.buckets_made_up)}")
    else:
        until = report.changes_until or report.snapshot
        say(f"snapshot of {report.snapshot:%Y-%m-%d %H:%M:%S}, changes known until {until:%Y-%m-%d %H:%M:%S} UTC")
        say("Not known: deletions after the snapshot; copies, completed uploads, tags, settings after the changes.")
    say(f"{report.added} versions added from records, {report.skipped} old ones left out")
    say(f"{report.moved} rows given new places, {report.dropped} dropped because their bytes are nowhere")
    if report.uploads:
        say(f"{report.uploads} uploads of which parts are there, and no completion is known")

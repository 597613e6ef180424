"""Find the drives of a server: open what is there, format what is new, leave out what is not what it was.

A directory that was a drive and has no identity now is an unmounted or exchanged disk: nothing is written to it.
"""

import os
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from objstore.cli.problem import StartError
from objstore.cli.settings import Settings
from objstore.cli.spec import DriveSpec
from objstore.drive.directory import sync_directory
from objstore.drive.identify import format_drive, read_identity
from objstore.drive.local import LocalDrive
from objstore.model import clock
from objstore.model.errors import CorruptData, DriveError
from objstore.model.profile import Profile
from objstore.model.states import DriveState
from objstore.model.volumes import Drive

CLUSTER_FILE = "cluster-id"


@dataclass(slots=True)
class Found:
    """``problems``: what was left out, and why."""

    cluster_id: str
    profiles: dict[str, Profile]
    drives: list[DriveSpec] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def plan_drives(settings: Settings) -> dict[str, list[Path]]:
    """Paths by tier, as named, or of the whole topology emulated in DIR; raises StartError for too few."""
    profiles, named = settings.profiles(), settings.drive_paths()
    if not named:
        root = settings.data.absolute() / "drives"
        return {tier: [root / f"{tier}-{i}" for i in range(profile.n)] for tier, profile in profiles.items()}
    if "hot" not in named:
        raise StartError("name the drives of the hot tier too: it takes every object that says nothing else")
    for tier, paths in named.items():
        profile = profiles[tier]
        if len(paths) < profile.n:
            raise StartError(
                f"tier {tier}: the erasure profile {profile} needs {profile.n} drives, and {len(paths)} are named; "
                f"name more with --drive {tier}=PATH, or choose a smaller one with --profile {tier}=K+M"
            )
        for path in paths:
            if not path.is_dir():
                raise StartError(f"drive {tier}={path}: there is no such directory")
    return named


async def find_drives(settings: Settings, known: Sequence[Drive]) -> Found:
    """Open or format every planned drive; ``known`` are those that the database has. Raises StartError."""
    planned = plan_drives(settings)
    profiles = {tier: profile for tier, profile in settings.profiles().items() if tier in planned}
    found = Found(await _cluster_id(settings.data, planned, known), profiles)
    for tier, paths in planned.items():
        for path in paths:
            try:
                found.drives.append(await find_drive(path, tier, found.cluster_id, known))
            except (DriveError, CorruptData, OSError) as error:
                found.problems.append(f"{tier}={path}: {error}")
    ids = [drive.id for drive in found.drives]
    if len(set(ids)) < len(ids):
        raise StartError("two of the drives have the same identity: one is a copy of the other")
    return found


async def open_drives(specs: Sequence[DriveSpec], cluster_id: str, flush_seconds: float) -> list[LocalDrive]:
    """Open what the supervisor found, in a process of its own; a drive that changed since is left out."""
    drives = []
    for spec in specs:
        identity = await read_identity(Path(spec.path))
        if identity is not None and identity.drive_id == spec.id and identity.cluster_id == cluster_id:
            drives.append(LocalDrive(Path(spec.path), identity, flush_seconds))
    return drives


def row_of(spec: DriveSpec) -> Drive:
    """What the database has of a drive of this host."""
    space = shutil.disk_usage(spec.path)
    return Drive(
        id=spec.id,
        tier=spec.tier,
        node=socket.gethostname(),
        address=spec.path,
        capacity_bytes=space.total,
        free_bytes=space.free,
    )


async def find_drive(
    path: Path, tier: str, cluster_id: str, known: Sequence[Drive], node: str | None = None
) -> DriveSpec:
    """The drive at a path, formatted if nothing was there. Raises DriveError, CorruptData, OSError.

    ``node``: the name of the node that serves it; None: it is this process's own.
    """
    identity = await read_identity(path)
    if identity is None:
        here = node or socket.gethostname()
        was = [row.id for row in known if row.node == here and row.address.rpartition("#")[2] == str(path)]
        # One that was given up for being silent may still be unmounted: only an operator knows that it was exchanged.
        replaced = [row.id for row in known if row.state == DriveState.GONE and row.held]
        if lost := [drive_id for drive_id in was if drive_id not in replaced]:
            raise DriveError(f"drive {lost[0]} was here and is not: is it mounted? (objstore drive replace)")
        identity = await format_drive(path, cluster_id, tier)
    if identity.cluster_id != cluster_id:
        raise DriveError(f"belongs to another cluster ({identity.cluster_id})")
    if identity.tier != tier:
        raise DriveError(f"is a drive of tier {identity.tier}")
    return DriveSpec(id=identity.drive_id, tier=tier, path=str(path))


async def _cluster_id(data: Path, planned: dict[str, list[Path]], known: Sequence[Drive]) -> str:
    """As in DIR, else as on the drives (DIR is new, they are not), else a new one; raises StartError on a mix."""
    there: dict[str, str] = {}
    for path in (path for paths in planned.values() for path in paths):
        try:
            identity = await read_identity(path)
        except (CorruptData, OSError):
            continue
        if identity is not None:
            there[identity.drive_id] = identity.cluster_id
    if known and there and not {row.id for row in known} & there.keys():
        raise StartError("the database knows other drives than these: is OBJSTORE_DATABASE_URL that of this server?")
    file = data / CLUSTER_FILE
    if file.exists():
        return file.read_text().strip()
    clusters = set(there.values())
    if len(clusters) > 1:
        raise StartError(f"the drives belong to {len(clusters)} clusters: {', '.join(sorted(clusters))}")
    cluster_id = clusters.pop() if clusters else clock.random_id().hex()
    _write_durably(file, f"{cluster_id}\n")
    return cluster_id


def _write_durably(path: Path, text: str) -> None:
    """All of it or nothing: with half an id every drive would be another cluster's."""
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_directory(path.parent)

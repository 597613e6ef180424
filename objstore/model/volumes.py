"""Volume and drive: the rows that say where shards are."""

from dataclasses import dataclass

from objstore.model.profile import Profile
from objstore.model.states import DriveState, VolumeState


@dataclass(slots=True)
class Drive:
    """One mounted directory. ``id``: 32 hex digits. ``node``: the host that serves it, at ``address``: path or URL.

    ``held``: an operator gave it its state.
    """

    id: str
    tier: str
    node: str
    address: str
    zone: str = "default"
    rack: str = "default"
    state: DriveState = DriveState.UP
    capacity_bytes: int = 0
    free_bytes: int = 0
    held: bool = False


@dataclass(slots=True)
class Volume:
    """k+m shards; ``drive_ids[i]`` holds column i (data columns first, then parity), ``none:i`` if none does yet.

    ``writer_id``: who may append while it is open. ``data_bytes``: what was appended costs, known once sealed;
    ``audit``: the count cannot be trusted (the writer crashed), so compaction has to look. ``files[i]``: the name of
    column i's file, None: the volume's id; empty: all are named so.
    """

    id: bytes
    tier: str
    profile: Profile
    drive_ids: tuple[str, ...]
    writer_id: bytes
    state: VolumeState = VolumeState.OPEN
    data_bytes: int = 0
    audit: bool = False
    files: tuple[bytes | None, ...] = ()

    @property
    def absent(self) -> list[int]:
        """Columns that were never written: there were too few drives."""
        return [column for column, drive_id in enumerate(self.drive_ids) if drive_id == absent_id(column)]

    def file_of(self, column: int) -> bytes | None:
        """The name of a column's file if it is not the volume's id."""
        return self.files[column] if self.files else None


def absent_id(column: int) -> str:
    """What stands for a drive where a column was never written."""
    return f"none:{column}"

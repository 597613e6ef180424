"""The states of things that have states, and which may follow which."""

from enum import IntEnum


class VolumeState(IntEnum):
    """open → sealed → compacting → retired; compacting may fall back to sealed when it is given up.

    open → retired, by its writer, when nothing of it was ever committed.
    """

    OPEN = 0
    SEALED = 1
    COMPACTING = 2
    RETIRED = 3


class DriveState(IntEnum):
    """up → {suspect, draining} → gone."""

    UP = 0
    SUSPECT = 1
    DRAINING = 2
    GONE = 3


class NodeState(IntEnum):
    """A process that serves drives: up ⇄ suspect, by its heartbeat; draining and gone are what an operator said."""

    UP = 0
    SUSPECT = 1
    DRAINING = 2
    GONE = 3


class UploadState(IntEnum):
    """A multipart upload: open → {completed, aborted}; a completed one is kept a while to answer a repeat."""

    OPEN = 0
    COMPLETED = 1
    ABORTED = 2

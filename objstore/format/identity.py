"""Identity file of a drive: ``drive.json`` in its root, version 1.

    {"format": 1, "cluster": "<32 hex>", "drive": "<32 hex>", "tier": "hot"}

A directory without one is no drive: an empty mount point is never written to.
"""

import json
from dataclasses import dataclass

from objstore.model.errors import CorruptData

IDENTITY_NAME = "drive.json"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """Which drive of which cluster a directory is."""

    cluster_id: str
    drive_id: str
    tier: str

    def pack(self) -> bytes:
        """The file's content."""
        fields = {"format": VERSION, "cluster": self.cluster_id, "drive": self.drive_id, "tier": self.tier}
        return (json.dumps(fields, indent=1) + "\n").encode()

    @classmethod
    def unpack(cls, raw: bytes) -> "Identity":
        """Raises CorruptData if this is not an identity file that this release can read."""
        try:
            fields = json.loads(raw)
            if fields["format"] != VERSION:
                raise CorruptData(f"drive of format {fields['format']}: not readable here")
            return cls(str(fields["cluster"]), str(fields["drive"]), str(fields["tier"]))
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptData(f"not a drive identity file: {error}") from None

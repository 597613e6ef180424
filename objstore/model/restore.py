"""How the restore of an archived version stands, as clients are told."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RestoreStatus:
    """``expires``: calendar date at which the copy goes; None while it is on its way."""

    is_ongoing: bool
    expires: datetime | None = None

    @property
    def header(self) -> bytes:
        """Value of ``x-amz-restore``."""
        if self.is_ongoing or self.expires is None:
            return b'ongoing-request="true"'
        return f'ongoing-request="false", expiry-date="{self.expires:%a, %d %b %Y %H:%M:%S} GMT"'.encode()

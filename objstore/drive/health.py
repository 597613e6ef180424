"""Health: what a drive's recent failures say about using it now."""

from objstore.model import clock

SUSPECT_SECONDS = 15.0  # long enough for a retry to go elsewhere, short enough that a hiccup does not cost a drive
FULL_CHECK_SECONDS = 1.0


class Health:
    """Counts failures; a failure makes the drive suspect for a while, lack of space until space is seen again."""

    def __init__(self) -> None:
        self.errors = 0
        self.full = False
        self._suspect_until = 0.0
        self.last_error = ""

    def failed(self, reason: str, full: bool = False) -> None:
        """Note a failure."""
        self.errors += 1
        self.last_error = reason
        if full:
            self.full = True
        else:
            self._suspect_until = clock.monotonic_seconds() + SUSPECT_SECONDS

    @property
    def usable(self) -> bool:
        """Neither full nor suspect."""
        return not self.full and self.reachable

    @property
    def reachable(self) -> bool:
        """Not suspect."""
        return clock.monotonic_seconds() >= self._suspect_until

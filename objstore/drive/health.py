"""Health: what a drive's recent failures say about using it now."""

from objstore.model import clock

SUSPECT_SECONDS = 15.0  # long enough for a retry to go elsewhere, short enough that a hiccup does not cost a drive
FULL_CHECK_SECONDS = 1.0
STRIKE_SECONDS = 1.0  # many requests that fail together say no more than one


class Health:
    """Counts failures; a failure makes the drive suspect for a while, lack of space until space is seen again.

    ``strikes``: how often it failed, at most once every ``STRIKE_SECONDS``: what the cluster is told.
    """

    def __init__(self) -> None:
        self.errors = self.strikes = 0
        self._struck = -STRIKE_SECONDS
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
            now = clock.monotonic_seconds()
            self._suspect_until = now + SUSPECT_SECONDS
            if now - self._struck >= STRIKE_SECONDS:
                self._struck = now
                self.strikes += 1

    @property
    def usable(self) -> bool:
        """Neither full nor suspect."""
        return not self.full and self.reachable

    @property
    def reachable(self) -> bool:
        """Not suspect."""
        return clock.monotonic_seconds() >= self._suspect_until

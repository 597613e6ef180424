"""Limit: how often somebody may try to sign in and fail. Per process, in memory, of a bounded size."""

import ipaddress
from collections import OrderedDict

from objstore.model import clock


class Limit:
    """At most ``burst`` failures at once, and one more every ``seconds``, a name.

    At most ``entries_max`` names are kept; the one that failed longest ago is forgotten first.
    """

    def __init__(self, burst: int, seconds: float, entries_max: int = 10_000) -> None:
        self._burst, self._seconds, self._entries_max = burst, seconds, entries_max
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()  # name → how many, when

    def wait(self, name: str) -> float:
        """Seconds until this name may try again: 0 if now."""
        return max(0.0, (self._count(name) - self._burst + 1) * self._seconds)

    def note_failure(self, name: str) -> None:
        """It has failed."""
        count = self._count(name) + 1
        self._failures[name] = count, clock.monotonic_seconds()
        self._failures.move_to_end(name)
        if len(self._failures) > self._entries_max:
            self._failures.popitem(last=False)

    def _count(self, name: str) -> float:
        count, since = self._failures.get(name, (0.0, 0.0))
        return max(0.0, count - (clock.monotonic_seconds() - since) / self._seconds) if count else 0.0


def address_name(address: str) -> str:
    """What an address is counted as: of IPv6 the network of 64 bits, which is one customer's."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)

"""Places: buckets or prefixes side by side, the largest by themselves, the rest together: a map by size and heat."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from objstore.model.series import BAND_HEAT, BANDS


@dataclass(slots=True)
class Place:
    """What lies there. ``bands``: bytes by age of last access; ``tiers``: bytes by tier."""

    name: str
    objects: int = 0
    bytes: int = 0
    bands: list[int] = field(default_factory=lambda: [0] * len(BANDS))
    tiers: dict[str, int] = field(default_factory=dict)

    @property
    def heat(self) -> float:
        """1: all of its bytes were used today; 0: none of them for more than a year."""
        weight = sum(size * heat for size, heat in zip(self.bands, BAND_HEAT, strict=True))
        return round(weight / self.bytes, 4) if self.bytes else 0.0

    def add(self, tier: str, band: int, objects: int, size: int) -> None:
        """Add what lies on a tier and was used so many bands ago."""
        self.objects += objects
        self.bytes += size
        self.bands[band] += size
        self.tiers[tier] = self.tiers.get(tier, 0) + size

    def absorb(self, other: "Place") -> None:
        """Add all of another one."""
        self.objects += other.objects
        self.bytes += other.bytes
        self.bands = [mine + more for mine, more in zip(self.bands, other.bands, strict=True)]
        for tier, size in other.tiers.items():
            self.tiers[tier] = self.tiers.get(tier, 0) + size


@dataclass(slots=True)
class Places:
    """``shown``: the largest first; ``rest``: all others together, ``rest_count`` of them."""

    shown: list[Place]
    rest: Place
    rest_count: int


def joined(first: Places, second: Places, limit: int) -> Places:
    """Of two that have no place in common; the first one is changed."""
    ordered = sorted([*first.shown, *second.shown], key=_order)
    rest = first.rest
    rest.absorb(second.rest)
    for place in ordered[limit:]:
        rest.absorb(place)
    return Places(ordered[:limit], rest, first.rest_count + second.rest_count + max(0, len(ordered) - limit))


def places_of(sums: Iterable[tuple[str | None, str, int, int, int]], limit: int) -> Places:
    """From (name, tier, band, objects, bytes); the name is None for what is already taken together."""
    found: dict[str | None, Place] = {}
    for name, tier, band, objects, size in sums:
        place = found.get(name)
        if place is None:
            place = found[name] = Place(name or "")
        place.add(tier, band, objects, size)
    rest = found.pop(None, Place(""))
    ordered = sorted(found.values(), key=_order)
    for place in ordered[limit:]:
        rest.absorb(place)
    return Places(ordered[:limit], rest, max(0, len(ordered) - limit))


def _order(place: Place) -> tuple[int, int, str]:
    return -place.bytes, -place.objects, place.name

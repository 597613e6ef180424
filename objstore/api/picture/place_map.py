"""The map of buckets, or of what lies below a prefix."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from objstore.api.picture.models import PlaceMap, PlaceSum, Rest, Total
from objstore.meta.place_sums import Sum
from objstore.model.places import Place, Places, joined, places_of


def map_of_buckets(kept: Mapping[str, Any], at: datetime | None, limit: int) -> PlaceMap:
    """From what the keeper has put aside; empty before it has."""
    shown = [Place(**one) for one in kept.get("shown", ())]
    rest = Place(**kept["rest"]) if kept else Place("")
    for place in shown[limit:]:
        rest.absorb(place)
    found = Places(shown[:limit], rest, kept.get("rest_count", 0) + max(0, len(shown) - limit))
    return _map("", "", found, at, True, lambda place: _shown(place, "", leaf=False))


def map_of_prefixes(bucket: str, kept: Places, limit: int, complete: bool, at: datetime) -> PlaceMap:
    """First segments of a bucket's keys; keys without a slash are one leaf."""
    found = joined(Places([], Place(""), 0), kept, limit)
    return _map(bucket, "", found, at, complete, lambda place: _shown(place, place.name or None, leaf=not place.name))


def map_below(bucket: str, prefix: str, sums: Iterable[Sum], complete: bool, limit: int, at: datetime) -> PlaceMap:
    """Next segments below a prefix: those that end with a slash can be looked into."""
    found = places_of([one.named for one in sums], limit)

    def shown(place: Place) -> PlaceSum:
        inner = place.name.endswith("/")
        return _shown(place, prefix + place.name if inner else None, leaf=not inner)

    return _map(bucket, prefix, found, at, complete, shown)


def _shown(place: Place, prefix: str | None, *, leaf: bool) -> PlaceSum:
    return PlaceSum(
        name=place.name,
        prefix=prefix,
        leaf=leaf,
        objects=place.objects,
        bytes=place.bytes,
        heat=place.heat,
        tiers=place.tiers,
        bands=place.bands,
    )


def _map(bucket: str, prefix: str, found: Places, at: datetime | None, complete: bool, shown: Any) -> PlaceMap:
    rest = found.rest
    return PlaceMap(
        bucket=bucket,
        prefix=prefix,
        at=at,
        complete=complete,
        children=[shown(place) for place in found.shown],
        other=Rest(children=found.rest_count, objects=rest.objects, bytes=rest.bytes, heat=rest.heat)
        if found.rest_count
        else None,
        total=Total(
            objects=rest.objects + sum(place.objects for place in found.shown),
            bytes=rest.bytes + sum(place.bytes for place in found.shown),
        ),
    )

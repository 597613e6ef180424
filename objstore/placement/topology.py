"""Failure domains: zone > rack > node > drive."""

from objstore.model.volumes import Drive


def domains_of(drive: Drive) -> tuple[tuple[str, ...], ...]:
    """The drive's domains, the largest first; a name is unique only within the domain above it."""
    zone = (drive.zone,)
    rack = (*zone, drive.rack)
    return zone, rack, (*rack, drive.node)

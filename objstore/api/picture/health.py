"""Whether all is well, and if not why."""

from collections.abc import Iterator, Sequence

from objstore.api.picture.flows import Rates
from objstore.api.picture.models import NodePicture, Reason, TierPicture

TIER_FILLING, TIER_FULL = 0.8, 0.95
LATE_SECONDS = 86400
ERRORS_SOME, ERRORS_MANY = 0.01, 0.1
STALE_SECONDS = 60
OK, WARNING, CRITICAL = "ok", "warning", "critical"


def reasons_of(
    tiers: Sequence[TierPicture],
    nodes: Sequence[NodePicture],
    rates: Rates,
    *,
    short: int,
    lag_seconds: float,
    ready: bool,
    age_seconds: float | None,
) -> list[Reason]:
    """The worst first. ``short``: volumes without their redundancy; ``age_seconds``: of the newest sample."""
    found = [
        *_of_service(ready, rates),
        *_of_tiers(tiers),
        *_of_nodes(nodes),
    ]
    if short:
        found.append(_warning("short_of_redundancy", f"{short} volumes have fewer healthy shards than they should"))
    if lag_seconds > LATE_SECONDS:
        found.append(_warning("lifecycle_late", f"lifecycle rules are {lag_seconds / 3600:.0f} hours behind"))
    if age_seconds is None or age_seconds > STALE_SECONDS:
        found.append(_warning("no_samples", "nothing was counted for more than a minute: these numbers are old"))
    return sorted(found, key=lambda reason: reason.severity != CRITICAL)


def worst(reasons: Sequence[Reason]) -> str:
    """ok, warning or critical."""
    return min((reason.severity for reason in reasons), key=(CRITICAL, WARNING).index, default=OK)


def _of_service(ready: bool, rates: Rates) -> Iterator[Reason]:
    if not ready:
        yield Reason(code="not_ready", severity=CRITICAL, text="this gateway cannot place a write now")
    requests, errors = rates.sum("requests"), rates.sum("errors", "5xx")
    if errors and errors > requests * ERRORS_SOME:
        severity = CRITICAL if errors > requests * ERRORS_MANY else WARNING
        yield Reason(code="errors", severity=severity, text=f"{errors / requests:.1%} of requests fail")


def _of_tiers(tiers: Sequence[TierPicture]) -> Iterator[Reason]:
    for tier in tiers:
        if tier.fill is not None and tier.fill > TIER_FILLING:
            full = tier.fill > TIER_FULL
            code, severity = ("tier_full", CRITICAL) if full else ("tier_filling", WARNING)
            yield Reason(
                code=code, severity=severity, text=f"tier {tier.name} is {tier.fill:.0%} full", subject=tier.name
            )


def _of_nodes(nodes: Sequence[NodePicture]) -> Iterator[Reason]:
    for node in nodes:
        if node.state == "suspect":
            yield _warning("node_silent", f"node {node.name} is not heard of", node.name)
        for drive in node.drives:
            if drive.state in ("suspect", "gone"):
                yield _warning(
                    "drive_out", f"{drive.address} ({drive.id[:8]}) of tier {drive.tier} is {drive.state}", drive.id
                )


def _warning(code: str, text: str, subject: str = "") -> Reason:
    return Reason(code=code, severity=WARNING, text=text, subject=subject)

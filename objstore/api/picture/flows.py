"""Flows and ratios, out of sums of a span."""

from collections.abc import Iterator, Mapping, Sequence

from objstore.api.picture.models import FirstByte, Flow, GatewayLoad, HitRatio, Share
from objstore.meta.history_samples import Span, Sums
from objstore.model.series import COLD_DRIVES, FIRST_BYTE_SECONDS, HOT_DRIVES, MEMORY, SOURCES, code_of
from objstore.model.tiers import HOT

FLOW_CODES = tuple(
    code_of(f"{kind}_{what}")
    for kind in ("put", "memory", "read", "demoted", "promoted", "restored", "expired")
    for what in ("objects", "bytes")
) + tuple(code_of(name) for name in ("healed_shards", "healed_bytes", "requests", "errors"))
GATEWAY_CODES = tuple(code_of(name) for name in ("received_bytes", "sent_bytes", "requests"))
TTFB = code_of("ttfb")
GATEWAYS_MAX = 16
SHARES_MAX = 6
SHARE_CODES = tuple(
    code_of(f"{kind}_{what}") for kind in ("bucket", "client") for what in ("requests", "in_bytes", "out_bytes")
)
_MOVES = ("demoted", "promoted", "restored")


class Rates:
    """Sums of a span, by name."""

    def __init__(self, sums: Sums, span: Span) -> None:
        self._sums, self._seconds = sums, span.seconds

    def sum(self, name: str, label: str | None = None) -> float:
        """Of one label, or of all."""
        code = code_of(name)
        if label is not None:
            return self._sums.get((code, label), 0.0)
        return sum(value for (known, _), value in self._sums.items() if known == code)

    def rate(self, name: str, label: str | None = None) -> float:
        """The same a second."""
        return round(self.sum(name, label) / self._seconds, 3)

    def labels(self, name: str) -> list[str]:
        """Which there are."""
        code = code_of(name)
        return sorted(label for known, label in self._sums if known == code)


def flows_of(rates: Rates, tiers: Sequence[str]) -> list[Flow]:
    """Edges; those between clients and tiers, and between neighbours, are there even if nothing flows."""
    return list(_flows(rates, tiers))


def _flows(rates: Rates, tiers: Sequence[str]) -> Iterator[Flow]:
    def flow(
        name: str, kind: str, source: str, to: str, counted: str, label: str | None, what: str = "objects"
    ) -> Flow:
        size, count = rates.rate(f"{counted}_bytes", label), rates.rate(f"{counted}_{what}", label)
        return Flow(id=name, kind=kind, source=source, to=to, bytes_per_second=size, objects_per_second=count)

    for tier in tiers:
        yield flow(f"ingest:{tier}", "ingest", "clients", f"tier:{tier}", "put", tier)
    yield flow("read:memory", "read", "memory", "clients", "memory", None)
    for tier in tiers:
        yield flow(f"read:{tier}", "read", f"tier:{tier}", "clients", "read", tier)
    for verb in _MOVES:
        usual = {f"{upper}:{lower}" if verb == "demoted" else f"{lower}:{upper}" for upper, lower in _pairs(tiers)}
        for label in sorted(usual | set(rates.labels(f"{verb}_objects"))):
            source, _, target = label.partition(":")
            yield flow(f"{verb}:{label}", verb, f"tier:{source}", f"tier:{target}", verb, label)
    for tier in tiers:
        yield flow(f"expired:{tier}", "expired", f"tier:{tier}", "gone", "expired", tier)
    yield flow("healed", "healed", "repair", "drives", "healed", None, "shards")


def _pairs(tiers: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((HOT, tier) for tier in tiers if tier != HOT)


def gateways_of(sums: Mapping[tuple[str, int], float], span: Span) -> list[GatewayLoad]:
    """Gateway processes by name; the least busy of many together."""
    received, sent, requests = GATEWAY_CODES
    names = {node for node, _ in sums if node}

    def load(name: str, nodes: Sequence[str]) -> GatewayLoad:
        def rate(code: int) -> float:
            return round(sum(sums.get((node, code), 0.0) for node in nodes) / span.seconds, 3)

        return GatewayLoad(
            name=name,
            in_bytes_per_second=rate(received),
            out_bytes_per_second=rate(sent),
            requests_per_second=rate(requests),
        )

    busiest = sorted(names, key=lambda node: -sums.get((node, requests), 0.0))
    shown = [load(node, [node]) for node in sorted(busiest[:GATEWAYS_MAX])]
    return [*shown, load("other", busiest[GATEWAYS_MAX:])] if len(busiest) > GATEWAYS_MAX else shown


def shares_of(rates: Rates, kind: str) -> list[Share]:
    """Of the kind, those with most bytes, and all others together at the end."""

    def share(name: str, labels: Sequence[str]) -> Share:
        def rate(what: str) -> float:
            return round(sum(rates.rate(f"{kind}_{what}", label) for label in labels), 3)

        return Share(
            name=name,
            in_bytes_per_second=rate("in_bytes"),
            out_bytes_per_second=rate("out_bytes"),
            requests_per_second=rate("requests"),
        )

    def busy(one: Share) -> tuple[float, float]:
        return one.in_bytes_per_second + one.out_bytes_per_second, one.requests_per_second

    labels = rates.labels(f"{kind}_requests")
    ranked = sorted((share(label, [label]) for label in labels if label), key=busy, reverse=True)
    told = ranked[:SHARES_MAX]
    rest = share("", ["", *(one.name for one in ranked[SHARES_MAX:])])
    return [*told, rest] if rest.requests_per_second else told


def hit_ratio(rates: Rates) -> HitRatio:
    """Of reads: the page cache and the hot tier's drives, of all."""
    return HitRatio(requests=_ratio(rates, "objects"), bytes=_ratio(rates, "bytes"))


def _ratio(rates: Rates, what: str) -> float | None:
    memory, all_ = rates.sum(f"memory_{what}"), rates.sum(f"memory_{what}") + rates.sum(f"read_{what}")
    return round((memory + rates.sum(f"read_{what}", HOT)) / all_, 4) if all_ else None


def first_bytes(sums: Sums) -> FirstByte:
    """Percentiles out of the sums of the series ``ttfb``."""
    counts: dict[str, dict[float, float]] = {source: {} for source in SOURCES}
    every: dict[float, float] = {}
    for (code, label), count in sums.items():
        source, _, bound = label.partition(":")
        if code == TTFB and source in counts:
            counts[source][float(bound)] = count
            every[float(bound)] = every.get(float(bound), 0.0) + count
    return FirstByte(
        memory=percentile(counts[MEMORY], 0.99),
        hot=percentile(counts[HOT_DRIVES], 0.99),
        cold=percentile(counts[COLD_DRIVES], 0.99),
        all=percentile(every, 0.99),
    )


def percentile(counts: Mapping[float, float], part: float) -> float | None:
    """The bound below which so large a part lies; of what is beyond the greatest bound, that one. None:
    of nothing."""
    left = sum(counts.values()) * part
    finite = sorted(bound for bound in counts if bound != float("inf"))
    if not left:
        return None
    for bound in finite:
        left -= counts[bound]
        if left <= 1e-9:
            return bound
    return float(FIRST_BYTE_SECONDS[-1])

"""Audience: for which buckets, and which programs, this process has answered; sums in memory, of a step of the history.

A request costs one look-up and three additions. What a step may hold is bounded: pairs of bucket and program that come
when it is full count as others, and only the busiest buckets of it are told by name.
"""

from collections import defaultdict
from collections.abc import Iterator

PAIRS_MAX = 1024
BUCKETS_TOLD = 8
OTHERS = ""  # in place of a name
Share = list[int]  # requests, bytes in, bytes out
_ELSE = ("", None)

# By what a program says of itself, the first that is found in it: those that are built on others stand before them.
_FAMILIES = (
    ("console", ("mozilla/",)),
    ("s5cmd", ("s5cmd",)),
    ("rclone", ("rclone",)),
    ("s3cmd", ("s3cmd",)),
    ("mc", ("mc/", "warp/")),
    ("minio", ("minio",)),
    ("mountpoint", ("mountpoint-s3", "s3torchconnector", "s3-connector-framework")),
    ("hadoop", ("hadoop", "spark", "trino", "presto")),
    ("duckdb", ("duckdb",)),
    ("object_store", ("object_store", "object-store", "obstore")),
    ("awscli", ("aws-cli",)),
    ("boto3", ("boto", "s3fs")),
    ("aws-sdk-java", ("aws-sdk-java", "aws-sdk-kotlin")),
    ("aws-sdk-go", ("aws-sdk-go",)),
    ("aws-sdk-js", ("aws-sdk-js", "aws-sdk-nodejs")),
    ("aws-sdk-cpp", ("aws-sdk-cpp",)),
    ("aws-sdk", ("aws-sdk",)),
    ("curl", ("curl/", "wget/")),
)


def family_of(agent: bytes | None) -> str:
    """The kind of program by its ``User-Agent``; ``OTHERS`` where it says nothing that is known."""
    if not agent:
        return OTHERS
    said = agent.decode("latin-1").lower()
    return next((name for name, marks in _FAMILIES if any(mark in said for mark in marks)), OTHERS)


class Audience:
    """Sums since they were last taken; only of what was answered without an error, so that no name is made up."""

    __slots__ = ("_pairs",)

    def __init__(self) -> None:
        self._pairs: dict[tuple[str, bytes | None], Share] = {}

    def note(self, bucket: str, agent: bytes | None, received: int, sent: int) -> None:
        """Count one request. HOT."""
        share = self._pairs.get((bucket, agent))
        if share is None:
            share = self._new(bucket, agent)
        share[0] += 1
        share[1] += received
        share[2] += sent

    def take(self) -> tuple[dict[str, Share], dict[str, Share]]:
        """Shares by bucket, the busiest and ``OTHERS``, and by family of programs; from now on it counts anew."""
        pairs, self._pairs = self._pairs, {}
        buckets: dict[str, Share] = defaultdict(lambda: [0, 0, 0])
        families: dict[str, Share] = defaultdict(lambda: [0, 0, 0])
        for (bucket, agent), share in pairs.items():
            _add(buckets[bucket], share)
            _add(families[family_of(agent)], share)
        return _busiest(buckets), dict(families)

    def _new(self, bucket: str, agent: bytes | None) -> Share:
        pair = (bucket, agent) if len(self._pairs) < PAIRS_MAX else _ELSE
        return self._pairs.setdefault(pair, [0, 0, 0])


def _busiest(buckets: dict[str, Share]) -> dict[str, Share]:
    ranked = sorted((name for name in buckets if name), key=lambda name: (-sum(buckets[name][1:]), -buckets[name][0]))
    told = {name: buckets[name] for name in ranked[:BUCKETS_TOLD]}
    rest: Share = [0, 0, 0]
    for name in (*ranked[BUCKETS_TOLD:], *(name for name in buckets if not name)):
        _add(rest, buckets[name])
    return {**told, OTHERS: rest} if rest[0] else told


def _add(to: Share, share: Share) -> None:
    for at, value in enumerate(share):
        to[at] += value


def counts_of(kind: str, shares: dict[str, Share]) -> Iterator[tuple[str, str, float]]:
    """As the history's series of the kind: series, label, value."""
    for name, (requests, received, sent) in shares.items():
        yield f"{kind}_requests", name, requests
        yield f"{kind}_in_bytes", name, received
        yield f"{kind}_out_bytes", name, sent

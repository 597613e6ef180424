"""Where a shard goes that has to move, and which shards move so that drives are evenly full. Pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from objstore.model import clock
from objstore.model.volumes import Drive
from objstore.placement.topology import domains_of


@dataclass(frozen=True, slots=True)
class Lying:
    """A shard: column of a volume, on a drive, of so many bytes."""

    volume_id: bytes
    column: int
    drive_id: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Step:
    """A shard that goes to a drive."""

    shard: Lying
    target: str


def choose_target(
    holders: Sequence[Drive], candidates: Sequence[Drive], sets: Iterable[Collection[str]] = ()
) -> Drive | None:
    """The drive for one more shard of a volume whose other shards are on ``holders``; None if none is left.

    None of the holders; of the rest one in the zone, then rack, then node that has the fewest of them, and among
    those by chance, the emptier ones more often, so that many drives take part when one is made good. ``sets``: of
    drives that stay or take part; one that completes such a set is preferred, so that there are few combinations.
    """
    taken = {drive.id for drive in holders}
    used = Counter(domain for drive in holders for domain in domains_of(drive))
    free = [drive for drive in candidates if drive.id not in taken]
    if not free:
        return None
    fewest = min(_crowding(drive, used) for drive in free)
    best = [drive for drive in free if _crowding(drive, used) == fewest]
    completing = set().union(*sets)
    return _lot([drive for drive in best if drive.id in completing] or best)


def spread_step(shards: Sequence[Lying], drives: Mapping[str, Drive], candidates: Sequence[Drive]) -> Step | None:
    """A move that takes a shard of a volume out of its most crowded domain to one that has fewer; None if none helps.

    ``shards``: all of the volume; ``drives``: those that they are on, as far as they are known.
    """
    used = Counter(domain for one in shards if one.drive_id in drives for domain in domains_of(drives[one.drive_id]))
    holders = [drives[one.drive_id] for one in shards if one.drive_id in drives]
    lying = [one for one in shards if one.drive_id in drives]
    if not lying:
        return None
    worst = max(lying, key=lambda one: tuple(reversed(_crowding(drives[one.drive_id], used))))
    source = drives[worst.drive_id]
    others = used - Counter(domains_of(source))
    target = choose_target(holders, candidates)
    if target is None or _crowding(target, others)[-1] >= _crowding(source, others)[-1]:
        return None
    return Step(worst, target.id)


def plan_moves(
    shards: Sequence[Lying],
    drives: Sequence[Drive],
    holders: Mapping[bytes, Sequence[Drive]],
    used_bytes: Mapping[str, int],
    slack: float,
    limit: int,
) -> list[Step]:
    """Moves, at most ``limit``, that bring drives nearer to being equally full, and none that does not.

    ``shards``: those that may move; ``holders``: the drives of all shards of their volumes; ``used_bytes``: of each
    drive. A drive is too full above the tier's share of its capacity by more than ``slack`` (of that share), and a
    shard goes only to a drive that stays below the share with it and gives none itself. Two shards of a volume are
    never on one drive, and no domain has more of a volume than before, or than the most crowded one has.
    """
    total = sum(drive.capacity_bytes for drive in drives)
    if not total:
        return []
    load = {drive.id: used_bytes.get(drive.id, 0) for drive in drives}
    share = {drive.id: sum(load.values()) * drive.capacity_bytes / total for drive in drives}
    by_drive: dict[str, list[Lying]] = defaultdict(list)
    for shard in sorted(shards, key=lambda one: -one.bytes):
        by_drive[shard.drive_id].append(shard)
    steps: list[Step] = []
    moved: set[bytes] = set()
    gave: set[str] = set()  # within the slack they are below their share now, which is no room for others' shards
    for source in sorted(drives, key=lambda drive: share[drive.id] - load[drive.id]):
        for shard in by_drive[source.id]:
            if len(steps) == limit or load[source.id] <= share[source.id] * (1 + slack):
                break
            if shard.volume_id in moved or load[source.id] - shard.bytes < share[source.id] * (1 - slack):
                continue
            takers = [drive for drive in drives if drive.id not in gave]
            target = _roomiest(shard, source, takers, holders[shard.volume_id], load, share)
            if target is None:
                continue
            gave.add(source.id)
            load[source.id] -= shard.bytes
            load[target.id] += shard.bytes
            moved.add(shard.volume_id)
            steps.append(Step(shard, target.id))
    return steps


def _roomiest(
    shard: Lying,
    source: Drive,
    drives: Sequence[Drive],
    holders: Sequence[Drive],
    load: Mapping[str, int],
    share: Mapping[str, float],
) -> Drive | None:
    """The drive that is emptiest against its share and may take the shard."""
    taken = {drive.id for drive in holders}
    others = Counter(domain for drive in holders if drive.id != source.id for domain in domains_of(drive))
    # What the domains of today's drive have of the volume, the shard included, is what it may cost anywhere.
    allowed = tuple(others[domain] for domain in domains_of(source))
    fitting = [
        drive
        for drive in drives
        if drive.id not in taken
        and load[drive.id] + shard.bytes <= share[drive.id]
        and all(own <= most for own, most in zip(_crowding(drive, others), allowed, strict=True))
    ]
    return min(fitting, key=lambda drive: (load[drive.id] - share[drive.id], drive.id), default=None)


def _crowding(drive: Drive, used: Mapping[tuple[str, ...], int]) -> tuple[int, ...]:
    """How many shards are in the drive's domains already, the largest first."""
    return tuple(used.get(domain, 0) for domain in domains_of(drive))


def _lot(drives: Sequence[Drive]) -> Drive:
    """One of them by chance, weighted by free bytes."""
    weights = [max(drive.free_bytes, 1) for drive in drives]
    at = int.from_bytes(clock.random_bytes(16), "little") % sum(weights)
    for drive, weight in zip(drives, weights, strict=True):
        at -= weight
        if at < 0:
            return drive
    return drives[-1]

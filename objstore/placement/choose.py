"""Choose the drives of a new volume: distinct, spread over failure domains, one of a bounded number of combinations.

Each drive of a tier has a few *copysets*: itself and the count-1 drives that a fixed lottery gives it, spread over
domains. A volume goes to a copyset. So there are at most a few combinations a drive, and when so many
drives fail at once it is unlikely that they are the ones of a volume; with combinations by chance any such coincidence
would be fatal to some. The lottery is by hash: it needs no state, all gateways find the same sets, and a drive that
comes or goes changes only the sets that it is in.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from hashlib import blake2b
from math import exp, log

from objstore.model import clock
from objstore.model.errors import PlacementImpossible
from objstore.model.volumes import Drive
from objstore.placement.topology import domains_of

# A drive is in at least so many sets, on average. With 6 drives of unlike size cannot be filled evenly (up to 25 % off
# the mean), with 12 mostly, with 18 they are (2 %); and a rebuild reads from many.
MEMBERSHIPS = 18
SEEDS_COMPARED = 8
# How much more a nearly full drive weighs against a set than a nearly empty one.
STEEPNESS = 40.0


class Copysets:
    """Copysets of one tier's drives. ``domain_max``: how many shards a failure domain may hold, m."""

    def __init__(self, drives: Sequence[Drive], count: int, domain_max: int) -> None:
        self._drives, self._count, self._domain_max = tuple(drives), count, domain_max
        self._sets: dict[tuple[str, int], tuple[str, ...]] = {}

    def are_of(self, drives: Sequence[Drive], count: int, domain_max: int) -> bool:
        """Whether these would be the same."""
        if (self._count, self._domain_max, len(self._drives)) != (count, domain_max, len(drives)):
            return False
        mine = {drive.id: domains_of(drive) for drive in self._drives}
        return all(mine.get(drive.id) == domains_of(drive) for drive in drives)

    def of(self, seed: Drive, number: int = 0) -> tuple[str, ...]:
        """A copyset of a drive, as ids. No domain has more than ``domain_max`` of it unless the topology forces that.

        The next drive is always one that breaks the bound of no node, then rack, then zone, if there is one; then from
        the least used zone, rack, node; then by a lottery weighted by capacity. Domains are nested, so taking what
        breaks no bound as long as there is such a drive finds as many of those as there can be.
        """
        known = self._sets.get((seed.id, number))
        if known is None:
            known = self._sets[seed.id, number] = self._gather(seed, number)
        return known

    def with_all(self, drive_ids: Collection[str]) -> list[tuple[str, ...]]:
        """Copysets that all of these drives are in."""
        wanted = set(drive_ids)
        every = (self.of(seed, number) for seed in self._drives for number in range(sets_a_drive(self._count)))
        return [ids for ids in every if wanted <= set(ids)]

    def _gather(self, seed: Drive, number: int) -> tuple[str, ...]:
        used: Counter[tuple[str, ...]] = Counter(domains_of(seed))
        waiting = {d.id: (d.id, domains_of(d), _lot(seed, d, number)) for d in self._drives if d.id != seed.id}
        chosen, most = [seed.id], self._domain_max

        def rank(entry: tuple[str, tuple[tuple[str, ...], ...], float]) -> tuple[object, ...]:
            zone, rack, node = (used[domain] for domain in entry[1])
            return (node >= most, rack >= most, zone >= most, zone, rack, node, -entry[2])

        while len(chosen) < self._count:
            best, domains, _ = min(waiting.values(), key=rank)
            del waiting[best]
            chosen.append(best)
            used.update(domains)
        return tuple(chosen)


class Chooser:
    """Chooses drives of one tier, again and again: what was computed of a topology is kept while it is the same."""

    def __init__(self) -> None:
        self._copysets = Copysets((), 0, 0)

    def choose(self, drives: Sequence[Drive], count: int, domain_max: int, full: int = 0) -> list[Drive]:
        """``count`` of the usable ``drives`` in random order (so that parity visits all of them).

        ``domain_max``: how many shards a domain may hold without being able to take a volume with it. ``full``: how
        many more drives the tier would have if they had space. Raises PlacementImpossible.
        """
        if len(drives) < count:
            raise PlacementImpossible(
                f"{len(drives)} drives usable, {count} needed ({full} are full)",
                full=len(drives) + full >= count and full > 0,
            )
        if not self._copysets.are_of(drives, count, domain_max):
            self._copysets = Copysets(drives, count, domain_max)
        by_id = {drive.id: drive for drive in drives}
        empty = {drive.id: drive.free_bytes / max(drive.capacity_bytes, 1) for drive in drives}
        fullest = min(empty.values())
        weight = {id_: exp(-STEEPNESS * (own - fullest)) for id_, own in empty.items()}
        seeds = sorted(drives, key=_lottery, reverse=True)[:SEEDS_COMPARED]
        sets = [self._copysets.of(seed, number) for seed in seeds for number in range(sets_a_drive(count))]
        # Of those that are alike any: the sums are rounded so that order of adding does not decide.
        chosen = min(sets, key=lambda ids: (round(sum(weight[id_] for id_ in ids), 12), clock.random_bytes(4)))
        return [by_id[id_] for id_ in sorted(chosen, key=lambda _: clock.random_bytes(8))]


def sets_a_drive(count: int) -> int:
    """How many copysets of ``count`` drives each drive has."""
    return max(2, -(-MEMBERSHIPS // count))


def _lottery(drive: Drive) -> float:
    """Efraimidis and Spirakis: the n largest of log(u)/weight are a weighted sample without replacement."""
    uniform = (int.from_bytes(clock.random_bytes(7), "little") + 1) / (1 << 56)
    return log(uniform) / max(drive.free_bytes, 1)


def _lot(seed: Drive, drive: Drive, number: int) -> float:
    """The same, with what the two ids give in place of chance, and weighted by capacity, which stays."""
    digest = blake2b(f"{number} {seed.id} {drive.id}".encode(), digest_size=7).digest()
    return log((int.from_bytes(digest, "little") + 1) / (1 << 56)) / max(drive.capacity_bytes, 1)

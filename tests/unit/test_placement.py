"""Placement: spread over domains as far as the topology allows, in few combinations, evenly; and what that survives."""

from collections import Counter
from itertools import combinations
from math import expm1, log1p
from random import Random

import pytest

from objstore.model.errors import PlacementImpossible
from objstore.model.volumes import Drive
from objstore.placement.choose import Chooser, Copysets, sets_a_drive
from objstore.placement.durability import (
    HOURS_A_YEAR,
    annual_loss,
    annual_loss_by_windows,
    loss_of_a_group,
    nines,
    repair_hours,
)
from objstore.placement.survival import Survival, least, survival_of
from objstore.placement.topology import domains_of

TOPOLOGIES = 10_000


def topology(random: Random) -> list[Drive]:
    drives = []
    for zone in range(random.choice([1, 1, 2, 3, 5])):
        for rack in range(random.choice([1, 1, 2, 4])):
            for node in range(random.choice([1, 2, 3, 6])):
                for _ in range(random.choice([1, 1, 2, 5])):
                    size = random.choice([1, 1, 2]) << 40
                    drives.append(
                        Drive(f"{random.getrandbits(128):032x}", "hot", f"n{node}", "", f"z{zone}", f"r{rack}",
                              capacity_bytes=size, free_bytes=random.randrange(size))
                    )  # fmt: skip
    return drives


def most_of(drives: list[Drive], levels: tuple[int, ...], bound: int) -> int:
    """How many drives can be taken with no more than ``bound`` in any domain of the levels (0 zone, 1 rack, 2 node)."""
    level, *deeper = levels
    held: dict[tuple[str, ...], list[Drive]] = {}
    for drive in drives:
        held.setdefault(domains_of(drive)[level], []).append(drive)
    return sum(min(bound, most_of(own, tuple(deeper), bound) if deeper else len(own)) for own in held.values())


def crowding(chosen: list[Drive], level: int) -> int:
    return max(Counter(domains_of(drive)[level] for drive in chosen).values())


def test_no_domain_holds_more_than_the_topology_forces() -> None:
    random, tried = Random(4), 0
    while tried < TOPOLOGIES:
        drives = topology(random)
        k, m = random.choice([(2, 1), (4, 2), (8, 3), (10, 4)])
        if len(drives) < k + m:
            continue
        tried += 1
        ids = Copysets(drives, k + m, m).of(random.choice(drives), random.randrange(sets_a_drive(k + m)))
        chosen = [drive for drive in drives if drive.id in ids]
        assert len(set(ids)) == len(chosen) == k + m
        for levels in ((2,), (1, 2), (0, 1, 2)):
            if most_of(drives, levels, m) >= k + m:
                assert all(crowding(chosen, level) <= m for level in levels), (levels, chosen)


def test_too_few_drives() -> None:
    drives = topology(Random(1))[:3]
    with pytest.raises(PlacementImpossible) as caught:
        Chooser().choose(drives, 6, 2, full=3)
    assert caught.value.full
    with pytest.raises(PlacementImpossible) as caught:
        Chooser().choose(drives, 6, 2, full=1)
    assert not caught.value.full


def fleet(nodes: int, drives: int, random: Random) -> list[Drive]:
    return [
        Drive(f"{random.getrandbits(128):032x}", "hot", f"n{node}", "", capacity_bytes=1 << 40, free_bytes=1 << 40)
        for node in range(nodes)
        for _ in range(drives)
    ]


def test_combinations_are_few_and_a_new_drive_changes_few() -> None:
    random = Random(7)
    drives = fleet(12, 4, random)
    chooser = Chooser()
    seen = {frozenset(d.id for d in chooser.choose(drives, 6, 2)) for _ in range(600)}

    def sets(found: list[Drive]) -> set[frozenset[str]]:
        copysets = Copysets(found, 6, 2)
        return {frozenset(copysets.of(seed, number)) for seed in found for number in range(sets_a_drive(6))}

    before, after = sets(drives), sets([*drives, *fleet(1, 1, random)])
    assert seen <= before
    assert {id_ for ids in seen for id_ in ids} == {drive.id for drive in drives}
    assert len(before - after) <= 48
    assert sets(list(reversed(drives))) == before


@pytest.mark.parametrize("seed", range(4))
def test_drives_fill_evenly(seed: int) -> None:
    """D3 of the durability tests: ±5 %."""
    drives = fleet(10, 3, Random(seed))
    for index, drive in enumerate(drives):
        drive.capacity_bytes = drive.free_bytes = (1 << 40) * (1 + index % 2)
    chooser = Chooser()
    for _ in range(1500):
        for drive in chooser.choose(drives, 6, 2):
            drive.free_bytes -= 1 << 31
    full = [1 - drive.free_bytes / drive.capacity_bytes for drive in drives]
    mean = sum(full) / len(full)
    assert 0.3 < mean < 0.6
    assert all(abs(one - mean) < 0.05 for one in full), sorted(full)


def place(*nodes: str) -> list[Drive]:
    return [Drive(f"{number:032x}", "hot", *node.split("/")[::-1][:1], "", *node.split("/")[:2])
            for number, node in enumerate(nodes)]  # fmt: skip


def test_survival() -> None:
    spread = place(*(f"z{n % 3}/r{n}/n{n}" for n in range(6)))
    assert survival_of(spread, 2) == Survival(2, 2, 2, 1)
    assert survival_of([*spread[:5], None], 2) == Survival(1, 1, 1, 0)
    assert survival_of([*spread[:3], None, None, None], 2) == Survival(0, 0, 0, 0)
    narrow = place(*["z/r/a"] * 3, *["z/r/b"] * 3)
    assert survival_of(narrow, 2) == Survival(2, 0, 0, 0)
    assert survival_of(narrow, 3) == Survival(3, 1, 0, 0)
    assert least([survival_of(spread, 2), survival_of(narrow, 3)]) == Survival(2, 1, 0, 0)
    assert least([]) is None


def test_survival_is_what_brute_force_finds() -> None:
    random = Random(11)
    for _ in range(200):
        drives = topology(random)
        if len(drives) < 6:
            continue
        chosen = Chooser().choose(drives, 6, 2)
        found = survival_of(chosen, 2)
        for level, claimed in ((0, found.zones), (1, found.racks), (2, found.nodes)):
            domains = sorted({domains_of(drive)[level] for drive in chosen})
            for count in range(min(claimed + 1, len(domains)) + 1):
                worst = max(
                    sum(domains_of(drive)[level] in gone for drive in chosen) for gone in combinations(domains, count)
                )
                assert (worst <= 2) == (count <= claimed)


# The table of durability: nines a year by code, and by AFR and hours of repair.
CASES = {"A": (0.01, 2.4), "B": (0.014, 13.6), "C": (0.014, 67), "D": (0.04, 67), "E": (0.04, 720)}
NINES = {
    (3, 2): (12.6, 10.7, 9.3, 7.9, 5.9),
    (6, 2): (11.3, 9.4, 8.0, 6.6, 4.6),
    (11, 3): (15.6, 12.7, 10.6, 8.8, 5.7),
    (14, 4): (20.3, 16.5, 13.7, 11.4, 7.3),
    (16, 4): (19.9, 16.2, 13.4, 11.1, 7.0),
}


@pytest.mark.parametrize(("code", "expected"), NINES.items())
def test_durability_is_as_published(code: tuple[int, int], expected: tuple[float, ...]) -> None:
    for (afr, hours), figure in zip(CASES.values(), expected, strict=True):
        assert nines(annual_loss(*code, afr, hours)) == pytest.approx(figure, abs=0.11)


def test_backblaze() -> None:
    assert nines(annual_loss_by_windows(20, 3, 0.0041, 156)) == pytest.approx(11.1, abs=0.05)
    assert nines(annual_loss_by_windows(20, 3, 0.01, 156)) == pytest.approx(9.6, abs=0.05)


def test_durability_agrees_with_a_simulation() -> None:
    """With rates so high that losses happen: within 5 %."""
    random, n, m, afr, hours, lost, lives = Random(5), 4, 1, 0.9, 500.0, 0.0, 20_000
    rate, repair = -log1p(-afr) / HOURS_A_YEAR, 1 / hours
    for _ in range(lives):
        failed = 0
        while failed <= m:
            failing, mending = (n - failed) * rate, failed * repair
            lost += random.expovariate(failing + mending)
            failed += 1 if random.random() < failing / (failing + mending) else -1
    assert -expm1(-HOURS_A_YEAR * lives / lost) == pytest.approx(annual_loss(n, m, afr, hours), rel=0.05)


def test_groups_that_fail_together() -> None:
    for n, m, groups, expected in ((6, 2, 40, 0.019), (6, 2, 256, 0.11), (11, 3, 256, 0.039), (14, 4, 256, 0.0041)):
        assert loss_of_a_group(240, n, m, 8, groups) == pytest.approx(expected, rel=0.06)
    # With no more drives than a set has: certain, or impossible.
    assert (loss_of_a_group(6, 6, 2, 3, 1), loss_of_a_group(6, 6, 2, 2, 1)) == (1.0, 0.0)


def test_hours_of_repair() -> None:
    assert repair_hours(24 * 10**12, 500e6, 900) == pytest.approx(13.6, abs=0.05)

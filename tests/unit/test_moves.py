"""Plans of moves: properties that hold for whatever topology and load."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from objstore.model.volumes import Drive
from objstore.placement.moves import Lying, choose_target, plan_moves, spread_step
from objstore.placement.topology import domains_of

MIB = 2**20


@st.composite
def clusters(draw: st.DrawFn) -> tuple[list[Drive], list[Lying]]:
    """Drives in domains, and volumes whose shards are on distinct ones of the older drives."""
    count = draw(st.integers(4, 14))
    places = [(draw(st.sampled_from("ab")), draw(st.sampled_from("pq")), draw(st.sampled_from("xyz")))
              for _ in range(count)]  # fmt: skip
    drives = [
        Drive(f"{i:032x}", "hot", node, "", zone, rack, capacity_bytes=draw(st.sampled_from([100, 200])) * MIB)
        for i, (zone, rack, node) in enumerate(places)
    ]
    old = drives[: draw(st.integers(3, count))]
    shards = []
    for number in range(draw(st.integers(0, 25))):
        chosen = draw(st.permutations(old))[: draw(st.integers(1, 3))]
        size = draw(st.integers(1, 4 * MIB))
        shards += [Lying(bytes([number]) * 16, column, drive.id, size) for column, drive in enumerate(chosen)]
    return drives, shards


def loads(drives: list[Drive], shards: list[Lying]) -> dict[str, int]:
    sums = Counter({drive.id: 0 for drive in drives})
    for shard in shards:
        sums[shard.drive_id] += shard.bytes
    return dict(sums)


def crowding(drives: dict[str, Drive], places: dict[tuple[bytes, int], str], volume_id: bytes) -> list[int]:
    """The most that one zone, rack, node has of a volume."""
    count: Counter[tuple[int, tuple[str, ...]]] = Counter()
    for (owner, _), drive_id in places.items():
        if owner == volume_id:
            count.update(enumerate(domains_of(drives[drive_id])))
    return [max(number for (depth, _), number in count.items() if depth == level) for level in range(3)]


@given(clusters(), st.sampled_from([0.0, 0.05, 0.2]), st.integers(1, 50))
def test_a_plan_makes_drives_more_even_and_nothing_worse(
    cluster: tuple[list[Drive], list[Lying]], slack: float, limit: int
) -> None:
    drives, shards = cluster
    by_id = {drive.id: drive for drive in drives}
    before = loads(drives, shards)
    holders: dict[bytes, list[Drive]] = {}
    for shard in shards:
        holders.setdefault(shard.volume_id, []).append(by_id[shard.drive_id])
    steps = plan_moves(shards, drives, holders, before, slack, limit)
    assert len(steps) <= limit
    total, capacity = sum(before.values()), sum(drive.capacity_bytes for drive in drives)
    share = {drive.id: total * drive.capacity_bytes / capacity for drive in drives}
    places = {(shard.volume_id, shard.column): shard.drive_id for shard in shards}
    old = dict(places)
    for step in steps:
        assert step.shard in shards
        places[step.shard.volume_id, step.shard.column] = step.target
    after: Counter[str] = Counter()
    for shard in shards:
        after[places[shard.volume_id, shard.column]] += shard.bytes
    for drive in drives:
        # Nobody gets too full, nobody gives away more than it has too much, nobody does both.
        gave = any(step.shard.drive_id == drive.id for step in steps)
        got = any(step.target == drive.id for step in steps)
        assert not (gave and got)
        assert not got or after[drive.id] <= share[drive.id]
        assert not gave or after[drive.id] >= share[drive.id] * (1 - slack)
    for volume_id in holders:
        lying = [drive_id for (owner, _), drive_id in places.items() if owner == volume_id]
        assert len(set(lying)) == len(lying)
        now, was = crowding(by_id, places, volume_id), crowding(by_id, old, volume_id)
        assert all(a <= b for a, b in zip(now, was, strict=True))
    # No more is moved than is too much: each byte once, from a drive above its share to one below.
    excess = sum(max(0.0, before[drive.id] - share[drive.id] * (1 - slack)) for drive in drives)
    assert sum(step.shard.bytes for step in steps) <= excess
    assert not plan_moves(shards, drives, holders, before, slack, 0)


def test_a_new_drive_gets_its_share_and_no_more() -> None:
    drives = [Drive(f"{i}", "hot", f"n{i}", "", capacity_bytes=100 * MIB) for i in range(5)]
    shards = [Lying(bytes([v]) * 16, c, f"{(v + c) % 4}", MIB) for v in range(40) for c in range(2)]
    holders = {s.volume_id: [drives[int(o.drive_id)] for o in shards if o.volume_id == s.volume_id] for s in shards}
    steps = plan_moves(shards, drives, holders, loads(drives, shards), 0.02, 1000)
    assert {step.target for step in steps} == {"4"}
    assert len(steps) == 16
    assert set(Counter(step.shard.drive_id for step in steps).values()) == {4}


def test_what_gave_is_not_filled_up_again() -> None:
    """Within the slack a drive may go below its share: that makes no room for another's shards."""
    drives = [Drive(f"{i}", "hot", "n", "", capacity_bytes=100) for i in range(3)]
    lying = [("0", 2), ("2", 9), ("2", 8), ("0", 11)]
    shards = [Lying(bytes([number]) * 16, 0, drive, size) for number, (drive, size) in enumerate(lying)]
    holders = {shard.volume_id: [drives[int(shard.drive_id)]] for shard in shards}
    steps = plan_moves(shards, drives, holders, loads(drives, shards), 0.2, 50)
    assert steps
    assert not {step.shard.drive_id for step in steps} & {step.target for step in steps}


@given(clusters(), st.integers(0, 5))
def test_a_target_is_none_of_the_holders_and_in_the_emptiest_domain(
    cluster: tuple[list[Drive], list[Lying]], held: int
) -> None:
    drives, _ = cluster
    holders = drives[:held]
    target = choose_target(holders, drives)
    if target is None:
        assert len(drives) <= held
        return
    assert target not in holders
    used = Counter(domain for drive in holders for domain in domains_of(drive))
    cost = [used[domain] for domain in domains_of(target)]
    for drive in drives[held:]:
        assert cost <= [used[domain] for domain in domains_of(drive)]


def test_a_target_that_completes_a_known_set_is_preferred() -> None:
    drives = [Drive(f"{i}", "hot", f"n{i}", "", free_bytes=10**9 if i == 6 else 1) for i in range(8)]
    sets = [("0", "1", "2", "5"), ("0", "1", "2", "7")]
    for _ in range(20):
        target = choose_target(drives[:3], drives, sets)
        assert target is not None
        assert target.id in ("5", "7")
    # But not where it would stand closer together.
    near = [*drives[:5], Drive("5", "hot", "n0", "", free_bytes=1), *drives[6:]]
    target = choose_target(near[:3], near[:7], [("0", "1", "2", "5")])
    assert target is not None
    assert target.id != "5"


@given(clusters())
def test_spreading_ends_with_no_node_more_crowded_than_it_has_to_be(cluster: tuple[list[Drive], list[Lying]]) -> None:
    drives, shards = cluster
    by_id = {drive.id: drive for drive in drives}
    for volume_id in {shard.volume_id for shard in shards}:
        mine = [shard for shard in shards if shard.volume_id == volume_id]
        for _ in range(3 * len(mine)):
            step = spread_step(mine, by_id, drives)
            if step is None:
                break
            before = Counter(domains_of(by_id[one.drive_id])[2] for one in mine)
            mine = [Lying(volume_id, one.column, step.target, one.bytes) if one is step.shard else one for one in mine]
            after = Counter(domains_of(by_id[one.drive_id])[2] for one in mine)
            assert sorted(after.values()) != sorted(before.values())
            assert max(after.values()) <= max(before.values())
        assert step is None, "it does not come to rest"
        assert len({one.drive_id for one in mine}) == len(mine)

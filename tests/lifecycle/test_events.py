"""Events of what happens by itself: told in the transaction of what they tell of, under AWS's names."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from objstore.meta.lifecycle_tables import restored
from objstore.model.lifecycle import Expiration, Filter, NoncurrentExpiration, Rule, Transition
from objstore.model.objects import Bucket
from objstore.store.restore import name_of
from tests.lifecycle.test_archive_access import BOTH, configure
from tests.lifecycle.test_archive_access import put as put_idle
from tests.lifecycle.world import World

ARN = "arn:aws:sqs:us-east-1:000000000000:hook"
ALL = [
    "s3:LifecycleExpiration:*",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ObjectRestore:*",
    "s3:ObjectRemoved:*",
]


async def listen(world: World) -> Bucket:
    configuration = {"QueueConfigurations": [{"QueueArn": ARN, "Events": ALL, "Id": "mine"}]}
    return await world.place.store.set_setting(world.bucket, "notification", configuration)


async def told(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    """(event, key, record) of the bucket's events, in the order of their writing."""
    rows = await world.raw.fetch(
        "SELECT payload FROM event WHERE bucket_id = $1 ORDER BY created, place", await world.bucket_id()
    )
    records = [orjson.loads(row[0])["Records"][0] for row in rows]
    return [(one["eventName"], one["s3"]["object"]["key"], one) for one in records]


async def names(world: World) -> list[tuple[str, str]]:
    return [(event, key) for event, key, _ in await told(world)]


async def test_expiry(world: World) -> None:
    await listen(world)
    await world.put(b"old", days=40)
    await world.put(b"new")
    await world.rules(Rule("r", True, Filter(""), expiration=Expiration(days=30)))
    await world.settle()
    ((event, key, record),) = await told(world)
    assert (event, key) == ("LifecycleExpiration:Delete", "old")
    assert record["userIdentity"] == {"principalId": "s3.amazonaws.com"}
    assert record["s3"]["configurationId"] == "mine"
    assert "size" not in record["s3"]["object"]


async def test_a_marker_by_rule_then_its_end(world: World) -> None:
    await listen(world)
    await world.versioning("Enabled")
    await world.put(b"k", days=40)
    rule = Rule("r", True, Filter(""), expiration=Expiration(days=30), noncurrent_expiration=NoncurrentExpiration(1))
    await world.rules(rule)
    await world.settle()
    assert await names(world) == [("LifecycleExpiration:DeleteMarkerCreated", "k")]
    await world.age("version", 40, b"k", column="noncurrent_since")
    await world.settle()
    assert ("LifecycleExpiration:Delete", "k") in await names(world)


async def test_transition(world: World) -> None:
    await listen(world)
    await world.put(b"k", days=40)
    await world.rules(Rule("r", True, Filter(""), transitions=(Transition("STANDARD_IA", days=30),)))
    await world.settle()
    ((event, key, record),) = await told(world)
    assert (event, key) == ("LifecycleTransition", "k")
    assert record["lifecycleEventData"] == {"transitionEventData": {"destinationStorageClass": "STANDARD_IA"}}
    assert record["s3"]["object"]["size"] == 200_000


async def test_intelligent_tiering_tells_of_its_archive_tiers_only(world: World) -> None:
    await listen(world)
    await put_idle(world, b"cold", idle=40)
    await put_idle(world, b"colder", idle=100)
    await configure(world, BOTH)
    await world.settle()
    ((event, key, record),) = await told(world)
    assert (event, key) == ("IntelligentTiering", "colder")
    assert record["intelligentTieringEventData"] == {"destinationAccessTier": "ARCHIVE_ACCESS"}


async def test_restore_from_its_beginning_to_its_end(world: World) -> None:
    bucket = await listen(world)
    await world.put(b"k", storage_class="GLACIER")
    version = await world.place.store.get(world.bucket, b"k")
    assert await world.place.store.restore(version, 2, bucket) is False
    assert await names(world) == [("ObjectRestore:Post", "k")]
    await world.settle()
    _, (event, _, record) = await told(world)
    assert event == "ObjectRestore:Completed"
    data = record["glacierEventData"]["restoreEventData"]
    assert data["lifecycleRestoreStorageClass"] == "GLACIER"
    assert datetime.fromisoformat(data["lifecycleRestorationExpiryTime"]) > datetime.now(UTC)
    assert await world.place.store.restore(version, 3, bucket) is True  # kept longer: nothing has begun
    assert len(await told(world)) == 2
    bucket_id, key, version_id = name_of(version)
    await world.raw.execute(
        f"UPDATE {restored.name} SET until = now() - interval '1 day' "
        "WHERE bucket_id = $1 AND key = $2 AND version_id = $3",
        bucket_id, key, version_id,
    )  # fmt: skip
    assert await world.engine.expire_copies() == 1
    assert [event for event, _ in await names(world)][2:] == ["ObjectRestore:Delete"]


@pytest.mark.parametrize("what", ["expiry", "transition"])
async def test_nobody_listens(world: World, what: str) -> None:
    await world.put(b"k", days=40)
    expiry = Rule("r", True, Filter(""), expiration=Expiration(days=30))
    move = Rule("r", True, Filter(""), transitions=(Transition("STANDARD_IA", days=30),))
    await world.rules(expiry if what == "expiry" else move)
    await world.settle()
    assert await told(world) == []

"""Events to brokers: in order, of one object to one place, and what becomes of them when nobody is there."""

import asyncio
from collections.abc import Iterator

import orjson
import pytest

from objstore.events import targets
from objstore.events.targets import Target, TargetSpec, open_target
from tests.harness.brokers import BROKERS, Broker

CLIENTS = {"redis": "redis.asyncio", "nats": "nats", "kafka": "aiokafka"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka's client looks for a lost broker for as long as it may."""
    monkeypatch.setattr(targets, "SECONDS_MAX", 2.0)


@pytest.fixture(params=CLIENTS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    pytest.importorskip(CLIENTS[name])
    return name


@pytest.fixture
def broker(kind: str) -> Iterator[Broker]:
    broker = BROKERS[kind]().start()
    yield broker
    broker.stop()


def _payload(key: str, number: int) -> str:
    s3 = {"bucket": {"name": "b"}, "object": {"key": key, "size": number}}
    return orjson.dumps({"Records": [{"s3": s3}]}).decode()


def _payloads(begin: int) -> list[str]:
    return [_payload(f"k{number % 5}", number) for number in range(begin, begin + 50)]


async def _send(target: Target, payloads: list[str]) -> None:
    async with asyncio.timeout(60):
        await target.send(payloads)


async def test_what_is_sent_is_heard_in_order(kind: str, broker: Broker) -> None:
    target = open_target(TargetSpec("mine", kind, broker.url, "told"))
    test = orjson.dumps({"Event": "s3:TestEvent", "Bucket": "b"}).decode()
    sent = [test, *_payloads(0), *_payloads(50)]
    try:
        for part in (sent[:1], sent[1:51], sent[51:]):
            await _send(target, part)
    finally:
        await target.close()
    if kind != "kafka":
        assert [(topic, payload.decode()) for topic, _, payload in broker.heard] == [("told", one) for one in sent]
        return
    assert sorted(payload.decode() for _, _, payload in broker.heard) == sorted(sent)
    places: dict[bytes, set[str]] = {}
    for topic, key, _ in broker.heard:
        places.setdefault(key, set()).add(topic)
    assert places.keys() == {b"b", *(b"b/k%d" % number for number in range(5))}
    assert all(len(found) == 1 for found in places.values()), "of one object all go to one partition"
    for key in places:
        mine = [orjson.loads(payload) for _, its, payload in broker.heard if its == key and key != b"b"]
        sizes = [one["Records"][0]["s3"]["object"]["size"] for one in mine]
        assert sizes == sorted(sizes)


async def test_nobody_is_there_and_then_somebody_is(kind: str, broker: Broker) -> None:
    target = open_target(TargetSpec("mine", kind, broker.url, "told"))
    payloads = _payloads(0)
    try:
        await _send(target, payloads[:10])
        broker.stop()
        with pytest.raises(Exception, match=r"\S") as caught:
            await _send(target, payloads[10:])
        assert not isinstance(caught.value, TimeoutError), "it is known to be gone before all patience is spent"
        broker.start()
        # What went wrong is no reason to give up: what has perhaps come is sent once more.
        await _send(target, payloads[10:])
    finally:
        await target.close()
    heard = [payload.decode() for _, _, payload in broker.heard]
    assert set(heard) == set(payloads)
    assert [one for one in heard if one in payloads[:10]] == payloads[:10] or kind == "kafka"


async def test_a_broker_that_was_never_there(kind: str) -> None:
    broker = BROKERS[kind]().start()
    broker.stop()
    target = open_target(TargetSpec("mine", kind, broker.url, "told"))
    for _ in range(2):
        with pytest.raises(Exception, match=r"\S") as caught:
            await _send(target, ["{}"])
        assert not isinstance(caught.value, TimeoutError)
    await target.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing goes on behind one's back"

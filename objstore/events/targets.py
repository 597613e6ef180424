"""Targets of events. Clients of brokers are optional: they are imported when a target needs them.

Each target gets one JSON document an event, in order; what it raises says that nothing is known of what it has got.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from objstore.events.webhook import Webhook
from objstore.meta.event_export import export_events
from objstore.model.errors import ClusterError

SECONDS_MAX = 10.0


class TargetFailed(ClusterError):
    """A target did not take an event."""


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """``kind``: webhook, redis, nats, kafka or postgres. ``url``: where it is. ``topic``: list, subject, topic, table.

    ``allow_private``: whether a webhook may be at an address that is not public. ``token``: sent as Authorization.
    """

    name: str
    kind: str
    url: str = field(repr=False)
    topic: str = ""
    token: str = field(default="", repr=False)
    allow_private: bool = False


class Target(Protocol):
    """Where events go."""

    async def send(self, payloads: Sequence[str]) -> None:
        """Deliver documents in order; raises whatever its client does."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class _Redis:
    """RPUSH to a list."""

    def __init__(self, spec: TargetSpec) -> None:
        from redis.asyncio import Redis

        self._client: Any = Redis.from_url(spec.url, socket_timeout=SECONDS_MAX, socket_connect_timeout=SECONDS_MAX)
        self._topic = spec.topic

    async def send(self, payloads: Sequence[str]) -> None:
        await self._client.rpush(self._topic, *payloads)

    async def close(self) -> None:
        await self._client.aclose()


class _Nats:
    """Publish to a subject, and flush: the server has it.

    Its client never gives a server up unless it may fail once more, and writes each failure to the log.
    """

    def __init__(self, spec: TargetSpec) -> None:
        self._url, self._topic = spec.url, spec.topic
        self._client: Any = None
        self._lost = asyncio.Event()

    async def send(self, payloads: Sequence[str]) -> None:
        import nats

        if self._client is None or not self._client.is_connected:
            self._client = await nats.connect(
                self._url,
                connect_timeout=int(SECONDS_MAX),
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                error_cb=_unheard,
                closed_cb=self._lose,
            )
            self._lost.clear()
        for payload in payloads:
            await self._client.publish(self._topic, payload.encode())
        await self._flush()

    async def _lose(self) -> None:
        self._lost.set()

    async def _flush(self) -> None:
        """Until the server has all, or is gone: of that the client's own flush does not hear."""
        flushed = asyncio.ensure_future(self._client.flush(timeout=int(SECONDS_MAX)))
        lost = asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait({flushed, lost}, return_when=asyncio.FIRST_COMPLETED)
            if not flushed.done():
                raise TargetFailed("the connection was lost")
            await flushed
        finally:
            flushed.cancel()
            lost.cancel()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()


async def _unheard(_: Exception) -> None:
    """What is raised says the same."""


class _Kafka:
    """Produce to a topic, acknowledged by all in-sync replicas: all events of an object to one partition."""

    def __init__(self, spec: TargetSpec) -> None:
        self._url, self._topic = spec.url, spec.topic
        self._producer: Any = None

    async def send(self, payloads: Sequence[str]) -> None:
        from aiokafka import AIOKafkaProducer

        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._url, acks="all", request_timeout_ms=int(SECONDS_MAX * 1000)
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        try:
            for payload in payloads:
                await self._producer.send_and_wait(self._topic, payload.encode(), key=_name_of(payload))
        except Exception:
            await self.close()
            raise

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()


def _name_of(payload: str) -> bytes:
    """``bucket/key`` of what an event tells of, as the event has them; only the bucket, of a test event."""
    event = orjson.loads(payload)
    if "Records" not in event:
        return str(event.get("Bucket", "")).encode()
    s3 = event["Records"][0]["s3"]
    return f"{s3['bucket']['name']}/{s3['object']['key']}".encode()


class _Postgres:
    """Insert into a table with a column ``event`` of type jsonb."""

    def __init__(self, spec: TargetSpec) -> None:
        self._url, self._table = spec.url, spec.topic

    async def send(self, payloads: Sequence[str]) -> None:
        await export_events(self._url, self._table, payloads, SECONDS_MAX)

    async def close(self) -> None:
        return None


class _Webhook:
    """One POST an event."""

    def __init__(self, spec: TargetSpec) -> None:
        self._webhook = Webhook(spec.url, spec.token, spec.allow_private)

    async def send(self, payloads: Sequence[str]) -> None:
        for payload in payloads:
            status = await asyncio.to_thread(self._webhook.post, payload.encode())
            if not 200 <= status < 300:
                raise TargetFailed(f"the webhook answered {status}")

    async def close(self) -> None:
        return None


_KINDS: Mapping[str, Any] = {
    "webhook": _Webhook,
    "redis": _Redis,
    "nats": _Nats,
    "kafka": _Kafka,
    "postgres": _Postgres,
}
KINDS = frozenset(_KINDS)


def open_target(spec: TargetSpec) -> Target:
    """The target of a specification. Raises ImportError where its client is not installed."""
    target: Target = _KINDS[spec.kind](spec)
    return target

"""Brokers: as much of Redis, NATS and Kafka as a client needs that only tells something, each on a port of its own."""

import contextlib
import json
import socket
import socketserver
import struct
import threading
from typing import Any, ClassVar

Heard = list[tuple[str, bytes, bytes]]
TOPIC_PARTITIONS = 8


class Broker:
    """``heard``: topic, key, payload of all that came, in order. A second ``start`` listens on the same port."""

    handler: ClassVar[type["_Session"]]
    scheme: ClassVar[str]

    def __init__(self) -> None:
        self.heard: Heard = []
        self.sessions: set[Any] = set()
        self._address = ("127.0.0.1", 0)
        self._server: Any = None

    def start(self) -> "Broker":
        """Listen."""
        outer = self

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            broker = outer

        self._server = Server(self._address, self.handler)
        self._address = self._server.server_address
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    @property
    def port(self) -> int:
        """Where it listens, or has listened."""
        return self._address[1]

    @property
    def url(self) -> str:
        """As a target has it."""
        return f"{self.scheme}127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Listen no more, and drop all connections."""
        self._server.shutdown()
        self._server.server_close()
        for session in list(self.sessions):
            with contextlib.suppress(OSError):
                session.connection.shutdown(socket.SHUT_RDWR)


class _Session(socketserver.StreamRequestHandler):
    """One connection; ``serve`` answers until it ends."""

    server: Any

    def handle(self) -> None:
        self.broker: Broker = self.server.broker
        self.broker.sessions.add(self)
        try:
            self.serve()
        except (OSError, ValueError, struct.error):
            return
        finally:
            self.broker.sessions.discard(self)

    def serve(self) -> None:
        raise OSError

    def exactly(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) < size:
            raise OSError
        return data


class _RedisSession(_Session):
    def serve(self) -> None:
        lists: dict[bytes, int] = {}
        while line := self.rfile.readline():
            words = [self._word() for _ in range(int(line[1:]))]
            name, *rest = words
            if name.upper() == b"RPUSH":
                self.broker.heard += [(rest[0].decode(), b"", value) for value in rest[1:]]
                lists[rest[0]] = lists.get(rest[0], 0) + len(rest) - 1
                self.wfile.write(b":%d\r\n" % lists[rest[0]])
            elif name.upper() == b"HELLO":
                self.wfile.write(b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n")
            else:
                self.wfile.write(b"+OK\r\n")

    def _word(self) -> bytes:
        size = int(self.rfile.readline()[1:])
        return self.exactly(size + 2)[:-2]


class _NatsSession(_Session):
    def serve(self) -> None:
        info = {"server_id": "x", "version": "2.9.0", "proto": 1, "max_payload": 1 << 20, "headers": True}
        self.wfile.write(b"INFO " + json.dumps(info).encode() + b"\r\n")
        while line := self.rfile.readline():
            name, *rest = line.split()
            if name == b"PING":
                self.wfile.write(b"PONG\r\n")
            elif name == b"PUB":
                self.broker.heard.append((rest[0].decode(), b"", self.exactly(int(rest[-1]) + 2)[:-2]))


class _KafkaSession(_Session):
    """ApiVersions 0, Metadata 1, Produce 3, and no other versions."""

    def serve(self) -> None:
        while True:
            body = self.exactly(struct.unpack(">i", self.exactly(4))[0])
            api, _, correlation = struct.unpack_from(">hhi", body)
            client = struct.unpack_from(">h", body, 8)[0]
            answer = {18: self._versions, 3: self._metadata, 0: self._produce}[api](body[10 + max(client, 0) :])
            self.wfile.write(struct.pack(">ii", 4 + len(answer), correlation) + answer)

    def _versions(self, _: bytes) -> bytes:
        return struct.pack(">hi", 0, 3) + b"".join(
            struct.pack(">hhh", *one) for one in ((18, 0, 0), (3, 1, 1), (0, 3, 3))
        )

    def _metadata(self, body: bytes) -> bytes:
        broker = struct.pack(">ii", 1, 0) + _text("127.0.0.1") + struct.pack(">ih", self.broker.port, -1)
        count, at = struct.unpack_from(">i", body)[0], 4
        topics = b""
        for _ in range(max(count, 0)):
            name, at = _read_text(body, at)
            parts = b"".join(struct.pack(">hiiiiii", 0, index, 0, 1, 0, 1, 0) for index in range(TOPIC_PARTITIONS))
            topics += struct.pack(">h", 0) + _text(name) + b"\0" + struct.pack(">i", TOPIC_PARTITIONS) + parts
        return broker + struct.pack(">ii", 0, max(count, 0)) + topics

    def _produce(self, body: bytes) -> bytes:
        at = 2 + 2 + 4  # no transaction; acks, timeout
        count, at = struct.unpack_from(">i", body, at)[0], at + 4
        answer = struct.pack(">i", count)
        for _ in range(count):
            name, at = _read_text(body, at)
            parts, at = struct.unpack_from(">i", body, at)[0], at + 4
            answer += _text(name) + struct.pack(">i", parts)
            for _ in range(parts):
                index, size = struct.unpack_from(">ii", body, at)
                self.broker.heard += [(f"{name}/{index}", *one) for one in _records(body[at + 8 : at + 8 + size])]
                at += 8 + size
                answer += struct.pack(">ihqq", index, 0, 0, -1)
        return answer + struct.pack(">i", 0)


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _read_text(body: bytes, at: int) -> tuple[str, int]:
    size = struct.unpack_from(">h", body, at)[0]
    return body[at + 2 : at + 2 + size].decode(), at + 2 + size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value, byte, at = value | (data[at] & 127) << shift, data[at], at + 1
        shift += 7
        if byte < 128:
            return (value >> 1) ^ -(value & 1), at


def _records(batch: bytes) -> list[tuple[bytes, bytes]]:
    """Key and value of each record of a batch (magic 2)."""
    count, at, found = struct.unpack_from(">i", batch, 57)[0], 61, []
    for _ in range(count):
        size, at = _varint(batch, at)
        end, at = at + size, at + 1
        for _ in range(2):  # since when, how many before
            _, at = _varint(batch, at)
        pair = []
        for _ in range(2):
            length, at = _varint(batch, at)
            pair.append(batch[at : at + max(length, 0)])
            at += max(length, 0)
        found.append((pair[0], pair[1]))
        at = end
    return found


class RedisBroker(Broker):
    """Lists."""

    handler, scheme = _RedisSession, "redis://"


class NatsBroker(Broker):
    """Subjects."""

    handler, scheme = _NatsSession, "nats://"


class KafkaBroker(Broker):
    """Topics of several partitions."""

    handler, scheme = _KafkaSession, ""


BROKERS: dict[str, type[Broker]] = {"redis": RedisBroker, "nats": NatsBroker, "kafka": KafkaBroker}

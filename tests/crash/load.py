"""Load: clients that write, read and delete until they are told to stop, each in a thread, over raw connections."""

import hashlib
import http.client
import random
import threading
from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import quote, unquote_plus
from xml.etree import ElementTree

from tests.crash.journal import Journal, Say, Value
from tests.harness.wire import Answer, Wire, path_of

BUCKET = "crash"
OWN_KEYS = 24
COLD_SHARE = 0.1
HOT_KEYS = 12
PART_BYTES_MIN = 5 * 1024 * 1024
_POOL = random.Random(7).randbytes(8 * 1024 * 1024)
MIX: Mapping[str, float] = {"put": 42, "get": 16, "delete": 9, "copy": 10, "multipart": 3, "hot": 20}


class Door(Protocol):
    """A gateway."""

    @property
    def address(self) -> tuple[str, int]: ...

    @property
    def credentials(self) -> tuple[str, str]: ...


class Unanswered(Exception):
    """No answer, or a 5xx: the request may have been done or not."""


class Refused(Exception):
    """Nothing listens: the request was not sent."""


class WrongAnswer(AssertionError):
    """The server answered what no order of events explains."""


class Client:
    """One thread's worth of load, each request at one of the ``doors``. ``failure`` holds what went wrong, for the main
    thread to raise.
    """

    def __init__(
        self,
        doors: Sequence[Door],
        journal: Journal,
        hot: dict[str, threading.Lock],
        number: int,
        seed: int,
        mix: Mapping[str, float],
        pause_seconds: float,
    ) -> None:
        self._wires = [Wire(door.address, door.credentials, timeout=20) for door in doors]
        self._journal, self._hot_locks, self._mix, self._pause_seconds = journal, hot, mix, pause_seconds
        self._random = random.Random(seed * 1000 + number)
        self._keys = [f"client {number}/key+{i}" for i in range(OWN_KEYS)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"client-{number}")
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end."""
        self._stop.set()

    def join(self) -> None:
        """Wait for the end; raises what went wrong."""
        self._thread.join()
        for wire in self._wires:
            wire.close()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        operations, weights = [getattr(self, f"_{name}") for name in self._mix], list(self._mix.values())
        try:
            while not self._stop.is_set():
                [operation] = self._random.choices(operations, weights)
                try:
                    operation()
                    self._stop.wait(self._pause_seconds)
                except Refused:
                    self._stop.wait(0.02)
                except Unanswered:
                    self._stop.wait(0.05)  # many will be: do not make every key uncertain
        except BaseException as error:
            self.failure = error

    # Requests.

    def _say(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Answer:
        """An answer below 500; raises Refused, Unanswered."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            answer = self._random.choice(self._wires).request(method, target, body, named)
        except ConnectionRefusedError:
            raise Refused from None
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(repr(error)) from None
        if answer.status >= 500:
            self._journal.count(f"answered {answer.status} {answer.code}")
            raise Unanswered(f"{answer.status} {answer.code}")
        return answer

    def _change(
        self, operation: str, key: str, value: Value | None, method: str, body: bytes | None = None, **headers: str
    ) -> None:
        """A request that makes ``key`` hold ``value``, in the journal."""
        journal = self._journal
        state = journal.intend(key, value)
        try:
            answer = self._say(method, path_of(BUCKET, key), body, **headers)
        except Refused:
            journal.withdraw(key, "not sent")
            raise
        except Unanswered as error:
            journal.unanswered(key, error)
            raise
        if answer.status not in (200, 204):
            raise WrongAnswer(f"{operation} {key}: {answer}, state {state}")
        if method == "PUT" and operation != "copy" and value is not None and answer.etag != value.etag:
            raise WrongAnswer(f"{operation} {key}: ETag {answer.etag} instead of {value.etag}")
        journal.acknowledge(key, operation)

    # Operations.

    def _body(self) -> bytes:
        kind = self._random.random()
        if kind < 0.05:
            return b""
        low, high = (0, 17) if kind < 0.8 else (17, 21) if kind < 0.99 else (21, 22.5)
        size = int(2 ** self._random.uniform(low, high))
        at = self._random.randrange(len(_POOL) - size)
        return self._random.randbytes(16)[:size] + _POOL[at : at + max(0, size - 16)]

    def _mark(self) -> str:
        return f"{self._random.getrandbits(64):x}"

    def _own(self, *, present: bool = False) -> str | None:
        keys = self._journal.certain(self._keys)
        if present:
            keys = [key for key in keys if key in self._journal.states and self._journal.states[key].value]
        return self._random.choice(keys) if keys else None

    def _put(self) -> None:
        if key := self._own():
            body, mark = self._body(), self._mark()
            storage_class = "STANDARD_IA" if self._random.random() < COLD_SHARE else "STANDARD"
            headers = {"x_amz_meta_mark": mark, "x_amz_storage_class": storage_class}
            self._change("put", key, Value.of(body, mark), "PUT", body, **headers)

    def _get(self) -> None:
        """What was answered is read back at once, by whichever worker."""
        if key := self._own():
            state = self._journal.states.get(key)
            answer = self._say("GET", path_of(BUCKET, key))
            found = Value.seen(answer) if answer.status == 200 else None
            if found != (state.value if state else None):
                raise WrongAnswer(f"GET {key}: {answer.status}, {found}, state {state}")
            self._journal.count("read")

    def _range(self) -> None:
        """Some bytes of what is there."""
        key = self._own(present=True)
        value = self._journal.states[key].value if key else None
        if key is None or value is None or not value.size:
            return
        start = self._random.randrange(value.size)
        end = min(value.size, start + self._random.choice([1, 4096, 300_000]))
        answer = self._say("GET", path_of(BUCKET, key), range=f"bytes={start}-{end - 1}")
        same = (answer.status, len(answer.body), answer.etag) == (206, end - start, value.etag)
        if not same:
            raise WrongAnswer(f"GET {key} {start} to {end}: {answer.status}, {len(answer.body)} bytes, {value}")
        self._journal.count("read by range")

    def _list(self) -> None:
        """One's own keys: nobody else writes them."""
        prefix = self._keys[0].partition("/")[0] + "/"
        answer = self._say("GET", f"/{BUCKET}?encoding-type=url&list-type=2&prefix={quote(prefix, safe='')}")
        found = listed_in(answer)
        for key in self._journal.certain(self._keys):
            state = self._journal.states.get(key)
            expected = (state.value.size, state.value.etag) if state and state.value else None
            if found.get(key) != expected:
                raise WrongAnswer(f"LIST {key}: {found.get(key)}, state {state}")
        self._journal.count("listed")

    def _delete(self) -> None:
        if key := self._own():
            self._change("delete", key, None, "DELETE")

    def _copy(self) -> None:
        source, target = self._own(present=True), self._own()
        if source and target and source != target:
            value = self._journal.states[source].value
            self._change("copy", target, value, "PUT", b"", x_amz_copy_source=path_of(BUCKET, source))

    def _multipart(self) -> None:
        key = self._own()
        if key is None:
            return
        path, mark = path_of(BUCKET, key), self._mark()
        sizes = self._random.choice(
            [(0,), (70_000,), (300_000,), (PART_BYTES_MIN + self._random.randrange(9999), 700_000)]
        )
        parts = [self._random.randbytes(16) + _POOL[: size - 16] if size > 16 else b"z" * size for size in sizes]
        created = self._say("POST", f"{path}?uploads=", b"", x_amz_meta_mark=mark)
        upload = _text(created, "UploadId")
        etags = [
            self._say("PUT", f"{path}?partNumber={number}&uploadId={upload}", part).etag
            for number, part in enumerate(parts, 1)
        ]
        digests = b"".join(bytes.fromhex(etag) for etag in etags)
        whole = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
        document = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag}&quot;</ETag></Part>"
            for number, etag in enumerate(etags, 1)
        )
        body = f"<CompleteMultipartUpload>{document}</CompleteMultipartUpload>".encode()

        def complete(say: Say) -> Answer:
            return say("POST", f"{path}?uploadId={upload}", body)

        self._journal.intend(key, Value.of(b"".join(parts), mark, whole), complete)
        try:
            answer = complete(self._say)
        except Refused:
            # It may be completed later, and nobody will: aborting is what clients do.
            self._journal.withdraw(key, "not sent")
            raise
        except Unanswered as error:
            self._journal.unanswered(key, error)
            raise
        if answer.status != 200 or _text(answer, "ETag").strip('"') != whole:
            raise WrongAnswer(f"complete {key}: {answer}")
        self._journal.acknowledge(key, "multipart")

    def _hot(self) -> None:
        """A write with a condition, on a key that all clients write: one at a time, so the answer is known before."""
        key = self._random.choice(list(self._hot_locks))
        if not self._hot_locks[key].acquire(blocking=False):
            return
        try:
            if self._journal.certain([key]):
                self._write_hot(key)
        finally:
            self._hot_locks[key].release()

    def _write_hot(self, key: str) -> None:
        state = self._journal.states.get(key)
        body, mark = self._body(), self._mark()
        value = Value.of(body, mark)
        if state is None or state.value is None:
            self._change("create", key, value, "PUT", body, if_none_match="*", x_amz_meta_mark=mark)
            return
        turn = self._random.random()
        if turn < 0.5:
            etag = f'"{state.value.etag}"'
            self._change("swap", key, value, "PUT", body, if_match=etag, x_amz_meta_mark=mark)
        elif turn < 0.65:
            self._change("delete", key, None, "DELETE")
        else:
            # Must not change anything, answered or not: so there is no intent to note.
            condition = {"if_none_match": "*"} if turn < 0.8 else {"if_match": f'"{"0" * 32}"'}
            answer = self._say("PUT", path_of(BUCKET, key), body, x_amz_meta_mark=mark, **condition)
            if answer.status != 412:
                raise WrongAnswer(f"conditional PUT {key} {condition}: {answer}, state {state}")
            self._journal.count("refused with 412")


class Load:
    """Clients together; ``seed`` makes another load, ``mix`` says how often each operation comes, ``pause_seconds`` how
    long a client rests after each."""

    def __init__(
        self,
        doors: Sequence[Door],
        journal: Journal,
        clients: int,
        seed: int,
        mix: Mapping[str, float] = MIX,
        pause_seconds: float = 0.0,
    ) -> None:
        locks = {f"hot/{i}": threading.Lock() for i in range(HOT_KEYS)}
        self._clients = [Client(doors, journal, locks, number, seed, mix, pause_seconds) for number in range(clients)]

    def start(self) -> None:
        """Begin."""
        for client in self._clients:
            client.start()

    def stop(self) -> None:
        """End; raises what a client found wrong."""
        for client in self._clients:
            client.stop()
        for client in self._clients:
            client.join()


def _text(answer: Answer, name: str) -> str:
    """Text of the first element of that name."""
    if answer.status != 200:
        raise WrongAnswer(str(answer))
    for element in ElementTree.fromstring(answer.body).iter():
        if element.tag.rpartition("}")[2] == name:
            return element.text or ""
    raise WrongAnswer(f"no {name} in {answer.body!r}")


def listed_in(answer: Answer) -> dict[str, tuple[int, str]]:
    """Size and ETag by key, of a page of a listing."""
    if answer.status != 200:
        raise WrongAnswer(str(answer))
    root = ElementTree.fromstring(answer.body)
    space = root.tag.partition("}")[0] + "}"
    found = {}
    for entry in root.iter(f"{space}Contents"):
        name, size, etag = (entry.findtext(f"{space}{tag}", "") for tag in ("Key", "Size", "ETag"))
        found[unquote_plus(name)] = (int(size), etag.strip('"'))
    return found

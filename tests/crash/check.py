"""Check: reads every key that the journal knows, in all ways, and says what is not as promised."""

import http.client
import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar
from xml.etree import ElementTree

from tests.crash.journal import Journal, State, Value
from tests.crash.load import BUCKET, Door, listed_in
from tests.harness.wire import Answer, Wire, path_of

THREADS = 4
READY_SECONDS_MAX = 20.0
T = TypeVar("T")


@dataclass(slots=True)
class Violations:
    """What breaks the promise, by kind. ``lost``: an answered write is not there; ``torn``: what is there is no
    version that was ever sent; ``half_visible``: GET, HEAD, ranges and listing do not agree."""

    lost: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    half_visible: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.lost or self.torn or self.half_visible)


class Checker:
    """Holds the server against the journal."""

    def __init__(self, server: Door, journal: Journal, seed: int) -> None:
        self._server, self._journal = server, journal
        self._random = random.Random(seed)
        self._local = threading.local()
        self._wires: list[Wire] = []

    def check(self) -> Violations:
        """Read everything, note what was found, and settle what was uncertain."""
        violations = Violations()
        states = sorted(self._journal.states.items())
        repeated = [(key, state) for key, state in states if state.uncertain and state.finish and self._flip()]
        try:
            found = dict(zip([key for key, _ in states], self._map(self._read, states, violations), strict=True))
            self._check_listing(found, violations)
            for key, value in found.items():
                self._journal.settle(key, value)
            for key, state in repeated:
                self._finish(key, state, violations)
        finally:
            for wire in self._wires:
                wire.close()
            self._wires.clear()
            self._local = threading.local()
        return violations

    def _flip(self) -> bool:
        return self._random.random() < 0.5

    def _map(
        self,
        work: Callable[[tuple[str, State], Violations], T],
        items: Iterable[tuple[str, State]],
        violations: Violations,
    ) -> list[T]:
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(lambda item: work(item, violations), items))

    def _read(self, item: tuple[str, State], violations: Violations) -> Value | None:
        """GET the key whole; some also by HEAD and by ranges."""
        key, state = item
        path = path_of(BUCKET, key)
        try:
            answer = self._say("GET", path)
        except http.client.HTTPException as error:
            violations.torn.append(f"{key}: {error!r}")
            return None
        if answer.status not in (200, 404):
            violations.lost.append(f"{key}: {answer}")
            return None
        found = Value.seen(answer) if answer.status == 200 else None
        if found not in state.allowed:
            known = found is None or any(value and value.sha256 == found.sha256 for value in state.allowed)
            (violations.lost if known else violations.torn).append(f"{key}: found {found}, state {state}")
        elif self._random.random() < 0.2:
            self._read_otherwise(key, path, answer, violations)
        return found

    def _read_otherwise(self, key: str, path: str, whole: Answer, violations: Violations) -> None:
        head = self._say("HEAD", path)
        same = ("etag", "content-length", "last-modified", "x-amz-meta-mark")
        if whole.status != head.status or any(
            whole.headers.get(name) != head.headers.get(name) for name in same if whole.status == 200
        ):
            violations.half_visible.append(f"{key}: GET {whole.headers}, HEAD {head.headers}")
        size = len(whole.body)
        for _ in range(2 if size and whole.status == 200 else 0):
            start = self._random.randrange(size)
            end = self._random.randrange(start, size) + 1
            part = self._say("GET", path, None, {"range": f"bytes={start}-{end - 1}"})
            if part.status != 206 or part.body != whole.body[start:end]:
                violations.torn.append(f"{key}: bytes {start} to {end} differ: {part.status}")

    def _check_listing(self, found: dict[str, Value | None], violations: Violations) -> None:
        listed = self.listing()
        expected = {key: (value.size, value.etag) for key, value in found.items() if value is not None}
        for key in sorted(listed.keys() | expected.keys()):
            if listed.get(key) != expected.get(key):
                violations.half_visible.append(f"{key}: listed {listed.get(key)}, read {expected.get(key)}")
        if list(listed) != sorted(listed, key=str.encode):
            violations.half_visible.append("the listing is not in order")

    def listing(self) -> dict[str, tuple[int, str]]:
        """All keys with size and ETag, in the order of the listing."""
        listed: dict[str, tuple[int, str]] = {}
        after = ""
        while True:
            query = f"encoding-type=url&list-type=2&max-keys=100{after}"
            answer = self._say("GET", f"/{BUCKET}?{query}")
            listed |= listed_in(answer)
            root = ElementTree.fromstring(answer.body)
            space = root.tag.partition("}")[0] + "}"
            token = root.findtext(f"{space}NextContinuationToken")
            if token is None:
                return listed
            after = f"&continuation-token={token}"

    def _finish(self, key: str, state: State, violations: Violations) -> None:
        """Repeat a Complete that got no answer: done before or now, the answer is the same."""
        assert state.finish is not None
        answer = state.finish(self._say)
        if answer.status != 200:
            violations.lost.append(f"{key}: completing again: {answer}")
            return
        found = self._read((key, State(state.intent)), violations)
        self._journal.settle(key, found)
        self._journal.count("completed again")

    def _say(
        self, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """An answer below 500; connections that a dying worker broke are opened again, for a while."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while True:
            try:
                answer = self._wire().request(method, target, body, headers)
                if answer.status < 500 or time.monotonic() > deadline:
                    return answer
            except (OSError, http.client.RemoteDisconnected):
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def _wire(self) -> Wire:
        wire: Wire | None = getattr(self._local, "wire", None)
        if wire is None:
            wire = self._local.wire = Wire(self._server.address, self._server.credentials)
            self._wires.append(wire)
        return wire

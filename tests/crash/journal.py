"""Journal: what a client was promised, kept outside the server; and what it may therefore expect to find.

A key has one writer at a time, so what it may hold is known exactly: what was last answered, or, where a write got no
answer, that or the new value and nothing else. Such a key is left alone until the next check has seen which.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.harness.wire import Answer

Say = Callable[[str, str, bytes], Answer]


@dataclass(frozen=True, slots=True)
class Value:
    """One version as a client sees it. ``mark``: the user metadata that was written with it."""

    sha256: str
    size: int
    etag: str
    mark: str

    @classmethod
    def of(cls, body: bytes, mark: str, etag: str | None = None) -> "Value":
        """What a write of ``body`` makes; ``etag`` where it is not the MD5."""
        md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return cls(hashlib.sha256(body).hexdigest(), len(body), etag or md5, mark)

    @classmethod
    def seen(cls, answer: Answer) -> "Value":
        """What an answered GET shows."""
        mark = answer.headers.get("x-amz-meta-mark", "")
        return cls(hashlib.sha256(answer.body).hexdigest(), len(answer.body), answer.etag, mark)


@dataclass(slots=True)
class State:
    """``value``: as last answered, None for absent. ``intent``: a write without an answer; ``finish`` repeats it."""

    value: Value | None = None
    intent: Value | None = None
    uncertain: bool = False
    finish: Callable[[Say], Answer] | None = None

    @property
    def allowed(self) -> tuple[Value | None, ...]:
        """What may be found."""
        return (self.value, self.intent) if self.uncertain else (self.value,)


class Journal:
    """The states of all keys, a count of everything, and a file to read when something is found wrong."""

    def __init__(self, path: Path) -> None:
        self.states: dict[str, State] = {}
        self.counts: Counter[str] = Counter()
        self._file = path.open("w", buffering=1)
        self._lock = threading.Lock()

    def note(self, *words: object) -> None:
        """One line."""
        with self._lock:
            self._file.write(" ".join(map(str, words)) + "\n")

    def count(self, what: str) -> None:
        """One more of ``what``."""
        with self._lock:
            self.counts[what] += 1

    def intend(self, key: str, value: Value | None, finish: Callable[[Say], Answer] | None = None) -> State:
        """Before the request that may change the key goes out."""
        state = self.states.setdefault(key, State())
        state.intent, state.uncertain, state.finish = value, True, finish
        self.note("intend", key, value)
        return state

    def acknowledge(self, key: str, operation: str) -> None:
        """The intent was answered: it holds from now on."""
        state = self.states[key]
        state.value, state.uncertain = state.intent, False
        self.note("acknowledged", key, operation)
        self.count(f"acknowledged {operation}")

    def withdraw(self, key: str, reason: object) -> None:
        """The intent was refused, or never sent: nothing changed."""
        self.states[key].uncertain = False
        self.note("withdrawn", key, reason)

    def unanswered(self, key: str, reason: object) -> None:
        """Nobody knows what became of the intent."""
        self.note("unanswered", key, reason)
        self.count("unanswered")

    def settle(self, key: str, found: Value | None) -> None:
        """A check has seen what the key holds: so it stays."""
        state = self.states[key]
        if state.uncertain:
            self.count("unanswered, done" if found == state.intent else "unanswered, not done")
        state.value, state.uncertain = found, False

    def certain(self, keys: Iterable[str]) -> list[str]:
        """Those of the keys that may be written again."""
        return [key for key in keys if key not in self.states or not self.states[key].uncertain]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

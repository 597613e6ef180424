"""How nodes know that a request comes from their own cluster, and that it comes for the first time.

    authorization: objstore1 <boot> <session> <count> <time> <digest> <mac>

    boot     32 hex digits: this run of the node's server. A request to another node, or to one that was started
             again since, has another: what was overheard there is of no use here
    session  32 hex digits: this run of the client
    count    decimal; no two requests of a session have the same
    time     decimal milliseconds, by the node's clock: clients learn how far theirs is off
    digest   SHA-256 of the body, hex
    mac      HMAC-SHA-256 over all of these, the method and the path with its query; hex

The key is derived from the cluster's secret for this purpose alone. A request without valid credentials is answered
with 401 and ``www-authenticate: objstore1 <boot> <time>``, which is where clients have boot and time from. Nothing is
kept of a request that does not authenticate, and of those that do a bounded window of counts a session.
"""

import hashlib
import hmac
import re
from collections import OrderedDict
from dataclasses import dataclass

from objstore.model import clock

SCHEME = "objstore1"
WINDOW_SECONDS = 60.0
# Requests of a client overtake each other, but not by more than it has in flight.
COUNTS_KEPT = 4096
SESSIONS_MAX = 4096
_CREDENTIALS = re.compile(
    rb"objstore1 ([0-9a-f]{32}) ([0-9a-f]{32}) (\d{1,18}) (\d{1,15}) ([0-9a-f]{64}) ([0-9a-f]{64})"
)
_CHALLENGE = re.compile(r"objstore1 ([0-9a-f]{32}) (\d{1,15})")


class Refused(Exception):
    """A request that does not authenticate; says why, for the node's own log."""


def derive_key(secret: str) -> bytes:
    """The key of the node protocol."""
    return hmac.digest(secret.encode(), b"objstore node protocol 1", "sha256")


def _mac(key: bytes, method: str, target: bytes, fields: bytes) -> str:
    return hmac.new(key, b"%s\n%s\n%s" % (method.encode(), target, fields), hashlib.sha256).hexdigest()


class Signer:
    """Signs a client's requests to one node. ``boot`` is "" until the node has told it."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._session = clock.random_id().hex()
        self._count = 0
        self._ahead_ms = 0
        self.boot = ""

    def learn(self, challenge: str | None) -> bool:
        """Take what a 401 says; False if it says nothing new."""
        found = _CHALLENGE.fullmatch(challenge or "")
        if found is None:
            return False
        known, self.boot = self.boot, found[1]
        was, self._ahead_ms = self._ahead_ms, int(found[2]) - int(clock.now_seconds() * 1000)
        return self.boot != known or abs(self._ahead_ms - was) > WINDOW_SECONDS * 500

    def sign(self, method: str, target: bytes, digest: str) -> str:
        """The value of ``authorization``. ``target``: path and query as they are sent."""
        self._count += 1
        now = int(clock.now_seconds() * 1000) + self._ahead_ms
        fields = f"{self.boot} {self._session} {self._count} {now} {digest}"
        return f"{SCHEME} {fields} {_mac(self._key, method, target, fields.encode())}"


@dataclass(slots=True)
class _Session:
    """``highest``: greatest count seen; ``seen``: a bit for each of the counts up to it, lowest bit for ``highest``."""

    highest: int = 0
    seen: int = 0
    used: float = 0.0


class Verifier:
    """The node's side. ``challenge`` is what a 401 carries."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.boot = clock.random_id().hex()
        self._boot = self.boot.encode()
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()

    @property
    def challenge(self) -> bytes:
        """For ``www-authenticate``."""
        return f"{SCHEME} {self.boot} {int(clock.now_seconds() * 1000)}".encode()

    def check(self, method: str, target: bytes, credentials: bytes | None) -> str:
        """The digest that the body has to have. Raises Refused; the request counts as seen only if it is genuine."""
        found = _CREDENTIALS.fullmatch(credentials or b"")
        if found is None:
            raise Refused("no credentials")
        boot, session, count, time, digest, mac = found.groups()
        fields = b" ".join((boot, session, count, time, digest))
        expected = _mac(self._key, method, target, fields)
        if not hmac.compare_digest(expected.encode(), mac):
            raise Refused("wrong mac")
        if boot != self._boot:
            raise Refused("for another run of a node")
        if abs(int(time) - clock.now_seconds() * 1000) > WINDOW_SECONDS * 1000:
            raise Refused("too old")
        if not self._is_first(session, int(count)):
            raise Refused("replayed")
        return digest.decode()

    def _is_first(self, session_id: bytes, count: int) -> bool:
        now = clock.monotonic_seconds()
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = _Session()
            self._forget(now)
        self._sessions.move_to_end(session_id)
        session.used = now
        ahead = count - session.highest
        if ahead > 0:
            session.seen = (session.seen << ahead if ahead < COUNTS_KEPT else 0) & ((1 << COUNTS_KEPT) - 1) | 1
            session.highest = count
            return True
        bit = 1 << -ahead
        if -ahead >= COUNTS_KEPT or session.seen & bit:
            return False
        session.seen |= bit
        return True

    def _forget(self, now: float) -> None:
        """Sessions of which nothing can be replayed any more: all their requests are too old."""
        sessions = self._sessions
        while len(sessions) > SESSIONS_MAX:
            oldest = next(iter(sessions.values()))
            if now - oldest.used < 2 * WINDOW_SECONDS:
                sessions.popitem(last=True)
                raise Refused("too many sessions")
            sessions.popitem(last=False)

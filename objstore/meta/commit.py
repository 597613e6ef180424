"""Commit: a batch of changes to keys in one transaction; THE COMMIT POINT of PUT and DELETE.

    1 claim    buckets FOR KEY SHARE, volumes FOR SHARE: a bucket that is gone and a volume that is no longer open
               refuse their items; the state of versioning is that of this moment
    2 lock     the current versions of the batch's keys, in key order; where a bucket may have versions and a key has
               no current one, a row in its place; then those other versions that matter, in order
    3 decide   conditions, in the order of the batch; a later change of the same key supersedes an earlier one
    4 change   see changes.py; a key that appeared since the lock: from the start
    5 record   replaced and refused extents to the garbage ledger, what is stored to the ledger of usage, names of
               shared extents to the links
    6 COMMIT

| What happens                     | What is left             | Who clears it                                       |
|----------------------------------|--------------------------|-----------------------------------------------------|
| crash or lost connection in 1–5  | nothing                  | Postgres rolls back; tried once more                |
| lost connection in 6             | all or nothing           | database.py finds out which                         |
| neither can be found out         | all or nothing           | the client gets a 503 and may repeat its request    |
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from objstore.meta import current, versions
from objstore.meta.changes import Changes
from objstore.meta.conditions import refusal, refusal_of_delete
from objstore.meta.database import Transaction
from objstore.meta.deletable import refusal_to_delete
from objstore.meta.events import add_events
from objstore.meta.history import Entry, History, Name, Place
from objstore.meta.ledger import NO_VOLUMES, Claim, Waste, claim, record_links
from objstore.meta.rows import Row, row_of
from objstore.meta.versioning import ENABLED, SUSPENDED
from objstore.meta.versions import Question
from objstore.model.errors import InvalidArgument, NoSuchBucket, PreconditionFailed, RequestError, VolumeFenced
from objstore.model.notification import Notify
from objstore.model.objects import NULL_VERSION, Condition, ObjectVersion
from objstore.model.requests import UNCONDITIONAL


class Role(Enum):
    """Which place a version has among those of its key."""

    LATEST = "latest"
    NONCURRENT = "noncurrent"
    ALONE = "alone"  # the latest, and there is no other


@dataclass(frozen=True, slots=True)
class Guard:
    """A change happens only if the version that it is about has still this id and this place."""

    version_id: bytes
    role: Role


@dataclass(slots=True)
class Write:
    """A change of one key: ``version`` becomes its current one, or (None) one is deleted.

    ``target``: the id of the version to be deleted for good, NULL_VERSION for the ``null`` one; None: the current one,
    as the bucket's versioning will have it. ``appended``: volumes that this write appended to, must still be open.
    ``shared``: volumes whose extents it takes over without appending, must be open or sealed. ``bypass``: see
    deletable.py. ``tell``: what the outbox is to hold once it has happened.
    """

    bucket_id: int
    key: bytes
    version: ObjectVersion | None
    condition: Condition = UNCONDITIONAL
    appended: frozenset[bytes] = NO_VOLUMES
    shared: frozenset[bytes] = NO_VOLUMES
    target: bytes | None = None
    guard: Guard | None = None
    bypass: bool = False
    tell: Notify | None = None


Outcome = ObjectVersion | RequestError | VolumeFenced | None


async def commit(transaction: Transaction, writes: Sequence[Write]) -> list[Outcome]:
    """Apply ``writes`` as one; see ``Objects.commit``. Raises Unsettled: see versioning.py."""
    buckets = {write.bucket_id for write in writes}
    volumes = NO_VOLUMES.union(*[write.appended for write in writes], *[write.shared for write in writes])
    claimed = await claim(transaction, buckets, sorted(volumes))
    return await apply(transaction, claimed, writes, Waste())


async def commit_together(transaction: Transaction, writes: Sequence[Write], kept: bytes) -> list[Outcome]:
    """As ``commit``, but all of them or none: raises the error of the first that is refused.

    ``kept``: extents that one of the writes lets go of and another has.
    """
    outcomes = await commit(transaction, writes)
    for outcome in outcomes:
        if isinstance(outcome, RequestError | VolumeFenced):
            raise outcome
    waste = Waste()
    waste.credit(kept)
    await waste.record(transaction)
    return outcomes


async def apply(transaction: Transaction, claimed: Claim, writes: Sequence[Write], waste: Waste) -> list[Outcome]:
    """Steps 2 to 5, with what the caller adds to ``waste``."""
    refused = [_refusal(write, claimed) for write in writes]
    allowed = [write for write, error in zip(writes, refused, strict=True) if error is None]
    decision = _Decision(claimed, waste)
    if allowed:
        await decision.lock(transaction, allowed)
    outcomes = [
        decision.apply(write) if error is None else decision.refuse(write, error)
        for write, error in zip(writes, refused, strict=True)
    ]
    events = [
        event
        for write, outcome in zip(writes, outcomes, strict=True)
        if write.tell is not None and isinstance(outcome, ObjectVersion)
        for event in write.tell(outcome)
    ]
    await decision.write(transaction)
    await add_events(transaction, events)
    return outcomes


def _refusal(write: Write, claimed: Claim) -> RequestError | VolumeFenced | None:
    if write.bucket_id not in claimed.buckets:
        return NoSuchBucket()
    if write.appended or write.shared:
        return claimed.fenced(write.appended, write.shared)
    return None


class _Decision:
    """What becomes of each name of the batch."""

    def __init__(self, claimed: Claim, waste: Waste) -> None:
        self._claimed, self._waste = claimed, waste
        self._histories: dict[Name, History] = {}
        self._links: set[tuple[bytes, int, bytes]] = set()
        self._reserved: dict[Name, Row] = {}

    async def lock(self, transaction: Transaction, writes: Sequence[Write]) -> None:
        names = sorted({(write.bucket_id, write.key) for write in writes})
        locked = {
            name: Entry(Place.OBJECT, record) for name, record in (await current.lock(transaction, names)).items()
        }
        others: dict[Name, list[Entry]] = {}
        if any(self._claimed.buckets.values()):
            others = await self._lock_others(transaction, writes, locked)
        for name in names:
            state = self._claimed.buckets[name[0]]
            self._histories[name] = History(name, state, locked.get(name), others.get(name, ()))

    async def _lock_others(
        self, transaction: Transaction, writes: Sequence[Write], locked: dict[Name, Entry]
    ) -> dict[Name, list[Entry]]:
        """In buckets that may have versions: a lock for every key, and those of its versions that matter."""
        states = self._claimed.buckets
        versioned = [write for write in writes if states[write.bucket_id]]
        questions = _questions(versioned, states, locked)
        self._reserved = {
            name: _reservation(write, states[write.bucket_id])
            for write in reversed(versioned)
            if (name := (write.bucket_id, write.key)) not in locked
        }
        if self._reserved:
            await current.reserve(transaction, [self._reserved[name] for name in sorted(self._reserved)])
        asked = {name: question for name, question in questions.items() if question}
        found = await versions.known(transaction, asked) if asked else {}
        return {name: [Entry(Place.VERSION, record) for record in records] for name, records in found.items()}

    def apply(self, write: Write) -> Outcome:
        history = self._histories[write.bucket_id, write.key]
        error = self._unmet(write, history) or self._guarded(write, history)
        if error is not None:
            return self.refuse(write, error)
        if write.target is not None:
            found = history.find(write.target)
            if found is not None:
                history.remove(found)
            return None if found is None else _shown(found.version(history.name), history.state)
        if write.version is None:
            if write.condition.absent_passes and history.latest is None:
                return None  # nor is there a delete marker then
            return self._delete(history)
        try:
            history.put(write.version)
        except InvalidArgument as invalid:
            return self.refuse(write, invalid)
        self._links.update((volume_id, *history.name) for volume_id in write.shared)
        written = write.version
        written.shown_id = written.version_text if written.versioned else None  # AWS: never ``null`` to a writer
        return written

    def _unmet(self, write: Write, history: History) -> RequestError | None:
        """The error if the condition does not hold: of a delete, for the version that it names."""
        if write.version is not None:
            return refusal(write.condition, history.etag)
        if write.condition is UNCONDITIONAL:
            return None
        found = history.latest if write.target is None else history.find(write.target)
        return refusal_of_delete(write.condition, None if found is None else found.version(history.name))

    def _delete(self, history: History) -> ObjectVersion | None:
        if history.state is not None:
            return _shown(history.mark(), history.state)
        latest = history.latest
        if latest is not None:
            history.remove(latest)
        return None if latest is None else latest.version(history.name)

    def _guarded(self, write: Write, history: History) -> RequestError | None:
        """The error if the version is not what it has to be, or may not be deleted for good."""
        found = history.latest if write.target is None else history.find(write.target)
        if write.guard is not None and not _holds(write.guard, found, history):
            return PreconditionFailed(Condition="version")
        if history.state is None:
            return None  # what may not be deleted is in buckets with versions only
        gone = history.replaced() if write.target is None else found
        if gone is None:
            return None
        return refusal_to_delete(gone.version(history.name), {"versioning": history.state}, write.bypass)

    def refuse(self, write: Write, error: RequestError | VolumeFenced) -> RequestError | VolumeFenced:
        if write.version is not None:
            self._waste.add_appended(write.version.extents, write.appended, self._claimed.volumes)
        return error

    async def write(self, transaction: Transaction) -> None:
        changes = Changes(self._reserved)
        for history in self._histories.values():
            changes.take(history, self._waste)
        await changes.write(transaction, self._waste)
        await record_links(transaction, self._links)


def _questions(
    writes: Sequence[Write], states: dict[int, str | None], locked: dict[Name, Entry]
) -> dict[Name, Question]:
    """For each key what has to be known of its versions: see ``History``."""
    questions: dict[Name, Question] = {}
    for write in writes:
        name = (write.bucket_id, write.key)
        question = questions.get(name)
        if question is None:
            question = questions[name] = Question(0 if name in locked else 1)
        question.null |= states[write.bucket_id] == SUSPENDED or write.target == NULL_VERSION
        if write.target is not None:
            question.newest += 1
            if write.target != NULL_VERSION:
                question.ids.append(write.target)
        if write.guard is not None and write.guard.role is Role.ALONE:
            question.newest += 1
    return questions


def _reservation(write: Write, state: str | None) -> Row:
    """A row for a key that has none: what will most likely be its version, so that nothing is left to be done."""
    made = write.version
    if made is not None:
        made.seq, made.versioned = 1, state == ENABLED
        with suppress(InvalidArgument):
            return row_of(made)
    return row_of(
        ObjectVersion(write.bucket_id, write.key, b"", 0, b"", datetime.fromtimestamp(0, UTC), "STANDARD", b"")
    )


def _holds(guard: Guard, found: Entry | None, history: History) -> bool:
    if found is None or found.version_id != guard.version_id:
        return False
    if guard.role is Role.NONCURRENT:
        return found is not history.latest
    return found is history.latest and (guard.role is Role.LATEST or len(history.entries) == 1)


def _shown(version: ObjectVersion, state: str | None) -> ObjectVersion:
    version.shown_id = version.version_text if state is not None else None
    return version

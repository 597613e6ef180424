"""Effects: what is done by rule, in one transaction with the end of the tasks that asked for it.

    1 effect    versions deleted, extents swapped, an upload thrown away: only what is still as it was when it was
                decided about
    2 finish    the tasks whose effect took place, if they are still their owner's; else all of it is rolled back
    3 figures   of the rules

So each effect happens once, whatever a worker that lost its lease still does.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from objstore.meta import upload_statements as uploads
from objstore.meta.commit import Guard, Role, Write, commit
from objstore.meta.database import Database, Transaction
from objstore.meta.discard import discard_parts
from objstore.meta.events import add_events
from objstore.meta.facts import Seen
from objstore.meta.ledger import Waste
from objstore.meta.rule_stats import Done, add_done
from objstore.meta.tasks import LostTask, Task, finish
from objstore.meta.versioning import transact
from objstore.model import clock
from objstore.model.notification import EXPIRED, Event, teller
from objstore.model.objects import NULL_VERSION, Bucket
from objstore.work.failpoint import reach


@dataclass(frozen=True, slots=True)
class Act:
    """What a task came to. ``rule``, ``action``: whose figures it goes to; ``bytes``: how many it is about.

    ``events``: told once it has taken place.
    """

    task: Task
    rule: str
    action: str
    due: datetime
    bytes: int = 0
    events: tuple[Event, ...] = ()


Effect = Callable[[Transaction, Collection[int]], Awaitable[list[bool]]]

_MILLISECOND = timedelta(milliseconds=1)


async def take_effect(database: Database, acts: Sequence[Act], effect: Effect) -> list[bool]:
    """Run ``effect`` and finish the tasks of those that it says took place; which did.

    ``effect`` gets the indexes of acts whose task somebody else has by now: nothing may be done for these. It may run
    more than once. Raises DatabaseUnavailable.
    """
    refused: set[int] = set()

    async def work(transaction: Transaction) -> list[bool]:
        await transaction.identify()
        done = await effect(transaction, refused)
        await reach("effect.done")
        settled = [act for act, took_place in zip(acts, done, strict=True) if took_place]
        await finish(transaction, [act.task for act in settled])
        await add_done(transaction, _figures(settled))
        await add_events(transaction, [event for act in settled for event in act.events])
        await reach("effect.finished")
        return done

    while True:
        try:
            done = await transact(database, work)
        except LostTask as lost:
            refused |= {i for i, act in enumerate(acts) if act.task.identity in lost.lost}
        else:
            await reach("effect.committed")
            return done


async def delete_versions(
    transaction: Transaction, seen: Sequence[Seen], refused: Collection[int], buckets: Mapping[int, Bucket]
) -> list[bool]:
    """Delete versions, as a client would, that have still the place that they had when they were looked at; which had.

    ``buckets``: by id; their listeners are told. A current version goes as by a DELETE without a version id: where the
    bucket has versions, a marker comes instead.
    """
    asked = [i for i in range(len(seen)) if i not in refused]
    outcomes = await commit(transaction, [_delete_of(seen[i], buckets) for i in asked])
    done = {i for i, outcome in zip(asked, outcomes, strict=True) if not isinstance(outcome, Exception)}
    return [i in done for i in range(len(seen))]


def _delete_of(seen: Seen, buckets: Mapping[int, Bucket]) -> Write:
    version = seen.version
    own_id = version.version_id if version.versioned else NULL_VERSION
    if version.marker and seen.is_latest:
        role, target = Role.ALONE, own_id
    elif seen.is_latest:
        role, target = Role.LATEST, None
    else:
        role, target = Role.NONCURRENT, own_id
    bucket = buckets.get(version.bucket_id)
    tell = None if bucket is None else teller(bucket, EXPIRED, may_mark=target is None)
    guard = Guard(version.version_id, role)
    return Write(version.bucket_id, version.key, None, target=target, guard=guard, tell=tell)


async def abort_uploads(transaction: Transaction, ids: Sequence[bytes], refused: Collection[int]) -> list[bool]:
    """Throw uploads away that are still open; which were."""
    waste, done = Waste(), [False] * len(ids)
    for i in sorted(set(range(len(ids))) - set(refused), key=lambda i: ids[i]):
        if await transaction.execute(uploads.ABORT, ids[i]):
            await discard_parts(transaction, ids[i], waste)
            done[i] = True
    await waste.record(transaction)
    return done


def _figures(acts: Sequence[Act]) -> list[Done]:
    now, found = clock.now(), dict[tuple[int, str, str], Done]()
    for act in acts:
        name = act.task.bucket_id, act.rule, act.action
        done = found.setdefault(name, Done(*name))
        done.objects += 1
        done.bytes += act.bytes
        done.lag_milliseconds = max(done.lag_milliseconds, (now - act.due) // _MILLISECOND)
    return list(found.values())

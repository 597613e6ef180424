"""GET /buckets/{bucket}/lifecycle/explain: what the rules do with one version, when, and why not yet."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel

from objstore.api.admin.lifecycle_rules import bucket_named
from objstore.api.admin.state import AdminState, admin_state
from objstore.api.s3.versions import parse_version_id
from objstore.lifecycle.act import facts_of
from objstore.lifecycle.evaluate import decide, next_due
from objstore.lifecycle.explain import explain
from objstore.lifecycle.facts import Decision, VersionFacts
from objstore.lifecycle.plan import plan_of
from objstore.meta.facts import Seen, look
from objstore.meta.lifecycle_status import TaskRow, tasks_of_version
from objstore.meta.objects import Objects
from objstore.meta.pins import Pins, pinned_until
from objstore.meta.versions import latest_marker, lookup
from objstore.model import clock, days
from objstore.model.errors import RequestError
from objstore.model.extended_rules import ExtendedRule
from objstore.model.lifecycle import SETTING, Rule, from_json

router = APIRouter(tags=["lifecycle"])


class Version(BaseModel):
    """What the rules see of it. ``accessed``: the day of its last access or writing; ``heat``: decayed accesses.
    ``access_tier``: the archive of Intelligent-Tiering that it lies in, or empty."""

    key: str
    version_id: str
    size: int
    storage_class: str
    tier: str
    access_tier: str
    modified: datetime
    is_latest: bool
    is_delete_marker: bool
    noncurrent_since: datetime | None
    newer_noncurrent: int
    accessed: datetime | None
    heat: float
    tags: dict[str, str]


class Step(BaseModel):
    """An action: ``kind`` is delete, mark, transition or place."""

    kind: str
    rule: str
    due: datetime
    storage_class: str
    tier: str
    access_tier: str


class RuleOutcome(BaseModel):
    """``state``: due, waiting, overruled, done, pinned, locked, group, disabled, unmatched; ``why`` says it in words.

    ``group``: the rule also depends on its prefix, or a tier, as a whole. ``overruled_by``: the rule that goes before.
    """

    rule: str
    by: str
    state: str
    why: str
    action: str
    storage_class: str
    tier: str
    access_tier: str
    due: datetime | None
    overruled_by: str


class Queued(BaseModel):
    """The version waits for the engine: since when, how often it has failed, and with what."""

    rule: str
    action: str
    due: datetime
    next_attempt: datetime
    attempts: int
    taken: bool
    last_error: str | None


class Explanation(BaseModel):
    """``now``: what is due; ``next``: the first thing that is or will be; ``rules``: each of them, with its reason."""

    version: Version
    now: Step | None
    next: Step | None
    rules: list[RuleOutcome]
    queued: list[Queued]


@router.get("/buckets/{bucket}/lifecycle/explain")
async def explain_version(
    bucket: str,
    key: Annotated[str, Query(min_length=1, max_length=1024)],
    state: Annotated[AdminState, Depends(admin_state)],
    version_id: Annotated[str | None, Query(alias="versionId")] = None,
) -> Explanation:
    """One version of a key, the latest unless one is named."""
    found = await bucket_named(bucket, state)
    seen = await _look(state, found.id, key.encode(), version_id)
    pinned = pinned_until(await Pins(state.database).list([found.id]), found.id, seen.version.key)
    facts, plan, now = facts_of(seen, pinned), plan_of(found.id, found.settings), clock.now()
    setting = found.settings.get(SETTING, {})
    rules = from_json(setting.get("rules", ()), Rule)
    extended = from_json(setting.get("extended", ()), ExtendedRule)
    following = next_due(plan, facts)
    queued = await tasks_of_version(state.database, found.id, facts.key, seen.version.version_id)
    return Explanation(
        version=_version(seen, facts),
        now=_step(decide(plan, facts, now)),
        next=_step(following[1] if following else None),
        rules=[
            RuleOutcome.model_validate(one, from_attributes=True) for one in explain(plan, rules, extended, facts, now)
        ],
        queued=[_queued(task) for task in queued],
    )


async def _look(state: AdminState, bucket_id: int, key: bytes, version_id: str | None) -> Seen:
    try:
        wanted = parse_version_id(version_id)
    except RequestError as error:
        raise HTTPException(422, f"versionId: {error}") from None
    if wanted is not None:
        (version,) = await lookup(state.database, [(bucket_id, key, wanted)])
    else:
        (version,) = await Objects(state.database).lookup([(bucket_id, key)])
        version = version or await latest_marker(state.database, bucket_id, key)
    seen = (await look(state.database, [(bucket_id, key, version.version_id)]))[0] if version else None
    if seen is None:
        raise HTTPException(404, "there is no such key" if version_id is None else "there is no such version")
    return seen


def _version(seen: Seen, facts: VersionFacts) -> Version:
    return Version(
        key=facts.key.decode("utf-8", "replace"),
        version_id=seen.version.version_text,
        size=facts.size,
        storage_class=facts.storage_class,
        tier=facts.tier,
        access_tier=facts.access_tier or "",
        modified=facts.modified,
        is_latest=facts.is_latest,
        is_delete_marker=facts.is_marker,
        noncurrent_since=facts.noncurrent_since,
        newer_noncurrent=facts.newer_noncurrent,
        accessed=days.start_of(facts.accessed) if facts.accessed else None,
        heat=facts.heat,
        tags=dict(facts.tags or {}),
    )


def _step(decision: Decision | None) -> Step | None:
    if decision is None:
        return None
    return Step(
        kind=decision.kind.value,
        rule=decision.rule_id,
        due=decision.due,
        storage_class=decision.storage_class,
        tier=decision.tier,
        access_tier=decision.access_tier,
    )


def _queued(task: TaskRow) -> Queued:
    return Queued(
        rule=task.rule,
        action=task.action,
        due=task.due,
        next_attempt=task.ready,
        attempts=task.attempts,
        taken=task.taken,
        last_error=task.last_error,
    )

"""Which walks a bucket's plan asks for, and what each looks for now.

    action                      walks through                                    by
    expire, transition:CLASS    current versions                                 modified
    …/returned                  those that came back to the hot tier since       day of the last access
    marker                      delete markers that are the latest               modified
    noncurrent-…                noncurrent versions                              when they became noncurrent
    noncurrent-…+newer          the same, and looks at what each pushes down     when they became noncurrent
    abort                       open uploads                                     when they began
    …/access                    current versions on the hot tier                 day of the last access
    …/full                      the same, while the tier is too full             day of the last access
    …/steps                     current versions below steps that may go         key
    archive:TIER                Intelligent-Tiering objects off the hot tier     day of the last access
    archive:…/noncurrent        noncurrent versions, as by the walk above it     day of the last access
    extended-…/noncurrent…      the same of extended rules                       as of current versions

A walk only proposes: whoever takes the task decides, by all rules, on the version as it is then. Rows younger than
``VISIBLE`` are left for later, for a commit may still bring older ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from objstore.lifecycle.plan import Plan
from objstore.meta.groups import FULL_SUFFIX, STEPS_SUFFIX
from objstore.meta.walks import ANY_SIZE, BY_DAY, Query, Source
from objstore.model import days
from objstore.model.extended_rules import ExtendedRule, KeepLast, TierFull
from objstore.model.lifecycle import MINIMUM_FOR_ALL, Filter, Rule, digest_of, transition_bytes_min
from objstore.model.storage_class import DEEP_ARCHIVE_ACCESS, STORAGE_CLASS_CODES, class_in
from objstore.model.tiering import STORAGE_CLASS, TieringConfiguration, infrequent_days
from objstore.model.tiers import HOT, is_archived, tier_of
from objstore.model.waterfall import leads_on_from

VISIBLE = timedelta(seconds=10)
PAUSE_MAX = timedelta(hours=1)
AGE_MAX = timedelta(days=36500)
CALENDAR_DAY = timedelta(days=1)
RETURNED_SUFFIX = "/returned"  # unused for as many days as the rule's age, which they had long before
RETURNED_DAYS = 1  # by a rule with a date: without a use for so many whole days
NONCURRENT_SUFFIX = "/noncurrent"
TIERING = ("", "tiering/access")  # the walk that every bucket has
TIERING_NONCURRENT = ("", f"tiering/access{NONCURRENT_SUFFIX}")  # the one that it has too if it has versions
HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk as a rule defines it. ``count``: days; ``hours``: instead; ``date``: from then on, whatever the age.

    With none of them a row is looked at as soon as it is there.
    """

    rule: str
    action: str
    source: Source
    filter: Filter
    count: int | None = None
    hours: int | None = None
    date: datetime | None = None
    size_min: int = 0
    skip_classes: tuple[int, ...] = ()
    newer: int = 1
    restart: bool = False
    full: TierFull | None = None
    keep: KeepLast | None = None

    @property
    def sizes(self) -> tuple[int, int]:
        """The least and the most bytes of what it looks for."""
        larger, smaller = self.filter.larger_than, self.filter.smaller_than
        return max(self.size_min, 0 if larger is None else larger + 1), ANY_SIZE if smaller is None else smaller - 1


def walks_of(plan: Plan) -> dict[tuple[str, str], Walk]:
    """Every walk of a plan, by rule and action."""
    found = list(_tiering(plan.versioning is not None))
    for rule in plan.rules:
        found += _expirations(rule)
        found += _transitions(rule, plan.minimum)
        found += _noncurrent(rule, plan.minimum)
        if rule.abort_days is not None:
            found.append(Walk(rule.id, "abort", Source.UPLOAD, rule.filter, rule.abort_days))
    for extended in plan.extended:
        found += _extended(extended, plan.versioning is not None)
    for tiering in plan.tierings:
        found += _archives(tiering, plan.versioning is not None)
    return {(walk.rule, walk.action): walk for walk in found}


def query_of(walk: Walk, now: datetime, interval: timedelta) -> Query | timedelta:
    """What the walk looks for now, or how long there will be nothing. ``interval``: how often to look again."""
    if walk.date is not None and now < walk.date:
        return min(walk.date - now, PAUSE_MAX)
    horizon, pause = _horizon(walk, now, interval)
    age = days.days(walk.count or 0) if walk.hours is None else days.hours(walk.hours)
    return Query(
        walk.source,
        digest_of(walk),
        horizon,
        min(age, AGE_MAX),
        pause,
        walk.filter.prefix.encode(),
        *walk.sizes,
        dict(walk.filter.tags),
        walk.skip_classes,
        walk.newer,
        walk.restart,
        walk.full,
        walk.keep,
    )


def _horizon(walk: Walk, now: datetime, interval: timedelta) -> tuple[datetime | int, timedelta]:
    """Up to where rows are due, and when to look again if there are no more."""
    visible = now - VISIBLE
    tomorrow = min(max(days.start_of(days.day_of(now) + 1) - now, interval), PAUSE_MAX)
    if walk.source in BY_DAY:
        return days.day_of(now) - (walk.count or 0) - 1, tomorrow
    if walk.hours is not None:
        return min(visible, now - min(days.hours(walk.hours), AGE_MAX)), interval
    if walk.count is None:
        return visible, tomorrow if walk.restart else interval
    horizon = days.horizon(now, walk.count)
    return min(visible, horizon), tomorrow if horizon < visible and days.days(1) == CALENDAR_DAY else interval


def tierings_of(versioned: bool) -> list[tuple[str, str]]:
    """Rule and action of the walks that every bucket has; ``versioned``: it has, or had, versioning."""
    return [TIERING, TIERING_NONCURRENT] if versioned else [TIERING]


def _tiering(versioned: bool) -> Iterator[Walk]:
    others = tuple(code for name, code in STORAGE_CLASS_CODES.items() if name != STORAGE_CLASS)
    sources = (Source.ACCESSED, Source.NONCURRENT_ACCESSED)
    for name, source in zip(tierings_of(versioned), sources, strict=False):
        yield Walk(*name, source, Filter(), infrequent_days(), skip_classes=others)


def _archives(tiering: TieringConfiguration, versioned: bool) -> Iterator[Walk]:
    for access_tier, count in tiering.archive_days.items():
        skip = tuple(STORAGE_CLASS_CODES[class_in(done)] for done in (access_tier, DEEP_ARCHIVE_ACCESS))
        action = f"archive:{access_tier}"
        walk = Walk(tiering.id, action, Source.BY_ACCESS, tiering.filter, count, skip_classes=skip)
        yield walk
        if versioned:
            yield replace(walk, action=f"{action}{NONCURRENT_SUFFIX}", source=Source.NONCURRENT_BY_ACCESS)


def _expirations(rule: Rule) -> Iterator[Walk]:
    expiration = rule.expiration
    if expiration is None:
        return
    if expiration.marker:
        yield Walk(rule.id, "marker", Source.MARKER, _names_only(rule.filter), restart=True)
        return
    when = Walk(rule.id, "expire", Source.CURRENT, rule.filter, expiration.days, date=expiration.date)
    yield when
    if not rule.filter.tags and not rule.filter.has_size:
        yield replace(when, action="marker", source=Source.MARKER, restart=True)


def _transitions(rule: Rule, minimum: str) -> Iterator[Walk]:
    for transition in rule.transitions:
        target = transition.storage_class
        walk = Walk(
            rule.id,
            f"transition:{target}",
            Source.CURRENT,
            rule.filter,
            transition.days,
            date=transition.date,
            size_min=_size_min(rule.filter, target, minimum),
            skip_classes=_done(target),
        )
        yield walk
        yield from _returned(walk, target, Source.ACCESSED, RETURNED_DAYS if transition.days is None else None)


def _returned(walk: Walk, target: str, source: Source, count: int | None = None) -> Iterator[Walk]:
    """What is back on the hot tier is past its age for ever: its days, or ``count``, begin with its last use."""
    if tier_of(target) != HOT:
        count = walk.count if count is None else count
        yield replace(walk, action=f"{walk.action}{RETURNED_SUFFIX}", source=source, count=count, hours=None)


def _noncurrent(rule: Rule, minimum: str) -> Iterator[Walk]:
    expiration = rule.noncurrent_expiration
    if expiration is not None:
        walk = Walk(rule.id, "noncurrent-expire", Source.NONCURRENT, rule.filter, expiration.days)
        yield walk
        yield from _below(walk, expiration.newer)
    for transition in rule.noncurrent_transitions:
        target = transition.storage_class
        walk = Walk(
            rule.id,
            f"noncurrent-transition:{target}",
            Source.NONCURRENT,
            rule.filter,
            transition.days,
            size_min=_size_min(rule.filter, target, minimum),
            skip_classes=_done(target),
        )
        yield walk
        yield from _returned(walk, target, Source.NONCURRENT_ACCESSED)
        yield from _below(walk, transition.newer)


def _below(walk: Walk, newer: int) -> Iterator[Walk]:
    """A version that becomes noncurrent pushes another one over the number to keep: whatever its own size and tags."""
    if newer:
        yield Walk(walk.rule, f"{walk.action}+newer", Source.BELOW, Filter(walk.filter.prefix), newer=newer)


def _extended(rule: ExtendedRule, versioned: bool) -> Iterator[Walk]:
    if rule.is_about(noncurrent=False):
        yield from _extended_of(rule, "", Source.CURRENT, Source.ACCESSED, Source.FULL)
    if versioned and rule.is_about(noncurrent=True):
        sources = (Source.NONCURRENT, Source.NONCURRENT_ACCESSED, Source.NONCURRENT_FULL)
        for walk in _extended_of(rule, NONCURRENT_SUFFIX, *sources):
            # It may have been unused for long when it became noncurrent: then the walk was past its day by then.
            late = walk.source is Source.NONCURRENT_ACCESSED and not rule.is_about(noncurrent=False)
            yield replace(walk, restart=walk.restart or late)


def _extended_of(rule: ExtendedRule, suffix: str, by_age: Source, by_access: Source, by_fill: Source) -> Iterator[Walk]:
    target = rule.storage_class
    action = ("extended-expire" if target is None else f"extended-transition:{target}") + suffix
    skip = () if target is None else _done(target)
    if rule.tier_full is not None:
        yield Walk(rule.id, f"{action}{FULL_SUFFIX}", by_fill, rule.filter, skip_classes=skip, full=rule.tier_full)
    elif rule.keep_last is not None:
        yield Walk(
            rule.id, f"{action}{STEPS_SUFFIX}", Source.STEPS, rule.filter, skip_classes=skip, keep=rule.keep_last
        )
    if rule.needs_engine:
        return
    restart = rule.access_count_less_than is not None
    if rule.last_access_days is not None:
        yield Walk(
            rule.id,
            f"{action}/access",
            by_access,
            rule.filter,
            rule.last_access_days,
            skip_classes=skip,
            restart=restart,
        )
    if rule.days is not None or rule.hours is not None:
        walk = Walk(
            rule.id,
            action,
            by_age,
            rule.filter,
            rule.days if rule.hours is None else None,
            rule.hours if rule.days is None else _hours_of_both(rule),
            skip_classes=skip,
            restart=restart,
        )
        yield walk
        if target is not None and rule.last_access_days is None:
            count = walk.count if walk.hours is None else ceil(walk.hours / HOURS_A_DAY)
            yield from _returned(walk, target, by_access, count)


def _hours_of_both(rule: ExtendedRule) -> int | None:
    """With days and hours the later of the two counts."""
    return None if rule.hours is None else max(rule.hours, (rule.days or 0) * 24)


def _names_only(filter_: Filter) -> Filter:
    return Filter(filter_.prefix)


def _size_min(filter_: Filter, target: str, minimum: str) -> int:
    """Transitions leave small objects alone, unless the rule has a size of its own, or they go to an archive."""
    applies = minimum == MINIMUM_FOR_ALL or not is_archived(target)
    return transition_bytes_min() if applies and not filter_.has_size else 0


def _done(target: str) -> tuple[int, ...]:
    """Codes of the classes from which nothing goes to ``target``."""
    return tuple(STORAGE_CLASS_CODES[name] for name in leads_on_from(target))

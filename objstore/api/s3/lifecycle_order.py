"""The order of a lifecycle rule's actions: down the waterfall of storage classes, and the expiration last.

AWS also wants 30 days before STANDARD_IA and ONEZONE_IA and 30 to 90 between some classes, because it bills by them.
Nobody bills here: any number of days that keeps the order is taken.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import combinations

from objstore.model.errors import InvalidArgument, InvalidRequest
from objstore.model.lifecycle import Rule
from objstore.model.waterfall import may_follow

# (storage class, days or date) of each transition.
Hops = Sequence[tuple[str, int | datetime]]


def check_order(rule: Rule, scope: str) -> None:
    """Raise InvalidRequest or InvalidArgument unless the rule's actions can follow each other.

    ``scope``: how messages speak of what the rule is about.
    """
    dates = {transition.date is not None for transition in rule.transitions}
    if len(dates) > 1:
        raise InvalidRequest(f"Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule for {scope}")
    hops = [(found.storage_class, _when(found.days, found.date)) for found in rule.transitions]
    unit = "Date" if True in dates else "Days"
    _check_hops(hops, unit, "Transition", scope)
    expiration = rule.expiration
    if expiration is not None and expiration.marker is None:
        if dates and dates != {expiration.date is not None}:
            raise InvalidRequest(
                f"Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for {scope}"
            )
        _check_last(_when(expiration.days, expiration.date), hops, unit, ("Expiration", "Transition"), scope)
    later: Hops = [(found.storage_class, found.days) for found in rule.noncurrent_transitions]
    action = "NoncurrentVersionTransition"
    _check_hops(later, "NoncurrentDays", action, scope)
    if rule.noncurrent_expiration is not None:
        names = ("NoncurrentVersionExpiration", action)
        _check_last(rule.noncurrent_expiration.days, later, "NoncurrentDays", names, scope)


def _when(days: int | None, date: datetime | None) -> int | datetime:
    when = date if days is None else days
    assert when is not None
    return when


def _check_hops(hops: Hops, unit: str, action: str, scope: str) -> None:
    for first, second in combinations(hops, 2):
        if first[0] == second[0]:
            raise InvalidRequest(f"'StorageClass' must be different for '{action}' actions in same 'Rule' with {scope}")
        warm, cold = (second, first) if may_follow(second[0], first[0]) else (first, second)
        if not may_follow(warm[0], cold[0]) or not _is_later(cold[1], warm[1]):
            message = (
                f"'{unit}' in the '{action}' action for StorageClass '{cold[0]}' for {scope} must be greater than "
                f"'{unit}' in the '{action}' action for StorageClass '{warm[0]}' for {scope}"
            )
            raise _argument(message, unit, cold[1])


def _check_last(when: int | datetime, hops: Hops, unit: str, actions: tuple[str, str], scope: str) -> None:
    for _, hop in hops:
        if not _is_later(when, hop):
            message = (
                f"'{unit}' in the {actions[0]} action for {scope} must be greater than '{unit}' in the {actions[1]} "
                "action"
            )
            raise _argument(message, unit, when)


def _is_later(one: int | datetime, other: int | datetime) -> bool:
    return one > other  # type: ignore[operator]  # of one rule: both are days, or both dates


def _argument(message: str, unit: str, value: int | datetime) -> InvalidArgument:
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return InvalidArgument(message, ArgumentName=unit, ArgumentValue=text)

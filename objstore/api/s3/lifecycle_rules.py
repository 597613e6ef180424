"""Rules of PutBucketLifecycleConfiguration: each element is understood or refused, with AWS's code and message.

AWS keeps two generations apart by the first rule: one with a Filter makes it a configuration of "Lifecycle V2"; in an
older one each rule has its own Prefix, and no two that overlap may take the same action.
"""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from objstore.api.s3.lifecycle_filter import Scope, read_scope
from objstore.api.s3.lifecycle_order import check_order
from objstore.model import clock, days
from objstore.model.errors import InvalidArgument, InvalidRequest, InvalidStorageClass, MalformedXML
from objstore.model.lifecycle import (
    RULES_MAX,
    Expiration,
    NoncurrentExpiration,
    NoncurrentTransition,
    Rule,
    Transition,
)
from objstore.model.tiers import is_offered
from objstore.model.waterfall import targets

Fields = dict[str, Any]
ID_CHARS_MAX = 255
NEWER_VERSIONS_MAX = 100
_COUNT_MAX = 2**31 - 1
_ACTIONS = (
    "Expiration",
    "Transitions",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransitions",
    "AbortIncompleteMultipartUpload",
)
# The names of actions in AWS's messages, where they differ from the model's.
_SPOKEN = {"Transitions": "Transition", "NoncurrentVersionTransitions": "NoncurrentVersionTransition"}
_NOT_TARGETS = ("STANDARD", "REDUCED_REDUNDANCY")


def read_rules(given: list[Fields]) -> list[Rule]:
    """The rules of a configuration; one without an ID is given one, in ``given`` too.

    Raises MalformedXML, InvalidRequest, InvalidArgument, InvalidStorageClass.
    """
    if not 1 <= len(given) <= RULES_MAX:
        raise MalformedXML
    _name_all(given)
    is_v2 = "Filter" in given[0]
    rules = [_rule(fields, is_v2) for fields in given]
    if not is_v2:
        _check_overlap(given)
    return rules


def _name_all(given: list[Fields]) -> None:
    seen: set[str] = set()
    for fields in given:
        name = fields.get("ID", "")
        if len(name) > ID_CHARS_MAX:
            raise _argument("ID", name, f"ID length should not exceed allowed limit of {ID_CHARS_MAX}")
        if name in seen:
            raise _argument("ID", name, "Rule ID must be unique. Found same ID for more than one rule")
        if name:
            seen.add(name)
        else:
            rest = fields.copy()
            fields.clear()
            fields.update({**rest, "ID": clock.random_bytes(24).hex()})


def _rule(fields: Fields, is_v2: bool) -> Rule:
    scope = read_scope(fields, is_v2)
    if not any(name in fields for name in _ACTIONS):
        raise InvalidRequest("At least one action needs to be specified in a rule")
    rule = Rule(
        fields["ID"],
        fields["Status"] == "Enabled",
        scope.filter,
        _expiration(fields.get("Expiration"), scope),
        tuple(_transition(found) for found in fields.get("Transitions", ())),
        _noncurrent_expiration(fields.get("NoncurrentVersionExpiration"), is_v2),
        tuple(_noncurrent_transition(found, is_v2) for found in fields.get("NoncurrentVersionTransitions", ())),
        _abort_days(fields.get("AbortIncompleteMultipartUpload"), scope),
    )
    check_order(rule, scope.text)
    return rule


def _expiration(fields: Fields | None, scope: Scope) -> Expiration | None:
    if fields is None:
        return None
    if len(fields) != 1:
        raise MalformedXML
    if "ExpiredObjectDeleteMarker" in fields:
        scope.refuse_details("ExpiredObjectDeleteMarker")
        return Expiration(marker=fields["ExpiredObjectDeleteMarker"])
    if "Date" in fields:
        return Expiration(date=_midnight(fields["Date"]))
    return Expiration(days=_positive(fields["Days"], "Days", "Expiration"))


def _transition(fields: Fields) -> Transition:
    target = _target(fields)
    if ("Days" in fields) == ("Date" in fields):
        raise MalformedXML
    if "Date" in fields:
        return Transition(target, date=_midnight(fields["Date"]))
    return Transition(target, days=_nonnegative(fields["Days"], "Days", "Transition"))


def _noncurrent_expiration(fields: Fields | None, is_v2: bool) -> NoncurrentExpiration | None:
    if fields is None:
        return None
    action = "NoncurrentVersionExpiration"
    if "NoncurrentDays" not in fields:
        raise MalformedXML
    count = _positive(fields["NoncurrentDays"], "NoncurrentDays", action)
    return NoncurrentExpiration(count, _newer(fields, action, is_v2))


def _noncurrent_transition(fields: Fields, is_v2: bool) -> NoncurrentTransition:
    action, target = "NoncurrentVersionTransition", _target(fields)
    if "NoncurrentDays" not in fields:
        raise MalformedXML
    count = _nonnegative(fields["NoncurrentDays"], "NoncurrentDays", action)
    return NoncurrentTransition(target, count, _newer(fields, action, is_v2))


def _newer(fields: Fields, action: str, is_v2: bool) -> int:
    name = "NewerNoncurrentVersions"
    if name not in fields:
        return 0
    if not is_v2:
        raise InvalidRequest(f"{name} element can only be used in Lifecycle V2.")
    count = _positive(fields[name], name, action)
    if count > NEWER_VERSIONS_MAX:
        raise _argument(name, count, f"'{name}' for {action} action must be between 1 and {NEWER_VERSIONS_MAX}")
    return count


def _abort_days(fields: Fields | None, scope: Scope) -> int | None:
    if fields is None:
        return None
    if "DaysAfterInitiation" not in fields:
        raise MalformedXML
    action = "AbortIncompleteMultipartUpload"
    count = _positive(fields["DaysAfterInitiation"], "DaysAfterInitiation", action)
    scope.refuse_details(action)
    return count


def _target(fields: Fields) -> str:
    """A class that objects can go to, with drives behind it."""
    name: str = fields.get("StorageClass", "").strip()
    if name in _NOT_TARGETS:
        raise _argument("StorageClass", name, "Invalid target Storage class for Transition action")
    if name not in targets():
        raise MalformedXML
    if not is_offered(name):
        raise InvalidStorageClass(StorageClassRequested=name)
    return name


def _midnight(moment: datetime) -> datetime:
    if (moment - days.EPOCH) % timedelta(days=1):
        raise _argument("Date", moment.isoformat(), "'Date' must be at midnight GMT")
    return moment


def _positive(count: int, name: str, action: str) -> int:
    if count > _COUNT_MAX:
        raise MalformedXML
    if count < 1:
        raise _argument(name, count, f"'{name}' for {action} action must be a positive integer")
    return count


def _nonnegative(count: int, name: str, action: str) -> int:
    if count > _COUNT_MAX:
        raise MalformedXML
    if count < 0:
        raise _argument(name, count, f"'{name}' in {action} action must be nonnegative")
    return count


def _argument(name: str, value: object, message: str) -> InvalidArgument:
    return InvalidArgument(message, ArgumentName=name, ArgumentValue=str(value)[:1000])


def _check_overlap(given: list[Fields]) -> None:
    for action in _ACTIONS:
        prefixes = sorted(fields["Prefix"] for fields in given if action in fields)
        # Among sorted ones, whatever begins another begins the one after it.
        for first, second in pairwise(prefixes):
            if second.startswith(first):
                raise _overlap(first, second, _SPOKEN.get(action, action))


def _overlap(first: str, second: str, action: str) -> InvalidRequest:
    if first == second:
        return InvalidRequest(f"Found two rules with same prefix '{first}' for same action type '{action}'")
    return InvalidRequest(f"Found overlapping prefixes '{first}' and '{second}' for same action type '{action}'")

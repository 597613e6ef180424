"""Policy: a document as it is evaluated. Made by ``parse.py``, asked by ``evaluate.py``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

PrincipalSets = Mapping[str, tuple[str, ...]]


class Context(Protocol):
    """What a request says of itself: values of condition keys (lower case), None where it has none."""

    def values(self, key: str) -> Sequence[str] | None:
        """All values of a key."""
        ...


def key_of(name: str) -> str:
    """A condition key as it is compared: in lower case, but for the name of a tag, which has a case."""
    head, slash, tag = name.partition("/")
    return head.lower() + slash + tag


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key. ``quantifier``: ``""``, ``ForAllValues`` or ``ForAnyValue``."""

    operator: str
    key: str
    values: tuple[str, ...]
    quantifier: str = ""
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """``principals`` by type (``AWS``, ``CanonicalUser`` …), None in identity policies; actions are lower case.

    ``not_…`` turn the list beside them round. ``resources`` is None in trust policies.
    """

    allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...] | None
    conditions: tuple[Condition, ...] = ()
    principals: PrincipalSets | None = None
    not_principal: bool = False
    not_action: bool = False
    not_resource: bool = False
    variables: bool = True
    sid: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """``keys``: every condition key that it asks for, so that what is dear to find out is found out only then."""

    statements: tuple[Statement, ...]
    keys: frozenset[str] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Ask:
    """One question: may ``action`` (lower case, ``s3:getobject``) be done on ``resource``?"""

    action: str
    resource: str
    context: Context

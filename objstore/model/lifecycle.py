"""Lifecycle rules as AWS defines them, and the form in which they are kept in a bucket's settings.

``bucket.settings["lifecycle"]`` is ``{"xml": the document that Get gives back, "rules": […], "extended": […],
"transition_default_minimum_object_size": …}``; the rules are what ``to_json`` gives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from objstore.model.limits import KIB

SETTING = "lifecycle"
RULES_MAX = 1000
# AWS: transitions leave smaller objects alone, unless the rule's filter has a size of its own.
TRANSITION_BYTES_MIN = 128 * KIB
# How ``transition_default_minimum_object_size`` says so: for all classes, or for all but the archives.
MINIMUM_FOR_ALL, MINIMUM_VARIES = "all_storage_classes_128K", "varies_by_storage_class"

T = TypeVar("T")

_transition_bytes_min = TRANSITION_BYTES_MIN


def configure(transition_bytes_min: int = TRANSITION_BYTES_MIN) -> None:
    """Set, once, from which size on transitions take objects whose rule has no size of its own."""
    global _transition_bytes_min
    _transition_bytes_min = transition_bytes_min


def transition_bytes_min() -> int:
    """See ``configure``."""
    return _transition_bytes_min


@dataclass(frozen=True, slots=True)
class Filter:
    """Which objects a rule is about: all that is said here must hold. Sizes in bytes, both exclusive."""

    prefix: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    larger_than: int | None = None
    smaller_than: int | None = None

    @property
    def has_size(self) -> bool:
        """Whether it asks for a size."""
        return self.larger_than is not None or self.smaller_than is not None

    def matches(self, key: bytes, size: int, tags: Mapping[str, str] | None) -> bool:
        """Whether a version is one of those meant."""
        return (
            key.startswith(self.prefix.encode())
            and (self.larger_than is None or size > self.larger_than)
            and (self.smaller_than is None or size < self.smaller_than)
            and all((tags or {}).get(name) == value for name, value in self.tags)
        )

    def matches_name(self, key: bytes) -> bool:
        """Whether it means what has a name only, as delete markers and uploads: no if it asks for size or tags."""
        return not self.tags and not self.has_size and key.startswith(self.prefix.encode())


ANY = Filter()


@dataclass(frozen=True, slots=True)
class Expiration:
    """Exactly one is set. ``marker``: remove delete markers that have become the only version of their key."""

    days: int | None = None
    date: datetime | None = None
    marker: bool | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """To another storage class; exactly one of ``days`` and ``date`` is set."""

    storage_class: str
    days: int | None = None
    date: datetime | None = None


@dataclass(frozen=True, slots=True)
class NoncurrentExpiration:
    """Delete noncurrent versions for good. ``newer``: how many newer noncurrent ones there must be, too."""

    days: int
    newer: int = 0


@dataclass(frozen=True, slots=True)
class NoncurrentTransition:
    """Noncurrent versions to another storage class; ``newer`` as in NoncurrentExpiration."""

    storage_class: str
    days: int
    newer: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a lifecycle configuration. ``abort_days``: for uploads that were begun and not completed."""

    id: str
    enabled: bool
    filter: Filter = ANY
    expiration: Expiration | None = None
    transitions: tuple[Transition, ...] = ()
    noncurrent_expiration: NoncurrentExpiration | None = None
    noncurrent_transitions: tuple[NoncurrentTransition, ...] = ()
    abort_days: int | None = None


def to_json(things: Sequence[Any]) -> list[dict[str, Any]]:
    """Dataclasses of rules as plain JSON values; what is not set is left out."""
    return [_bare(msgspec.to_builtins(thing)) for thing in things]


def from_json(values: Sequence[Any], kind: type[T]) -> tuple[T, ...]:
    """Inverse of ``to_json``."""
    return msgspec.convert(values, tuple[kind, ...])  # type: ignore[valid-type]


def digest_of(thing: Any) -> bytes:
    """16 bytes that differ between rules that differ."""
    return blake2b(msgspec.json.encode(thing), digest_size=16).digest()


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _bare(inner) for name, inner in value.items() if inner is not None and inner != ()}
    return [_bare(inner) for inner in value] if isinstance(value, list | tuple) else value

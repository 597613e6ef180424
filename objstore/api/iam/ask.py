"""IamAsk: one request to IAM or STS, and what its handlers share: names, pages, documents, limits."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from objstore.api.auth.sessions import Sessions
from objstore.api.iam.desk import Desk
from objstore.api.iam.web_keys import WebKeys
from objstore.api.request import Request
from objstore.identity.directory import Directory
from objstore.identity.entity import PREFIX, Entity, Kind
from objstore.identity.parse import IDENTITY, PolicyError, parse_policy
from objstore.identity.parse import Kind as PolicyKind
from objstore.identity.principal import Principal
from objstore.model import clock
from objstore.model.identity_errors import (
    EntityAlreadyExists,
    LimitExceeded,
    MalformedPolicyDocument,
    NoSuchEntity,
    ValidationError,
)

PAGE_MAX = 1000
PAGE_DEFAULT = 100
ENTITIES_MAX = 5000  # of a kind in an account
INLINE_CHARS_MAX = {Kind.USER: 2048, Kind.GROUP: 5120, Kind.ROLE: 10240}
ATTACHED_MAX = 20
_MARKER_DIGITS_MAX = 9
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_NAME = re.compile(r"[\w+=,.@-]+\Z", re.ASCII)
_PATH = re.compile(r"/([!-~]*/)?\Z")
_NOUNS = {Kind.USER: "user", Kind.GROUP: "group", Kind.ROLE: "role", Kind.POLICY: "policy"}
Values = dict[str, Any]
Changed = tuple[Values, list[Entity]]


@dataclass(slots=True)
class IamAsk:
    """``given``: the operation's input. ``desk`` and ``sessions`` do what it comes to; ``lenient``, ``web_keys``: as of
    ``Site``.
    """

    request: Request
    principal: Principal
    given: Values
    desk: Desk
    sessions: Sessions
    lenient: bool = False
    web_keys: WebKeys = field(default_factory=WebKeys)

    @property
    def directory(self) -> Directory:
        """Who there is."""
        return self.desk.directory

    @property
    def account(self) -> str:
        """The account that is acted in."""
        return self.principal.internal_account

    def find(self, kind: Kind, member: str, directory: Directory | None = None) -> Entity:
        """The entity that the input names; raises NoSuchEntity."""
        return find(directory or self.directory, kind, self.account, self.given[member])


def find(directory: Directory, kind: Kind, account: str, name: str) -> Entity:
    """An entity by its name; raises NoSuchEntity."""
    entity = directory.named(kind, account, name)
    if entity is None:
        raise NoSuchEntity(f"The {_NOUNS[kind]} with name {name[:128]} cannot be found.")
    return entity


def new_id(kind: Kind) -> str:
    """A new unique id."""
    return PREFIX[kind] + random_text(16)


def random_text(length: int) -> str:
    """Capital letters and digits."""
    return "".join(_ALPHABET[byte & 31] for byte in clock.random_bytes(length))


def new_entity(directory: Directory, kind: Kind, account: str, name: str, **body: Any) -> Entity:
    """A new entity; raises EntityAlreadyExists, ValidationError, LimitExceeded."""
    check_name(name)
    check_path(body.get("path", "/"))
    if directory.named(kind, account, name) is not None:
        raise EntityAlreadyExists(f"{_NOUNS[kind].capitalize()} with name {name} already exists.")
    if sum(1 for _ in directory.of(kind, account)) >= ENTITIES_MAX:
        raise LimitExceeded(f"Cannot exceed quota for {_NOUNS[kind]}s: {ENTITIES_MAX}")
    return Entity(new_id(kind), kind, account, name, clock.now().replace(microsecond=0), body)


def check_name(name: str) -> None:
    """Raise ValidationError unless it may be a name."""
    if not _NAME.match(name) or len(name) > 128:
        raise ValidationError("The specified value for a name is invalid. It must contain only alphanumeric characters "
                              "and/or the following: +=,.@_-")  # fmt: skip


def check_path(path: str) -> None:
    """Raise ValidationError unless it may be a path."""
    if not _PATH.match(path) or len(path) > 512:
        raise ValidationError("The specified value for path is invalid. It must begin and end with / and contain only "
                              "alphanumeric characters and/or / characters.")  # fmt: skip


def renamed(directory: Directory, entity: Entity, name: str | None, path: str | None) -> Entity:
    """The entity under another name or path; raises EntityAlreadyExists, ValidationError."""
    if name is not None:
        check_name(name)
        other = directory.named(entity.kind, entity.account, name)
        if other is not None and other.id != entity.id:
            raise EntityAlreadyExists(f"{_NOUNS[entity.kind].capitalize()} with name {name} already exists.")
        entity = entity.named(name)
    if path is not None:
        check_path(path)
        entity = entity.having(path=path)
    return entity


def check_document(text: str, kind: PolicyKind = IDENTITY, chars_max: int | None = None) -> str:
    """The document, if it is a policy; raises MalformedPolicyDocument, LimitExceeded. Blanks do not count."""
    if chars_max is not None and len(re.sub(r"\s", "", text)) > chars_max:
        raise LimitExceeded(f"Maximum policy size of {chars_max} bytes exceeded")
    try:
        parse_policy(text, kind)
    except PolicyError as error:
        raise MalformedPolicyDocument(str(error)) from None
    return text


def encoded(document: str) -> str:
    """A document as answers have it."""
    return quote(document, safe="")


def page(given: Values, found: Iterable[Any], member: str, shown: Callable[[Any], Any]) -> Values:
    """One page of a list; the marker is the place of the next entry."""
    everything: Sequence[Any] = list(found)
    marker: str = given.get("Marker", "0")
    if not (marker.isascii() and marker.isdigit() and len(marker) <= _MARKER_DIGITS_MAX):
        raise ValidationError("Invalid Marker")
    start = int(marker)
    limit = min(int(given.get("MaxItems", PAGE_DEFAULT)), PAGE_MAX)
    chosen = everything[start : start + limit]
    more = start + limit < len(everything)
    values: Values = {member: [shown(one) for one in chosen], "IsTruncated": more}
    return values | ({"Marker": str(start + limit)} if more else {})


def below(given: Values, found: Iterable[Entity]) -> Iterable[Entity]:
    """Those below the path that the input asks for."""
    prefix = given.get("PathPrefix", "/")
    return (entity for entity in found if entity.path.startswith(prefix))


def tag_list(entity: Entity) -> list[Values] | None:
    """Tags as answers have them."""
    tags = entity.body.get("tags")
    return [{"Key": name, "Value": value} for name, value in tags.items()] if tags else None


def tags_given(given: Values) -> dict[str, str] | None:
    """Tags of the input."""
    pairs = given.get("Tags", [])
    if len(pairs) > 50:
        raise LimitExceeded("Cannot exceed quota for TagsPerResource: 50")
    tags = {pair["Key"]: pair["Value"] for pair in pairs}
    if len(tags) != len(pairs):
        raise ValidationError("Duplicate tag keys found.")
    return tags or None

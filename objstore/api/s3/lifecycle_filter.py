"""Which objects a lifecycle rule is about: Prefix, or Filter with one predicate, or with And and at least two."""

from dataclasses import dataclass
from typing import Any

from objstore.model.errors import InvalidRequest, MalformedXML
from objstore.model.lifecycle import Filter
from objstore.model.limits import GIB, KEY_BYTES_MAX, TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX

Fields = dict[str, Any]
SIZE_MAX = 1000 * 1024 * GIB  # AWS's own bound of a size in a filter


@dataclass(frozen=True, slots=True)
class Scope:
    """``filter``: what the rule is about; ``text``: how AWS's messages speak of it."""

    filter: Filter
    text: str

    def refuse_details(self, action: str) -> None:
        """Raise InvalidRequest for an action that is about names only, where the filter asks for more."""
        if self.filter.tags:
            raise InvalidRequest(f"{action} cannot be specified with Tags.")
        if self.filter.has_size:
            raise InvalidRequest(f"{action} cannot be specified with Object Size.")


def read_scope(rule: Fields, is_v2: bool) -> Scope:
    """The scope of a rule; ``is_v2``: whether the first rule of the configuration has a Filter.

    Raises MalformedXML, InvalidRequest.
    """
    if "Filter" not in rule and "Prefix" not in rule:
        raise MalformedXML
    if is_v2 and "Prefix" in rule:
        raise InvalidRequest(
            "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter."
        )
    if not is_v2 and "Filter" in rule:
        raise InvalidRequest("Filter element can only be used in Lifecycle V2.")
    if not is_v2:
        prefix = _checked_prefix(rule["Prefix"])
        return Scope(Filter(prefix), f"prefix '{prefix}'")
    fields = rule["Filter"]
    if len(fields) > 1:
        raise MalformedXML
    if "And" in fields:
        fields = fields["And"]
        if len(fields) + max(0, len(fields.get("Tags", ())) - 1) < 2:
            raise MalformedXML
    tags = fields.get("Tags", [fields["Tag"]] if "Tag" in fields else [])
    return Scope(_filter(fields, tags), f"filter '({_spoken(fields, tags)})'")


def with_and(rules: list[Fields]) -> list[Fields]:
    """Rules whose filters say with And what some servers take without: several predicates, all of which must hold."""
    return [{**rule, "Filter": _joined(rule["Filter"])} if "Filter" in rule else rule for rule in rules]


def _joined(fields: Fields) -> Fields:
    if len(fields) < 2:
        return fields
    inner = fields.get("And", {})
    both = {name: value for name, value in fields.items() if name not in ("Tag", "And")}
    if "Prefix" in both and "Prefix" in inner:
        short, long = sorted((both["Prefix"], inner["Prefix"]), key=len)
        if not long.startswith(short):
            return fields
        both["Prefix"] = long
    if both.keys() & inner.keys() - {"Prefix"}:
        return fields
    tags = [*([fields["Tag"]] if "Tag" in fields else []), *inner.get("Tags", ())]
    return {"And": {**inner, **both} | ({"Tags": tags} if tags else {})}


def _filter(fields: Fields, tags: list[Fields]) -> Filter:
    larger, smaller = fields.get("ObjectSizeGreaterThan"), fields.get("ObjectSizeLessThan")
    _check_sizes(larger, smaller)
    prefix = _checked_prefix(fields.get("Prefix", ""))
    return Filter(prefix, check_tags(tags), larger, smaller)


def _checked_prefix(prefix: str) -> str:
    if len(prefix.encode()) > KEY_BYTES_MAX:
        raise InvalidRequest(f"The maximum size of a prefix is {KEY_BYTES_MAX}.")
    return prefix


def check_tags(tags: list[Fields]) -> tuple[tuple[str, str], ...]:
    """Tags of a filter as pairs. Raises InvalidRequest."""
    pairs = tuple((tag["Key"], tag["Value"]) for tag in tags)
    for name, value in pairs:
        if not 1 <= len(name) <= TAG_KEY_CHARS_MAX:
            raise InvalidRequest(f"A Tag's Key must be a length between 1 and {TAG_KEY_CHARS_MAX}.")
        if len(value) > TAG_VALUE_CHARS_MAX:
            raise InvalidRequest(f"A Tag's Value must be a length between 0 and {TAG_VALUE_CHARS_MAX}.")
    if len({name for name, _ in pairs}) < len(pairs):
        raise InvalidRequest("Duplicate Tag Keys are not allowed.")
    return pairs


def _check_sizes(larger: int | None, smaller: int | None) -> None:
    if larger is not None and not 0 <= larger <= SIZE_MAX:
        raise InvalidRequest(f"'ObjectSizeGreaterThan' should be between 0 and {SIZE_MAX}.")
    if smaller is not None and not 1 <= smaller <= SIZE_MAX:
        raise InvalidRequest(f"'ObjectSizeLessThan' should be between 1 and {SIZE_MAX}.")
    if larger is not None and smaller is not None and smaller <= larger:
        raise InvalidRequest("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.")


def _spoken(fields: Fields, tags: list[Fields]) -> str:
    parts = [f"prefix={fields['Prefix']}"] if "Prefix" in fields else []
    parts += [f"tag={{key={tag['Key']}, value={tag['Value']}}}" for tag in tags]
    for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan"):
        if name in fields:
            parts.append(f"{name.lower()}={fields[name]}")
    return " and ".join(parts)

"""Rules, and what they do, in the few words that fit into a table."""

from collections.abc import Mapping
from typing import Any

from objstore.cli.output import number, size

_DELETES = {"expire", "marker", "noncurrent-expire", "extended-expire", "delete"}


def scope(rule: Mapping[str, Any]) -> str:
    """Which objects a rule is about: ``logs/* keep=no >1.0 MiB``."""
    fields = {"Prefix": rule.get("Prefix"), **(rule.get("Filter") or {})}
    fields |= fields.get("And") or {}
    found = [f"{fields['Prefix']}*"] if fields.get("Prefix") else []
    tags = fields.get("Tags") or {}
    pairs = tags.items() if isinstance(tags, dict) else [(tag["Key"], tag["Value"]) for tag in tags]
    if fields.get("Tag"):
        pairs = [*pairs, (fields["Tag"]["Key"], fields["Tag"]["Value"])]
    found += [f"{name}={value}" for name, value in pairs]
    for name, sign in (("ObjectSizeGreaterThan", ">"), ("ObjectSizeLessThan", "<")):
        if fields.get(name) is not None:
            found.append(f"{sign}{size(fields[name])}")
    return " ".join(found) or "everything"


def deeds(rule: Mapping[str, Any]) -> str:
    """What a rule of S3 or one of ours does, and when."""
    found = [f"→ {hop['StorageClass']} {_when(hop)}" for hop in rule.get("Transitions") or ()]
    expiration = rule.get("Expiration") or {}
    if "ExpiredObjectDeleteMarker" in expiration:
        found.append("delete lone delete markers" if expiration["ExpiredObjectDeleteMarker"] else "keep delete markers")
    elif expiration:
        found.append(f"delete {_when(expiration)}")
    later = rule.get("NoncurrentVersionTransitions") or ()
    found += [f"noncurrent → {hop['StorageClass']} {_when(hop)}" for hop in later]
    if rule.get("NoncurrentVersionExpiration"):
        found.append(f"delete noncurrent {_when(rule['NoncurrentVersionExpiration'])}")
    if rule.get("AbortIncompleteMultipartUpload"):
        found.append(f"abort uploads {_days(rule['AbortIncompleteMultipartUpload']['DaysAfterInitiation'])}")
    return ", ".join(found) or _extended(rule)


def _extended(rule: Mapping[str, Any]) -> str:
    found = [f"after {rule[name]} {name.lower()}" for name in ("Days", "Hours") if rule.get(name)]
    if rule.get("LastAccessDays"):
        found.append(f"after {rule['LastAccessDays']} days without access")
    if rule.get("AccessCountLessThan"):
        found.append(f"with less than {rule['AccessCountLessThan']:g} accesses")
    if full := rule.get("TierFullPercent"):
        found.append(f"while the hot tier is above {full['High']:g} %, down to {full['Low']:g} %")
    if keep := rule.get("KeepLast"):
        every = f" and every {keep['Every']}th" if keep.get("Every") else ""
        found.append(f"all but the last {keep['Last']} steps{every}")
    verb = "delete" if rule.get("Expire") else f"→ {rule.get('StorageClass')}"
    whose = {"Noncurrent": ["noncurrent"], "All": ["every version"]}.get(str(rule.get("Versions")), [])
    return " ".join([*whose, verb, *found])


def _when(action: Mapping[str, Any]) -> str:
    if action.get("Date"):
        return f"from {str(action['Date'])[:10]} on"
    newer = action.get("NewerNoncurrentVersions")
    keep = f" but {newer} newer ones" if newer else ""
    return _days(action.get("Days", action.get("NoncurrentDays", 0))) + keep


def _days(count: int) -> str:
    return f"after {number(count)} day{'' if count == 1 else 's'}"


def outcome(action: str, of: str = "current", storage_class: str = "", access_tier: str = "", tier: str = "") -> str:
    """An action of a dry run or of an explanation."""
    whose = "noncurrent " if of == "noncurrent" else ""
    if action in ("transition", "place"):
        return f"{whose}→ {storage_class or access_tier or tier}"
    named = {"mark": "delete marker", "abort": "abort uploads"}
    of_what = {"noncurrent": "delete noncurrent", "marker": "delete markers"}
    return named.get(action) or of_what.get(of, "delete")


def act(action: str) -> str:
    """An action as walks and figures name it: ``extended-transition:NEARLINE/steps``, ``place:capacity``."""
    if action.startswith("tiering/access"):  # of current versions, and of the others
        return "by access"
    verb, _, target = action.partition("/")[0].partition(":")
    if target:
        return f"→ {target}"
    return "delete" if verb.partition("+")[0] in _DELETES else {"mark": "delete marker"}.get(verb, verb)

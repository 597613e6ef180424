"""Policy variables: ``${aws:username}``, ``${key, 'default'}`` and the literals ``${*}``, ``${?}``, ``${$}``.

What a variable gives is taken literally: a user called ``*`` is no wildcard.
"""

import re

from objstore.identity.policy import Context, key_of
from objstore.identity.wildcard import literally

_VARIABLE = re.compile(r"\$\{([^{}$]*|\$)\}")
_DEFAULT = re.compile(r"\s*,\s*'([^']*)'\s*\Z")


class _Unknown(Exception):
    pass


def expanded(text: str, context: Context) -> str | None:
    """A pattern with its variables replaced; None if one has no value (then the pattern matches nothing)."""

    def replace(found: "re.Match[str]") -> str:
        return _replacement(found[1], context)

    try:
        return _VARIABLE.sub(replace, text)
    except _Unknown:
        return None


def _replacement(inner: str, context: Context) -> str:
    if inner in ("*", "?", "$"):
        return literally(inner)
    default = _DEFAULT.search(inner)
    key = key_of((inner[: default.start()] if default else inner).strip())
    values = context.values(key)
    if values is not None and len(values) == 1:
        return literally(values[0])
    if default:
        return literally(default[1])
    raise _Unknown

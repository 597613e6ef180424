"""Wildcards of policies: ``*`` is any text, ``?`` any one character; at worst length times length, never more."""

from collections.abc import Callable
from functools import lru_cache

Matcher = Callable[[str], bool]

# What policy variables ${*}, ${?} and values of variables put into a pattern must be taken literally: while a pattern
# is made these stand for the characters, from a range that no valid text of ours holds.
LITERAL_STAR, LITERAL_QUESTION = "\udc01", "\udc02"
_LITERALS = str.maketrans({"*": LITERAL_STAR, "?": LITERAL_QUESTION})
_BACK = str.maketrans({LITERAL_STAR: "*", LITERAL_QUESTION: "?"})


def literally(text: str) -> str:
    """``text`` as a pattern that matches nothing but itself."""
    return text.translate(_LITERALS)


@lru_cache(4096)
def matcher(pattern: str) -> Matcher:
    """A function that says whether a text matches; the usual shapes need no search at all."""
    if "*" not in pattern and "?" not in pattern:
        literal = pattern.translate(_BACK)
        return lambda text: text == literal
    if pattern == "*":
        return lambda text: True
    head = pattern[:-1]
    if pattern[-1] == "*" and "*" not in head and "?" not in head:
        prefix = head.translate(_BACK)
        return lambda text: text.startswith(prefix)
    return lambda text: matches(pattern, text)


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text matches: on a mismatch the last star takes one character more."""
    at = place = 0
    star = mark = -1
    while place < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, mark = at, place
            at += 1
        elif at < len(pattern) and (pattern[at] == "?" or _is(pattern[at], text[place])):
            at += 1
            place += 1
        elif star >= 0:
            mark += 1
            at, place = star + 1, mark
        else:
            return False
    return all(character == "*" for character in pattern[at:])


def _is(wanted: str, found: str) -> bool:
    if wanted == LITERAL_STAR:
        return found == "*"
    if wanted == LITERAL_QUESTION:
        return found == "?"
    return wanted == found

"""Assemble: which of the records that were found make an object or a part whole. Pure.

The same bytes may be there several times, cut differently: before and after a move or a compaction. Any chain of
fragments that begins at 0, has no gap, and ends with one that says it is the last, will do.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from objstore.crypto.chunks import sealed_size
from objstore.format.part import unpack_parts
from objstore.meta.recovery import Found


@dataclass(frozen=True, slots=True)
class Whole:
    """A chain: packed extents, the bytes that they hold, and what the last record says."""

    extents: bytes
    size: int
    tier: str
    attrs: bytes


def assemble(records: Sequence[Found], size: int | None = None) -> Whole | None:
    """A whole one of a version's (or part's) records, of exactly ``size`` bytes if that is known; None if none is.

    One that lies on one tier is preferred to one of several.
    """
    tiers = sorted({one.tier for one in records}, key=lambda tier: (tier != "hot", tier))
    for chosen in [*([one for one in records if one.tier == tier] for tier in tiers), list(records)]:
        chain = _chain(chosen, size)
        if chain is not None:
            last = chain[-1]
            return Whole(b"".join(one.extent for one in chain), last.fragment + last.size, last.tier, last.attrs)
    return None


def assemble_parts(records: Iterable[Found], parts: bytes, stored: int) -> bytes | None:
    """Extents of a multipart object of ``stored`` bytes: of one chain, for it was moved, or from those of its parts.

    None if there is no such chain, and one of the parts is not whole.
    """
    by_part: dict[int, list[Found]] = defaultdict(list)
    for one in records:
        by_part[one.part].append(one)
    if (moved := assemble(by_part[0], stored)) is not None:
        return moved.extents
    sizes = [(number, size) for number, size, _ in unpack_parts(parts)]
    is_sealed = sum(size for _, size in sizes) != stored
    pieces = []
    for number, size in sizes:
        whole = assemble(by_part[number], sealed_size(size) if is_sealed else size)
        if whole is None:
            return None
        pieces.append(whole.extents)
    return b"".join(pieces)


def _chain(records: Sequence[Found], size: int | None) -> list[Found] | None:
    """Depth first, the longest fragment first; a place that leads nowhere is not tried twice."""
    by_start: dict[int, list[Found]] = defaultdict(list)
    for found in sorted(records, key=lambda found: (-found.size, not found.last)):
        by_start[found.fragment].append(found)
    dead: set[int] = set()
    chain: list[Found] = []
    waiting = [iter(by_start[0])]
    while waiting:
        one: Found | None = next(waiting[-1], None)
        if one is None:
            waiting.pop()
            if chain:
                dead.add(chain.pop().fragment)
            continue
        end = one.fragment + one.size
        if one.last and size in (None, end):
            return [*chain, one]
        if one.size and end not in dead and by_start.get(end):
            chain.append(one)
            waiting.append(iter(by_start[end]))
    return None

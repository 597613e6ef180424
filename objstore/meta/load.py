"""Load: a snapshot (format/snapshot.py) into an empty database, and what has changed since over it.

Only for recovery: nobody else uses the database meanwhile.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import orjson

from objstore.format.snapshot import END, HEAD, ROWS, TABLE, Frame, FrameReader
from objstore.meta.dump import COPY_SECONDS_MAX, PLACES
from objstore.meta.session import Session
from objstore.meta.tables import metadata
from objstore.model.errors import CorruptData

_SAME_KEY = "t.bucket_id = c.bucket_id AND t.slot = c.slot AND t.key = c.key"
# Rows that are other ones now, or are in the other table, or were replaced.
_APPLY = (
    f"DELETE FROM object AS t USING changed_object AS c WHERE {_SAME_KEY}",
    f"DELETE FROM version AS t USING changed_object AS c WHERE {_SAME_KEY} AND (t.seq = c.seq"
    " OR NOT (t.versioned OR c.versioned))",
    f"DELETE FROM version AS t USING changed_version AS c WHERE {_SAME_KEY} AND (t.seq = c.seq"
    " OR NOT (t.versioned OR c.versioned))",
    f"DELETE FROM object AS t USING changed_version AS c WHERE {_SAME_KEY} AND (t.version_id = c.version_id"
    " OR (c.marker AND c.noncurrent_since IS NULL AND t.seq < c.seq))",
    "INSERT INTO object SELECT * FROM changed_object",
    "INSERT INTO version SELECT * FROM changed_version",
    # Where bytes are shared with a copy, compaction has to find the copy; for too many names it just looks.
    "INSERT INTO link SELECT DISTINCT substring(extents FROM 56 * n + 1 FOR 16), bucket_id, key FROM"
    " (SELECT bucket_id, key, extents FROM changed_object UNION ALL"
    " SELECT bucket_id, key, extents FROM changed_version) AS c,"
    " generate_series(0, length(extents) / 56 - 1) AS n ON CONFLICT DO NOTHING",
    "DROP TABLE changed_object, changed_version",
)
_CHANGED = [f"CREATE TEMPORARY TABLE changed_{name} (LIKE {name} INCLUDING DEFAULTS)" for name in ("object", "version")]


@dataclass(frozen=True, slots=True)
class Head:
    """What a snapshot says of itself. ``since``: it has what changed after that; None: everything."""

    taken: datetime
    since: datetime | None
    cluster: str
    revision: str


async def head_of(pieces: AsyncIterator[bytes]) -> Head:
    """Read a snapshot to its end, for what it says of itself. Raises CorruptData unless it is whole."""
    head: Head | None = None
    async for frame in _frames(pieces):
        if frame.kind == HEAD:
            head = _head(frame)
    if head is None:
        raise CorruptData("the snapshot has no head")
    return head


async def load(session: Session, pieces: AsyncIterator[bytes]) -> Head:
    """Put a snapshot's rows in the place of those that are there, or over them. Raises CorruptData.

    Where bytes lie is not taken from it: volumes, shards and drives are what the drives themselves say.
    """
    frames = _Lookahead(_frames(pieces))
    head = _head(await frames.take(HEAD))
    if head.since is not None:
        for statement in _CHANGED:
            await session.execute(statement)
    while (frame := await frames.peek()) is not None and frame.kind == TABLE:
        about = orjson.loads((await frames.take(TABLE)).payload)
        name = str(about["name"])
        if name not in metadata.tables or name in PLACES:
            await _skip(frames)
            continue
        target = f"changed_{name}" if about["changed"] else name
        if not about["changed"]:
            await session.execute(f'TRUNCATE "{name}"')
        await session.copy_to_table(
            target, source=_rows(frames), columns=about["columns"], format="text", timeout=COPY_SECONDS_MAX
        )
    await frames.take(END)
    if head.since is not None:
        for statement in _APPLY:
            await session.execute(statement, timeout=COPY_SECONDS_MAX)
    return head


def _head(frame: Frame) -> Head:
    told = orjson.loads(frame.payload)
    since = told["since"]
    return Head(
        datetime.fromisoformat(told["taken"]),
        None if since is None else datetime.fromisoformat(since),
        told["cluster"],
        told["revision"],
    )


async def _frames(pieces: AsyncIterator[bytes]) -> AsyncIterator[Frame]:
    reader, last = FrameReader(), -1
    async for piece in pieces:
        for frame in reader.feed(piece):
            last = frame.kind
            yield frame
    if last != END or not reader.is_between:
        raise CorruptData("the snapshot is cut short")


class _Lookahead:
    def __init__(self, frames: AsyncIterator[Frame]) -> None:
        self._frames = frames
        self._next: list[Frame | None] = []  # the next frame, once it was looked at

    async def peek(self) -> Frame | None:
        if not self._next:
            self._next.append(await anext(self._frames, None))
        return self._next[0]

    async def take(self, kind: int) -> Frame:
        found = await self.peek()
        if found is None or found.kind != kind:
            raise CorruptData("the frames of the snapshot are not in order")
        self._next.clear()
        return found


async def _rows(frames: _Lookahead) -> AsyncIterator[bytes]:
    while (frame := await frames.peek()) is not None and frame.kind == ROWS:
        yield (await frames.take(ROWS)).payload


async def _skip(frames: _Lookahead) -> None:
    async for _ in _rows(frames):
        continue

"""Pieces: a body that comes in pieces of its own, for whom wants it in a buffer."""

from abc import ABC, abstractmethod


class Pieces(ABC):
    """Gives ``read_into`` of ``model.requests.Body`` to what has ``read``."""

    _rest = memoryview(b"")

    @abstractmethod
    async def read(self) -> bytes:
        """The next piece, ``b""`` at the end."""

    async def read_into(self, buffer: memoryview) -> int:
        """See ``model.requests.Body``; raises what ``read`` raises."""
        rest = self._rest or memoryview(await self.read())
        count = min(len(rest), len(buffer))
        buffer[:count] = rest[:count]
        self._rest = rest[count:]
        return count

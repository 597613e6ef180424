"""Where the bytes of a striped stripe lie: units over k columns, row by row; the last row in shorter units.

A stripe of D data bytes has R = D // (k·unit) full rows. What remains, if anything, is one tail row whose unit is as
short as it can be, so that a small remainder does not cost a full unit in each column.
"""

from dataclasses import dataclass

TAIL_UNIT_BYTES_MIN = 4096  # below this, spreading costs more reads than it saves bytes
TAIL_ALIGN_BYTES = 64


def tail_unit(k: int, unit: int, rest: int) -> int:
    """Unit of the tail row of ``rest`` bytes, 0 < rest < k·unit."""
    even = -(-rest // (k * TAIL_ALIGN_BYTES)) * TAIL_ALIGN_BYTES
    return min(unit, max(TAIL_UNIT_BYTES_MIN, even))


@dataclass(frozen=True, slots=True)
class StripeLayout:
    """Layout of one stripe: k columns, ``unit`` and ``data_bytes`` of it."""

    k: int
    unit: int
    data_bytes: int

    @property
    def row_bytes(self) -> int:
        """Data bytes of a full row."""
        return self.k * self.unit

    @property
    def full_rows(self) -> int:
        """Rows of full units."""
        return self.data_bytes // self.row_bytes

    @property
    def rest(self) -> int:
        """Data bytes of the tail row, 0 if there is none."""
        return self.data_bytes % self.row_bytes

    @property
    def tail(self) -> int:
        """Unit of the tail row, 0 if there is none."""
        return tail_unit(self.k, self.unit, self.rest) if self.rest else 0

    @property
    def lengths(self) -> tuple[int, ...]:
        """Bytes of each data column."""
        full, rest, tail = self.full_rows * self.unit, self.rest, self.tail
        return tuple(full + max(0, min(tail, rest - column * tail)) for column in range(self.k))

    @property
    def width(self) -> int:
        """Bytes of the widest column; parity columns have it all."""
        return self.lengths[0] if self.data_bytes else 0

    def pieces(self, start: int, end: int) -> list[tuple[int, int, int, int]]:
        """(column, offset in it, bytes, offset in the stripe's data) of each unit piece of data bytes [start, end)."""
        found: list[tuple[int, int, int, int]] = []
        full = self.full_rows * self.row_bytes
        at = start
        while at < end:
            unit = self.unit if at < full else self.tail
            base, row_at = (0, 0) if at < full else (full, self.full_rows * self.unit)
            index, within = divmod(at - base, unit)
            row, column = divmod(index, self.k)
            size = min(end - at, unit - within, self.data_bytes - at)
            found.append((column, row_at + row * unit + within, size, at))
            at += size
        return found


def stripe_bytes_for(k: int, unit: int, size_max: int, remaining: int) -> int:
    """Most data bytes of the next stripe of an object that has ``remaining`` bytes to go."""
    whole = size_max // (k * unit) * (k * unit)
    return min(whole, remaining)

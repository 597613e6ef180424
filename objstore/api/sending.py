"""Large pieces of answers go straight into their sockets.

Copying a mebibyte into a socket is a third of a millisecond of CPU, and uvloop keeps the GIL meanwhile: whatever else
the process does in threads (hashing, encoding, drives) would stand still.
"""

import asyncio
import socket
from contextlib import suppress
from typing import Any

PIECE_BYTES_MIN = 256 * 1024  # what is smaller is left to uvloop


def prepare(transport: asyncio.Transport) -> None:
    """Let whoever waits for the transport wait until it is empty: what it still holds has to go first."""
    transport.set_write_buffer_limits(high=PIECE_BYTES_MIN // 4, low=0)


def can_send(transport: asyncio.Transport) -> bool:
    """Whether a piece may go past the transport: never past TLS, in the clear and into the middle of its records."""
    is_plain = transport.get_extra_info("sslcontext") is None
    return is_plain and not transport.is_closing() and not transport.get_write_buffer_size()


def send(transport: asyncio.Transport, piece: Any) -> None:
    """Send what the socket takes at once; the rest waits in the transport, and must not change."""
    rest, own = memoryview(piece).cast("B"), transport.get_extra_info("socket")
    # The transport's descriptor, in an object that can send: only its own event loop closes it, which is here.
    connection = socket.socket(own.family, own.type, own.proto, own.fileno())
    with suppress(OSError):  # full, or broken: then the transport will meet the same error
        while len(rest):
            rest = rest[connection.send(rest, socket.MSG_DONTWAIT) :]
    connection.detach()
    if len(rest):
        transport.write(rest)

"""A proxy in front of Postgres that cuts the line at COMMIT, before or after the server has got it."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

SOCKET = ".s.PGSQL.5432"
COMMIT = b"Q" + struct.pack("!I", 4 + len(b"COMMIT\0")) + b"COMMIT\0"

Cut = Callable[["Line"], Awaitable[None]]


class Line:
    """One connection through the proxy. ``relaying``: whether the server's answers are passed on."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client, self.server = client, server
        self.relaying = True
        self.answered = asyncio.Event()

    async def deliver(self) -> None:
        """Pass COMMIT on and wait for the server's answer, which the client will not see."""
        self.relaying = False
        self.answered.clear()
        self.server.write(COMMIT)
        await self.answered.wait()

    def hang_up(self) -> None:
        """Cut the client off."""
        self.relaying = False
        self.client.transport.abort()


class Proxy:
    """Listens on a socket in ``directory``; ``at_commit`` is called once, instead of passing the next COMMIT on."""

    def __init__(self, url: str, directory: Path) -> None:
        parts = urlsplit(url)
        self._upstream = f"{parse_qs(parts.query)['host'][0]}/{SOCKET}"
        self._directory = directory
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path}?host={quote(str(directory), safe='')}"
        self.at_commit: Cut | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_unix_server(self._accept, str(self._directory / SOCKET))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(self._upstream)
        line = Line(writer, server_writer)
        for pump in (self._to_server(reader, line), self._to_client(server_reader, line)):
            task = asyncio.ensure_future(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _to_server(self, reader: asyncio.StreamReader, line: Line) -> None:
        try:
            while data := await reader.read(65536):
                if data == COMMIT and self.at_commit is not None:
                    cut, self.at_commit = self.at_commit, None
                    await cut(line)
                    break
                line.server.write(data)
        except ConnectionError:
            pass
        finally:
            line.server.close()

    async def _to_client(self, reader: asyncio.StreamReader, line: Line) -> None:
        try:
            while data := await reader.read(65536):
                if line.relaying:
                    line.client.write(data)
                line.answered.set()
        except ConnectionError:
            pass
        finally:
            line.answered.set()
            line.client.close()

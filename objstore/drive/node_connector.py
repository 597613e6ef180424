"""NodeConnector: opens the drives of nodes, each node over one link."""

import asyncio
from collections.abc import Collection

from objstore.drive.base import Drive
from objstore.drive.node_drive import NodeDrive
from objstore.drive.node_link import NodeLink
from objstore.model.volumes import Drive as DriveRow


class NodeConnector:
    """``key``: of the node protocol. A drive's address is http://HOST:PORT, ``#`` and where it is there."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._links: dict[str, NodeLink] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def connect(self, row: DriveRow, known: Drive | None) -> Drive | None:
        """See ``objstore.store.roster.Connector``. A drive of this process stays what it is."""
        address, _, _ = row.address.partition("#")
        if not address.startswith("http://") or not (known is None or isinstance(known, NodeDrive)):
            return known
        link = self._links.get(address)
        if link is None:
            try:
                link = self._links[address] = NodeLink(address, self._key)
            except ValueError:
                return known
            await link.open()
        if known is not None and known.link is link:
            return known
        return NodeDrive(row.id, row.tier, link)

    def forget_others(self, drives: Collection[Drive]) -> None:
        """Let go of nodes that none of these drives is on: a node that was moved has another address."""
        used = {drive.link for drive in drives if isinstance(drive, NodeDrive)}
        for address, link in list(self._links.items()):
            if link not in used:
                del self._links[address]
                closing = asyncio.ensure_future(link.close())
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Let go of all nodes."""
        for link in self._links.values():
            await link.close()
        if self._closing:
            await asyncio.wait(self._closing)

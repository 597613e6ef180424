"""Desk: where identities are changed: stored, known here at once, and told to all gateways before it is answered."""

from objstore.identity.directory import Directory
from objstore.identity.sealing import Sealer
from objstore.meta.bulletin import Bulletin
from objstore.meta.identities import Change, Identities, Result


class Desk:
    """``directory``: who there is, as this process knows it; ``sealer`` seals secrets."""

    def __init__(self, identities: Identities, directory: Directory, sealer: Sealer, bulletin: Bulletin) -> None:
        self.directory, self.sealer = directory, sealer
        self._identities, self._bulletin = identities, bulletin

    async def change(self, work: Change[Result]) -> Result:
        """Run ``work`` on the directory in turn with all others; see ``Identities.change``."""
        result = await self._identities.change(self.directory, work)
        await self._bulletin.announce("identity", "")
        return result

    async def announce(self, subject: str) -> None:
        """Have all gateways look anew at something else that was changed; never fails."""
        await self._bulletin.announce(subject, "")

    async def refresh(self) -> None:
        """Take in what others have changed."""
        await self._identities.refresh(self.directory)

"""Bring the database's schema up to this release, if it is not."""

import asyncio

from objstore.meta.revision import is_current


async def migrate(url: str) -> None:
    """Several starters at once take turns. Raises DatabaseUnavailable."""
    if await is_current(url):
        return
    # Alembic takes longer to load than all the rest of a node: most starts find nothing to do.
    from objstore.meta.migrate import upgrade

    await asyncio.to_thread(upgrade, url)

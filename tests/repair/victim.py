"""A healer that dies at a failpoint: ``python -m tests.repair.victim DRIVES URL FAILPOINT``."""

import asyncio
import os
import sys
from pathlib import Path

from objstore.work import failpoint
from tests.repair.world import World

DEAD = 9


async def main(root: str, url: str, name: str) -> None:
    """Heals until it dies; ends with 0 if it never came to the failpoint."""

    async def die() -> None:
        os._exit(DEAD)

    world = await World(Path(root), url).open()
    failpoint.arm(name, die)
    await world.planner.step()
    while await world.mender.step():
        pass
    while await world.sweeper.step():
        pass


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

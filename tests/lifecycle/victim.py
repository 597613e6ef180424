"""A lifecycle worker that dies at a failpoint: ``python -m tests.lifecycle.victim DRIVES URL FAILPOINT``."""

import asyncio
import os
import sys
from pathlib import Path

from objstore.lifecycle import walk
from objstore.lifecycle.engine import Engine, EngineSettings
from objstore.work import failpoint
from tests.store.place import Place

DEAD = 9


async def main(root: str, url: str, name: str) -> None:
    """Does what is due until it dies; ends with 0 if it never came to the failpoint."""

    async def die() -> None:
        os._exit(DEAD)

    walk.VISIBLE = -walk.VISIBLE
    place = await Place(Path(root), url).open()
    engine = Engine(place.store, place.database, None, EngineSettings(interval_seconds=0))
    await engine.sync()
    await engine.walk()
    failpoint.arm(name, die)
    await engine.work()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

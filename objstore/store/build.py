"""Build a store from its rooms."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from objstore.drive.base import Drive
from objstore.meta.buckets import Buckets
from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.meta.events import Events
from objstore.meta.moves import Movements
from objstore.meta.objects import Objects
from objstore.meta.restored import RestoredCopies
from objstore.meta.uploads import Uploads
from objstore.meta.volumes import Volumes
from objstore.model import clock
from objstore.model.profile import Profile
from objstore.model.volumes import Drive as DriveRow
from objstore.store.catalog import Catalog
from objstore.store.context import Context
from objstore.store.packer import Packer
from objstore.store.pool import VolumePool
from objstore.store.roster import Connector, Roster
from objstore.store.store import Store
from objstore.work.batcher import Batcher

# Digests and parity of large objects; small ones are computed in the loop. The digest of a stream holds a thread for as
# long as its bytes come: with few threads the parity of the same streams would wait for it.
COMPUTE_THREADS = 8
COMMITS_IN_FLIGHT = 2
LOOKUPS_IN_FLIGHT = 2

Observe = Callable[[str, int], None]


async def open_store(
    database: Database,
    drives: Sequence[Drive],
    profiles: Mapping[str, Profile],
    *,
    cluster_id: bytes,
    host: str,
    pid: int,
    rows: Sequence[DriveRow] = (),
    observe: Observe | None = None,
    serves_clients: bool = True,
    connector: Connector | None = None,
) -> Store:
    """A store over these drives, registered as a writer. ``rows``: where the drives are, for failure domains.

    ``observe`` is told (batch name, size) of each batch.
    ``serves_clients``: others give way to its work. ``connector``: opens the drives of nodes, as they come and go.
    Raises DatabaseUnavailable.
    """
    volumes, objects = Volumes(database), Objects(database)
    known = {row.id: row for row in rows}
    here = {drive.id: known.get(drive.id) or DriveRow(drive.id, drive.tier, host, "") for drive in drives}
    writer_id = clock.random_id()
    await volumes.register_writer(writer_id, host, pid)
    by_id = {drive.id: drive for drive in drives}
    catalog = Catalog(volumes, by_id)
    places = {i: replace(row) for i, row in here.items()}
    pool = VolumePool(volumes, places, by_id, catalog, profiles, cluster_id, writer_id, serves_clients)
    roster = Roster(Drives(database), by_id, places, pool, catalog.forget_all, connector)
    await roster.refresh()

    def told(name: str) -> Callable[[int], None] | None:
        return None if observe is None else lambda size: observe(name, size)

    def counted(name: str) -> Callable[[int], None]:
        """As ``told``, and counts what clients have this process do."""

        def tell(size: int) -> None:
            context.operations += size
            if observe is not None:
                observe(name, size)

        return tell

    context = Context(
        Buckets(database),
        objects,
        Events(database),
        Uploads(database),
        volumes,
        Movements(database),
        RestoredCopies(database),
        catalog,
        pool,
        Packer(pool, told("append")),
        Batcher(objects.lookup, in_flight=LOOKUPS_IN_FLIGHT, observe=counted("lookup"), name="lookup batch"),
        Batcher(objects.commit, in_flight=COMMITS_IN_FLIGHT, observe=counted("commit"), name="commit batch"),
        ThreadPoolExecutor(COMPUTE_THREADS, thread_name_prefix="compute"),
        counted("put"),
        serves_clients=serves_clients,
    )
    return Store(context, roster)

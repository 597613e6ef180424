"""Identities of a gateway: the directory in memory, the keyring over it, and what keeps it as the database has it."""

from collections.abc import Callable
from dataclasses import dataclass

from objstore.api.auth.keyring import DirectoryKeyring
from objstore.api.iam.desk import Desk
from objstore.api.iam.web_keys import WebKeys
from objstore.api.s3.call import Site
from objstore.cli.keys import sealer_of
from objstore.cli.quota_runner import QuotaRunner
from objstore.cli.spec import WorkerSpec
from objstore.identity.directory import Directory
from objstore.meta.bulletin import Bulletin
from objstore.meta.database import Database
from objstore.meta.identities import Identities
from objstore.store.context import Context


@dataclass(frozen=True, slots=True)
class GatewayIdentities:
    """``desk`` changes identities, ``keyring`` knows their keys, ``bulletin`` hears of changes."""

    desk: Desk
    keyring: DirectoryKeyring
    bulletin: Bulletin

    async def close(self) -> None:
        """Hear of nothing any more."""
        await self.bulletin.close()


async def open_identities(
    spec: WorkerSpec, database: Database, context: Context, quotas: QuotaRunner
) -> GatewayIdentities:
    """Read all there is, and listen; raises DatabaseUnavailable."""
    directory = Directory(spec.account_id, spec.owner_id, owners_manage=spec.owners_manage)
    identities = Identities(database)

    async def look() -> None:
        await identities.refresh(directory)

    async def hear(subject: str, name: str) -> None:
        if subject == "bucket":
            context.forget_bucket(name)
        elif subject == "quota":
            await quotas.look()
        else:
            await look()

    bulletin = Bulletin(spec.database_url, hear, look, is_pooled=spec.database_pooler)
    await bulletin.start()
    await look()

    async def announce(name: str) -> None:
        await bulletin.announce("bucket", name)

    context.announce = announce
    sealer = sealer_of(spec)
    keyring = DirectoryKeyring(directory, sealer, spec.access_key, spec.secret_key)
    return GatewayIdentities(Desk(identities, directory, sealer, bulletin), keyring, bulletin)


def site_of(spec: WorkerSpec, identities: GatewayIdentities) -> Site:
    """What handlers need to know of the place."""
    return Site(
        spec.region,
        spec.warm_on_head_days if spec.warm_on_head else 0,
        spec.sse_c_over_http,
        identities.desk.directory,
        spec.object_ownership,
        spec.public_access_block,
        spec.lenient,
        identities.desk,
        frozenset(target.name for target in spec.events),
        WebKeys(spec.oidc_private),
    )


def account_of_owner(directory: Directory) -> Callable[[str], str]:
    """What says the account that a canonical id belongs to, as ARNs have it; the id itself where nobody knows it."""

    def account_of(canonical: str) -> str:
        owner = directory.owner(canonical)
        return canonical if owner is None or not owner.account else owner.account

    return account_of

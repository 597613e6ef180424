"""Keys of encryption: the built-in key management, or Vault."""

from objstore.cli.spec import WorkerSpec
from objstore.identity.sealing import Sealer
from objstore.meta.database import Database
from objstore.meta.kms_keys import KmsKeys
from objstore.store.keys import Keys
from objstore.store.kms import Kms, LocalKms
from objstore.store.vault import VaultTransit


def sealer_of(spec: WorkerSpec) -> Sealer:
    """What seals with the server's master keys."""
    return Sealer([bytes.fromhex(key) for key in spec.master_keys])


async def open_keys(spec: WorkerSpec, database: Database) -> Keys:
    """The keys of a gateway; named keys of the settings are made if they are not there. Raises DatabaseUnavailable."""
    sealer = sealer_of(spec)
    kms: Kms
    if spec.vault_address:
        kms = VaultTransit(spec.vault_address, spec.vault_token, spec.vault_mount)
    else:
        kms = local = LocalKms(KmsKeys(database), sealer)
        for name in spec.kms_keys:
            await local.create(name)
    return Keys(sealer, kms, spec.kms_default_key)

"""VaultTransit: data keys are sealed by the transit engine of a HashiCorp Vault (or OpenBao) server.

https://developer.hashicorp.com/vault/api-docs/secret/transit
"""

import asyncio
import base64
from typing import Any

import orjson
import urllib3

from objstore.model.errors import ClusterError, CorruptData
from objstore.model.key_errors import no_such_key
from objstore.store.kms import local_name

SECONDS_MAX = 2.0
ANSWER_BYTES_MAX = 64 * 1024
_CONNECTIONS = 4


class VaultUnavailable(ClusterError):
    """Vault does not answer, or will not do what it is asked."""


class VaultTransit:
    """``address``: its base URL; ``mount``: of the transit engine. Aliases are not known there."""

    def __init__(self, address: str, token: str, mount: str = "transit") -> None:
        self._base = f"{address.rstrip('/')}/v1/{mount.strip('/')}"
        self._headers = {"X-Vault-Token": token, "Content-Type": "application/json"}
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=_CONNECTIONS, retries=False, timeout=SECONDS_MAX)

    async def resolve(self, name: str) -> str:
        """See ``Kms``."""
        short = local_name(name)
        if "/" in short or short.startswith("."):
            raise no_such_key(name)
        await self._ask("GET", f"keys/{short}", None, short)
        return short

    async def seal(self, key_id: str, data_key: bytes, context: bytes) -> bytes:
        """See ``Kms``."""
        body = {"plaintext": _text(data_key), "associated_data": _text(context)}
        answer = await self._ask("POST", f"encrypt/{key_id}", body, key_id)
        return str(answer["ciphertext"]).encode()

    async def open(self, key_id: str, sealed: bytes, context: bytes) -> bytes:
        """See ``Kms``."""
        body = {"ciphertext": sealed.decode(), "associated_data": _text(context)}
        answer = await self._ask("POST", f"decrypt/{key_id}", body, key_id)
        return base64.b64decode(answer["plaintext"])

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None, key_id: str) -> dict[str, Any]:
        status, raw = await asyncio.to_thread(self._send, method, path, body)
        if status == 404 or (status == 400 and b"key not found" in raw):
            raise no_such_key(key_id)
        if status == 400:
            raise CorruptData("Vault does not open a data key")
        if status != 200:
            raise VaultUnavailable(f"Vault answered {status}")
        found: dict[str, Any] = orjson.loads(raw)["data"]
        return found

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, bytes]:
        try:
            answer = self._pool.request(
                method,
                f"{self._base}/{path}",
                headers=self._headers,
                body=None if body is None else orjson.dumps(body),
                redirect=False,
                preload_content=False,
            )
            try:
                return answer.status, answer.read(ANSWER_BYTES_MAX)
            finally:
                answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise VaultUnavailable(f"Vault does not answer: {type(error).__name__}") from None


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()

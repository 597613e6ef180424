"""WebKeys: public keys of OpenID Connect providers, as their discovery documents name them, remembered for a while.

Only what an account's administrator has made a provider of is asked, at public addresses unless the operator allows
others, over connections that follow no redirect, for documents of bounded size.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson
import urllib3
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError

from objstore.events.pinned import Pinned, RefusedAddress
from objstore.model import clock
from objstore.model.identity_errors import IDPCommunicationError, InvalidIdentityToken

DOCUMENT_BYTES_MAX = 256 * 1024
SECONDS_MAX = 2.0
KEPT_SECONDS, AGAIN_SECONDS = 600.0, 30.0
PROVIDERS_MAX = 1000
_DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class _Known:
    keys: dict[str, PyJWK]
    at: float


class WebKeys:
    """``allow_private``: whether providers may be at addresses that are not public."""

    def __init__(self, allow_private: bool = False) -> None:
        self._allow_private = allow_private
        self._known: dict[str, _Known] = {}
        self._turn = asyncio.Lock()  # a crowd with new tokens asks once

    async def key(self, issuer: str, id_: str) -> PyJWK:
        """The key of an issuer (a URL) by its id; a key that is not known is looked for, at most every 30 s.

        Raises InvalidIdentityToken, IDPCommunicationError.
        """
        found = self._fresh(issuer, id_)
        if found is None:
            async with self._turn:
                known = self._known.get(issuer)
                if known is None or clock.monotonic_seconds() > known.at + AGAIN_SECONDS:
                    await self._learn(issuer)
                found = self._fresh(issuer, id_)
        if found is None:
            raise InvalidIdentityToken("No OpenIDConnect provider key matches the token's key id")
        return found

    def _fresh(self, issuer: str, id_: str) -> PyJWK | None:
        known = self._known.get(issuer)
        if known is None or clock.monotonic_seconds() > known.at + KEPT_SECONDS:
            return None
        return known.keys.get(id_)

    async def _learn(self, issuer: str) -> None:
        try:
            discovered = orjson.loads(await asyncio.to_thread(self._fetch, issuer.rstrip("/") + _DISCOVERY))
            keys = PyJWKSet.from_dict(orjson.loads(await asyncio.to_thread(self._fetch, str(discovered["jwks_uri"]))))
        except (OSError, RefusedAddress, ValueError, KeyError, TypeError, urllib3.exceptions.HTTPError) as error:
            raise IDPCommunicationError(
                f"The identity provider's keys could not be had: {type(error).__name__}"
            ) from None
        except PyJWTError:
            raise IDPCommunicationError("The identity provider's keys could not be read") from None
        if len(self._known) >= PROVIDERS_MAX:
            self._known.clear()
        by_id: dict[str, Any] = {str(key.key_id): key for key in keys.keys if key.key_id}
        self._known[issuer] = _Known(by_id, clock.monotonic_seconds())

    def _fetch(self, url: str) -> bytes:
        """A document. Raises OSError, RefusedAddress, ValueError, HTTPError."""
        pinned = Pinned(url, self._allow_private)
        pool = pinned.connect(SECONDS_MAX)
        try:
            answer = pool.request(
                "GET",
                pinned.target,
                headers={"Host": pinned.host_header, "Accept": "application/json"},
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = answer.read(DOCUMENT_BYTES_MAX + 1)
            answer.close()
        finally:
            pool.close()
        if answer.status != 200 or len(body) > DOCUMENT_BYTES_MAX:
            raise ValueError("no document")
        return bytes(body)

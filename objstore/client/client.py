"""Client and AsyncClient: the calls of the admin API over HTTP."""

import json
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from urllib3.exceptions import HTTPError

from objstore.client.calls import AsyncCalls, Calls
from objstore.client.errors import Unreachable
from objstore.client.wire import ADMIN, Access, access, check, decode, encode, signed

CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 300.0
STREAM_BYTES = 256 * 1024
T = TypeVar("T")


class Client(Calls):
    """Sends one request after another; may be shared by threads. Raises ClientError."""

    def __init__(
        self,
        endpoint: str,
        access_key: str | None = None,
        secret_key: str | None = None,
        *,
        region: str = "us-east-1",
        session_token: str | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        verify: bool | str = True,
    ) -> None:
        """``verify``: how a TLS certificate is checked; the path of an authority's file, or False for not at all."""
        super().__init__(self)
        self.access: Access = access(endpoint, access_key, secret_key, region, session_token)
        self._session = URLLib3Session(verify=verify, timeout=(connect_seconds, answer_seconds))

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def call(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """The JSON answer of the admin API to a request as it is, below /-/admin/v1; None if it has none."""
        answer = self.send(method, ADMIN + path, query, encode(body))
        return json.loads(answer) if answer else None

    def typed(self, type_: type[T], method: str, path: str, query: Mapping[str, Any] | None, body: Any = None) -> T:
        """The same, of a type."""
        return decode(self.send(method, ADMIN + path, query, encode(body)), type_)

    def empty(self, method: str, path: str, query: Mapping[str, Any] | None, body: Any = None) -> None:
        """The same, without an answer."""
        self.send(method, ADMIN + path, query, encode(body))

    def stream(self, path: str) -> Iterator[bytes]:
        """The answer to a GET of the admin API, as it comes."""
        request = signed(self.access, "GET", ADMIN + path)
        request.stream_output = True
        try:
            answer = self._session.send(request)
            if answer.status_code >= 400:
                check(int(answer.status_code), bytes(answer.content))
            yield from answer.raw.stream(STREAM_BYTES)
        except (BotoCoreError, HTTPError) as error:
            raise self._unreachable(error) from None

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: bytes = b"",
        content_type: str = "application/json",
    ) -> bytes:
        """Any signed request; the body of its answer."""
        try:
            answer = self._session.send(signed(self.access, method, path, query, body, content_type))
            status, content = int(answer.status_code), bytes(answer.content)
        except (BotoCoreError, HTTPError) as error:
            raise self._unreachable(error) from None
        check(status, content)
        return content

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(f"{self.access.endpoint} does not answer: {error}")


class AsyncClient(AsyncCalls):
    """The same, awaited; belongs to one event loop. Raises ClientError."""

    def __init__(
        self,
        endpoint: str,
        access_key: str | None = None,
        secret_key: str | None = None,
        *,
        region: str = "us-east-1",
        session_token: str | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        import aiohttp

        super().__init__(self)
        self.access: Access = access(endpoint, access_key, secret_key, region, session_token)
        timeout = aiohttp.ClientTimeout(total=answer_seconds, connect=connect_seconds)
        self._session = aiohttp.ClientSession(timeout=timeout)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def call(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """The JSON answer of the admin API to a request as it is, below /-/admin/v1; None if it has none."""
        answer = await self.send(method, ADMIN + path, query, encode(body))
        return json.loads(answer) if answer else None

    async def typed(
        self, type_: type[T], method: str, path: str, query: Mapping[str, Any] | None, body: Any = None
    ) -> T:
        """The same, of a type."""
        return decode(await self.send(method, ADMIN + path, query, encode(body)), type_)

    async def empty(self, method: str, path: str, query: Mapping[str, Any] | None, body: Any = None) -> None:
        """The same, without an answer."""
        await self.send(method, ADMIN + path, query, encode(body))

    async def send(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: bytes = b"") -> bytes:
        """Any signed request; the body of its answer."""
        import aiohttp
        from yarl import URL

        request = signed(self.access, method, path, query, body)
        headers = {name: _header(value) for name, value in request.headers.items()}
        try:
            async with self._session.request(
                method, URL(request.url, encoded=True), headers=headers, data=body or None
            ) as answer:
                status, content = answer.status, await answer.read()
        except (TimeoutError, aiohttp.ClientError) as error:
            raise Unreachable(f"{self.access.endpoint} does not answer: {error or 'it took too long'}") from None
        check(status, content)
        return content


def _header(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value

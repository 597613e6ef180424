"""What groups of calls need of a client."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Sender(Protocol):
    """Sends a request below /-/admin/v1. Raises ClientError."""

    def typed(self, type_: type[T], method: str, path: str, query: Mapping[str, Any] | None, body: Any = None) -> T: ...

    def empty(self, method: str, path: str, query: Mapping[str, Any] | None, body: Any = None) -> None: ...


class AsyncSender(Protocol):
    """The same, awaited."""

    async def typed(
        self, type_: type[T], method: str, path: str, query: Mapping[str, Any] | None, body: Any = None
    ) -> T: ...

    async def empty(self, method: str, path: str, query: Mapping[str, Any] | None, body: Any = None) -> None: ...

"""Which operation of the S3 model a request is, from a table made of the model's own HTTP traits.

An operation is known by its method, by what it addresses (service, bucket or object), by the sub-resource in its
request URI (``?acl``), and where several share these, by the query parameters and headers that it requires. A
sub-resource never falls through to the plain operation: ``DELETE /b/k?acl`` must not delete the object.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from urllib.parse import parse_qsl

from botocore.model import OperationModel

from objstore.api.s3.errors import S3Error
from objstore.api.s3.service import members_in, operation_model, service_model
from objstore.model.errors import InvalidArgument, InvalidRequest, MethodNotAllowed


class Level(IntEnum):
    """What a path addresses."""

    SERVICE = 0
    BUCKET = 1
    OBJECT = 2


@dataclass(frozen=True, slots=True)
class Route:
    """One operation's traits. ``fixed``: query values that the URI gives (``list-type=2``)."""

    operation: str
    method: str
    level: Level
    subresource: str | None
    fixed: tuple[tuple[str, str], ...]
    queries: frozenset[str]
    headers: frozenset[bytes]
    deprecated: bool

    @property
    def weight(self) -> tuple[int, int, int, bool]:
        """The more a route asks for, the earlier it is tried; a deprecated twin comes last."""
        return len(self.fixed), len(self.queries), len(self.headers), not self.deprecated


# Names in the URI of an operation that are parameters and name no sub-resource.
_PARAMETERS = frozenset({"list-type", "select-type"})
# Operations that share every trait with a general-purpose one and belong to another endpoint or to the past.
_TWINS_ELSEWHERE = frozenset({"ListDirectoryBuckets"})


def _route(model: OperationModel) -> Route:
    path, _, query = model.http["requestUri"].partition("?")
    fixed = tuple(parse_qsl(query, keep_blank_values=True))
    level = Level.OBJECT if "{Key+}" in path else Level.BUCKET if "{Bucket}" in path else Level.SERVICE
    required = set(model.input_shape.required_members) if model.input_shape else set()
    queries = {wire for wire, name in members_in(model.input_shape, "querystring").items() if name in required}
    headers = {
        wire.lower().encode() for wire, name in members_in(model.input_shape, "header").items() if name in required
    }
    subresource = next((name for name, value in fixed if not value and name not in _PARAMETERS), None)
    parameters = tuple((name, value) for name, value in fixed if value)
    deprecated = model.deprecated or model.name in _TWINS_ELSEWHERE
    return Route(model.name, model.http["method"], level, subresource, parameters, frozenset(queries),
                 frozenset(headers), deprecated)  # fmt: skip


def routes() -> list[Route]:
    """Every operation of the model, in its order."""
    return [_route(operation_model(name)) for name in service_model().operation_names]


class Router:
    """The table. ``is_plain`` recognises the usual requests, ``resolve`` answers all."""

    def __init__(self) -> None:
        self._by_place: dict[tuple[str, Level, str | None], list[Route]] = {}
        self._by_path: dict[tuple[str, str], str] = {}
        for route in routes():
            self._add(route)
        for candidates in self._by_place.values():
            candidates.sort(key=lambda route: route.weight, reverse=True)
        self.subresources = frozenset(name for _, _, name in self._by_place if name)
        self._methods = frozenset(method for method, _, _ in self._by_place)
        self._distinguishing = {place: _distinguishing(found) for place, found in self._by_place.items()}
        self._telling = self.subresources.union(
            *(names for (_, _, subresource), names in self._distinguishing.items() if subresource is None)
        )

    def _add(self, route: Route) -> None:
        path = operation_model(route.operation).http["requestUri"]
        if route.level is Level.SERVICE and path != "/":
            self._by_path[route.method, path.lstrip("/")] = route.operation
        else:
            self._by_place.setdefault((route.method, route.level, route.subresource), []).append(route)

    def is_plain(self, query: Mapping[str, str]) -> bool:
        """Whether nothing in the query makes a request for an object anything but the method's own operation."""
        return self._telling.isdisjoint(query)

    def resolve(
        self, method: str, bucket: str, has_key: bool, query: Mapping[str, str], headers: Collection[bytes]
    ) -> str:
        """The operation's name.

        Raises MethodNotAllowed, InvalidRequest (a sub-resource of buckets asked of a key) or InvalidArgument (a
        parameter that the operation cannot do without is missing, two sub-resources).
        """
        level = Level.OBJECT if has_key else Level.BUCKET if bucket else Level.SERVICE
        if bucket and not has_key and (method, bucket) in self._by_path:
            return self._by_path[method, bucket]
        subresource = self._subresource(query) if query else None
        place = (method, level, subresource)
        candidates = self._by_place.get(place)
        if candidates is None:
            raise self._nowhere(method, level, subresource)
        for route in candidates:
            if _fits(route, query, headers, self._distinguishing[place]):
                return route.operation
        if self._distinguishing[place].isdisjoint(query):
            raise self._nowhere(method, level, subresource)
        raise _missing(candidates, query)

    def _subresource(self, query: Iterable[str]) -> str | None:
        named = [name for name in query if name in self.subresources]
        if len(named) > 1:
            listed = ", ".join(sorted(named))
            raise InvalidArgument(f"Conflicting query string parameters: {listed}", ArgumentName="ResourceType")
        return named[0] if named else None

    def _nowhere(self, method: str, level: Level, subresource: str | None) -> Exception:
        if method not in self._methods:
            return MethodNotAllowed(Method=method, ResourceType=level.name)
        elsewhere = any((method, other, subresource) in self._by_place for other in Level)
        if subresource and level is Level.OBJECT and elsewhere:
            return InvalidRequest(f"There is no such thing as the ?{subresource} sub-resource for a key")
        if subresource and level is Level.BUCKET and elsewhere:
            return InvalidRequest(f"A key must be specified for the ?{subresource} sub-resource")
        kind = subresource.upper() if subresource else level.name
        return MethodNotAllowed(Method=method, ResourceType=kind)


def _distinguishing(candidates: list[Route]) -> frozenset[str]:
    """Query parameters that tell the candidates of one place apart: what some of them cannot do without."""
    if len(candidates) == 1 and candidates[0].subresource is not None:
        return frozenset()
    return frozenset[str]().union(*(route.queries for route in candidates))


def _fits(route: Route, query: Mapping[str, str], headers: Collection[bytes], distinguishing: frozenset[str]) -> bool:
    """Whether the request gives what tells this route from its neighbours, and nothing that only they take."""
    if any(query.get(name) != value for name, value in route.fixed if name in _PARAMETERS and name != "select-type"):
        return False
    if not distinguishing:
        return True
    given = distinguishing.intersection(query)
    if route.subresource is None and given != route.queries:
        return False
    return route.queries <= given and _headers_fit(route, headers)


def _headers_fit(route: Route, headers: Collection[bytes]) -> bool:
    return all(name in headers for name in route.headers)


def _missing(candidates: list[Route], query: Mapping[str, str]) -> Exception:
    wanted = sorted({name for route in candidates for name in route.queries if name not in query})
    if wanted:
        return S3Error("InvalidArgument", f"Missing required parameter: {wanted[0]}", ArgumentName=wanted[0])
    return InvalidRequest("Missing required header for this request")


@cache
def router() -> Router:
    """The one table, made on first use."""
    return Router()

"""Routes for everybody who signs: they answer with what the caller may know and do by their own policies, no more.

All other routes are for root credentials. Whether a path is one of these is asked of the decoded path, which is what
the routes are found by.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from fastapi import HTTPException, Request

from objstore.api.admin.state import AdminState
from objstore.api.auth.authenticator import Authenticated
from objstore.api.request import Request as S3Request
from objstore.api.s3.call import Call
from objstore.api.s3.errors import status_of
from objstore.model.errors import RequestError

AUTHENTICATED = "objstore.authenticated"
_ROUTES = (("GET", re.compile(r"/-/admin/v1/buckets/[^/]+/search\Z")), ("POST", re.compile(r"/-/admin/v1/presign\Z")))


def is_for_everybody(scope: Mapping[str, Any]) -> bool:
    """Whether a request's route sees to the caller's rights by itself."""
    return any(scope["method"] == method and path.match(scope["path"]) for method, path in _ROUTES)


def caller(request: Request) -> Authenticated:
    """Dependency of these routes: who asks."""
    authenticated: Authenticated = request.scope[AUTHENTICATED]
    return authenticated


def call_of(state: AdminState, request: Request, authenticated: Authenticated, operation: str, bucket: str) -> Call:
    """The S3 request that a question amounts to, with the same query: policies are asked about that."""
    assert state.store is not None
    assert state.site is not None
    scope = {**request.scope, "method": "GET", "raw_path": b"/" + quote(bucket, safe="").encode()}
    call = Call(S3Request(scope, request.receive), state.store, state.site)
    call.authenticated, call.operation = authenticated, operation
    return call


@contextmanager
def refusals() -> Iterator[None]:
    """S3's errors as this API has them."""
    try:
        yield
    except RequestError as error:
        raise HTTPException(status_of(error), f"{error} ({error.code})") from None

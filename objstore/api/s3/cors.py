"""CORS: a bucket's rules, preflight requests, and the headers of other answers.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from objstore.api.s3.call import NO_CONTENT, Answer, Call, Headers
from objstore.api.s3.errors import S3Error
from objstore.api.s3.names import is_plausible
from objstore.model.errors import InvalidRequest, MalformedXML, ObjstoreError

SETTING = "cors"
RULES_MAX = 100
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
_ORIGIN, _METHOD = b"origin", b"access-control-request-method"
_HEADERS = b"access-control-request-headers"
_VARY: tuple[bytes, bytes] = (
    b"vary",
    b"Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
)
_VALUE_CHARS_MAX = 2000
_UNSAFE = re.compile("[\x00-\x1f\x7f]")

Rule = dict[str, Any]


def check_cors(given: Mapping[str, Any]) -> None:
    """Raise MalformedXML or InvalidRequest unless rules are what PutBucketCors takes."""
    rules = given.get("CORSRules", [])
    if not 1 <= len(rules) <= RULES_MAX:
        raise MalformedXML
    for rule in rules:
        for method in rule["AllowedMethods"]:
            if method not in METHODS:
                raise InvalidRequest(
                    f"Found unsupported HTTP method in CORS config. Unsupported method is {method[:100]}"
                )
        for name, what in (("AllowedOrigins", "AllowedOrigin"), ("AllowedHeaders", "AllowedHeader")):
            for value in rule.get(name, ()):
                if value.count("*") > 1:
                    raise InvalidRequest(f'{what} "{value[:100]}" can not have more than one wildcard.')
        for value in rule.get("ExposeHeaders", ()):
            if "*" in value:
                raise InvalidRequest(
                    f'ExposeHeader "{value[:100]}" contains wildcard. We currently do not support wildcard for '
                    "ExposeHeader."
                )
            if _UNSAFE.search(value):
                raise InvalidRequest("ExposeHeader holds control characters.")


async def preflight(call: Call) -> Answer:
    """OPTIONS, which carries no credentials: 200 if a rule allows the request that is announced, else 403."""
    request = call.request
    if _ORIGIN not in request.headers:
        raise S3Error("BadRequest", "Insufficient information. Origin request header needed.")
    method = request.header(_METHOD)
    if method not in METHODS:
        raise S3Error("BadRequest", f"Invalid Access-Control-Request-Method: {method[:20] or 'null'}")
    rules = await _rules_of(call)
    asked = request.header(_HEADERS)
    names = [name.strip().lower() for name in asked.split(",") if name.strip()]
    rule = _find(rules, request.header(_ORIGIN), method, names)
    if rule is None:
        kind = "OBJECT" if request.key else "BUCKET"
        reason = "This CORS request is not allowed." if rules else "CORS is not enabled for this bucket."
        raise S3Error("AccessForbidden", f"CORSResponse: {reason}", Method=method, ResourceType=kind)
    headers = _allowed(rule, request.header(_ORIGIN))
    if names:
        headers.append((b"access-control-allow-headers", ", ".join(names).encode("latin-1", "replace")))
    return 200, [NO_CONTENT, *headers], b""


async def add_cors(headers: Headers, call: Call) -> None:
    """Add what tells a browser that it may show an answer to the page that asked."""
    request = call.request
    if request.method == "OPTIONS":
        return
    method = request.header(_METHOD) or request.method
    rule = _find(await _rules_of(call), request.header(_ORIGIN), method, [])
    if rule is not None:
        headers += _allowed(rule, request.header(_ORIGIN))


async def _rules_of(call: Call) -> list[Rule]:
    """The rules of the request's bucket; a bucket that is not there, or cannot be looked up, has none."""
    name = call.request.bucket
    rules: list[Rule] = []
    if name and is_plausible(name):
        with suppress(ObjstoreError):
            bucket = call.store.known_bucket(name) or await call.store.get_bucket(name)
            rules = (bucket.settings.get(SETTING) or {}).get("CORSRules", [])
    return rules


def _find(rules: list[Rule], origin: str, method: str, names: list[str]) -> Rule | None:
    """The first rule that allows the request."""
    if not origin or len(origin) > _VALUE_CHARS_MAX or sum(map(len, names)) > _VALUE_CHARS_MAX:
        return None
    for rule in rules:
        if method not in rule["AllowedMethods"] or not any(_fits(form, origin) for form in rule["AllowedOrigins"]):
            continue
        allowed = [form.lower() for form in rule.get("AllowedHeaders", ())]
        if all(any(_fits(form, name) for form in allowed) for name in names):
            return rule
    return None


@lru_cache(1024)
def _parts(form: str) -> tuple[str, str, str]:
    return form.partition("*")


def _fits(form: str, text: str) -> bool:
    before, star, after = _parts(form)
    if not star:
        return text == form
    return len(text) >= len(before) + len(after) and text.startswith(before) and text.endswith(after)


def _allowed(rule: Rule, origin: str) -> Headers:
    """A rule for all origins is told as such; another one names the origin, and then credentials may go with it."""
    anybody = "*" in rule["AllowedOrigins"]
    headers: Headers = [
        (b"access-control-allow-origin", b"*" if anybody else origin.encode("latin-1", "replace")),
        (b"access-control-allow-methods", ", ".join(rule["AllowedMethods"]).encode()),
    ]
    if rule.get("ExposeHeaders"):
        headers.append(
            (b"access-control-expose-headers", ", ".join(rule["ExposeHeaders"]).encode("latin-1", "replace"))
        )
    if "MaxAgeSeconds" in rule:
        headers.append((b"access-control-max-age", b"%d" % rule["MaxAgeSeconds"]))
    if not anybody:
        headers.append((b"access-control-allow-credentials", b"true"))
    return [*headers, _VARY]

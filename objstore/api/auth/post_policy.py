"""The policy of an HTML form: what its signer allows to be uploaded, and whether a form is that.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from objstore.api.s3.errors import S3Error
from objstore.api.s3.text import parse_iso_time
from objstore.model import clock
from objstore.model.errors import AccessDenied

POLICY_BYTES_MAX = 16 * 1024
CONDITIONS_MAX = 200
# Fields that no condition has to name: they are the signature, or of no effect.
_FREE = frozenset({"policy", "signature", "awsaccesskeyid", "x-amz-signature", "file", "bucket"})
_IGNORED, _CHECKSUMS = "x-ignore-", "x-amz-checksum-"


@dataclass(frozen=True, slots=True)
class PostPolicy:
    """``conditions``: (operator, field, value). ``low``, ``high``: bounds of the file's size, where there are any."""

    expires_seconds: float
    conditions: list[tuple[str, str, str]]
    low: int | None = None
    high: int | None = None

    def check(self, fields: Mapping[str, str], bucket: str, *, lenient: bool = False) -> None:
        """Raise AccessDenied unless the policy still holds and allows just these fields, for this bucket.

        ``fields``: lower-case names. The bucket is the one that the request goes to, whatever a field says.
        ``lenient``: a field that may begin with anything need not be there, and no condition has to name a checksum.
        """
        if self.expires_seconds <= clock.now_seconds():
            raise AccessDenied("Invalid according to Policy: Policy expired.")
        given = {**fields, "bucket": bucket}
        covered = set()
        for operator, name, value in self.conditions:
            covered.add(name)
            found = given.get(name, "" if lenient and operator == "starts-with" and not value else None)
            holds = found is not None and (found == value if operator == "eq" else _starts(name, found, value))
            if not holds:
                condition = orjson.dumps([operator, f"${name}", value]).decode()
                raise AccessDenied(f"Invalid according to Policy: Policy Condition failed: {condition}")
        if "bucket" not in covered:
            raise AccessDenied("Invalid according to Policy: the policy does not name the bucket.")
        free = (_IGNORED, _CHECKSUMS) if lenient else _IGNORED
        extra = [name for name in fields if name not in covered and name not in _FREE and not name.startswith(free)]
        if extra:
            raise AccessDenied(f"Invalid according to Policy: Extra input fields: {', '.join(sorted(extra))[:500]}")


def parse_policy(encoded: str) -> PostPolicy:
    """The policy of a form's field. Raises InvalidPolicyDocument."""
    if len(encoded) > POLICY_BYTES_MAX:
        raise _invalid("it is too long")
    try:
        document = orjson.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        raise _invalid("it is not base64 of JSON") from None
    if not isinstance(document, dict):
        raise _invalid("it is not an object")
    expiration, conditions = document.get("expiration"), document.get("conditions")
    moment = parse_iso_time(expiration) if isinstance(expiration, str) and "T" in expiration else None
    if moment is None:
        raise _invalid("expiration has to be an ISO 8601 time")
    if not isinstance(conditions, list) or len(conditions) > CONDITIONS_MAX:
        raise _invalid("conditions has to be a list")
    found: list[tuple[str, str, str]] = []
    low = high = None
    for condition in conditions:
        if isinstance(condition, dict) and condition:
            found += [("eq", *_pair(name, value)) for name, value in condition.items()]
        elif _is_range(condition):
            low, high = _range(condition)
        elif isinstance(condition, list) and len(condition) == 3:
            found.append(_matching(*condition))
        else:
            raise _invalid("a condition is malformed")
    return PostPolicy(moment.timestamp(), found, low, high)


def _is_range(condition: Any) -> bool:
    named = isinstance(condition, list) and bool(condition) and isinstance(condition[0], str)
    return named and condition[0].lower() == "content-length-range"


def _range(condition: list[Any]) -> tuple[int, int]:
    if len(condition) != 3:
        raise _invalid("content-length-range takes two numbers")
    low, high = (_number(value) for value in condition[1:])
    if low > high:
        raise _invalid("content-length-range is empty")
    return low, high


def _number(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _invalid("content-length-range takes two numbers that are not negative")


def _matching(operator: Any, field: Any, value: Any) -> tuple[str, str, str]:
    if not isinstance(operator, str) or not isinstance(field, str) or not field.startswith("$"):
        raise _invalid("a condition is malformed")
    if operator.lower() not in ("eq", "starts-with"):
        raise _invalid("a condition has an unknown operator")
    return (operator.lower(), *_pair(field[1:], value))


def _pair(name: str, value: Any) -> tuple[str, str]:
    if not isinstance(value, str):
        raise _invalid("a condition's value is not a string")
    return name.lower(), value


def _starts(name: str, found: str, value: str) -> bool:
    """Of a comma-separated list of content types each has to begin so."""
    parts = found.split(",") if name == "content-type" and "," in found else [found]
    return all(part.strip().startswith(value) for part in parts) if len(parts) > 1 else found.startswith(value)


def _invalid(why: str) -> S3Error:
    return S3Error("InvalidPolicyDocument", f"Invalid Policy: {why}.")

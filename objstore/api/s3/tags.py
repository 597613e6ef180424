"""Tags: of objects, also in the ``x-amz-tagging`` header, and of buckets.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
"""

import unicodedata
from collections.abc import Sequence
from urllib.parse import unquote_plus

from objstore.api.s3.errors import S3Error
from objstore.api.s3.xml_in import parse_input
from objstore.model.errors import InvalidArgument, InvalidTag
from objstore.model.limits import TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX

_PUNCTUATION = frozenset("_.:/=+-@")


def parse_tagging(header: bytes) -> dict[str, str] | None:
    """Tags of ``a=1&b=2``; None when there are none. Raises InvalidTag, InvalidArgument."""
    tags: dict[str, str] = {}
    for pair in header.decode("latin-1").split("&"):
        if not pair:
            continue
        name, value = _decode(pair)
        if name in tags:
            raise _malformed(header)
        _check(name, value)
        tags[name] = value
        if len(tags) > TAGS_MAX:
            raise S3Error("BadRequest", f"Object tags cannot be greater than {TAGS_MAX}")
    return tags or None


def check_tags(pairs: Sequence[tuple[str, str]], limit: int, too_many: str) -> dict[str, str] | None:
    """Tags of a document; None when there are none. Raises InvalidTag; BadRequest ``too_many``, as AWS, at the end."""
    tags: dict[str, str] = {}
    for name, value in pairs:
        if name in tags:
            raise InvalidTag("Cannot provide multiple Tags with the same key", TagKey=name)
        _check(name, value)
        tags[name] = value
    if len(tags) > limit:
        raise S3Error("BadRequest", too_many)
    return tags or None


def tags_of_document(document: bytes) -> dict[str, str] | None:
    """Tags of a form's field, which is a document as PutObjectTagging takes it. Raises MalformedXML, InvalidTag."""
    pairs = [(tag["Key"], tag["Value"]) for tag in parse_input("PutObjectTagging", document)["TagSet"]]
    return check_tags(pairs, TAGS_MAX, f"Object tags cannot be greater than {TAGS_MAX}")


def _decode(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    try:
        return tuple(unquote_plus(text, errors="strict") for text in (name, value))  # type: ignore[return-value]
    except UnicodeDecodeError:
        raise _malformed(pair.encode("latin-1")) from None


def _malformed(header: bytes) -> InvalidArgument:
    return InvalidArgument(
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
        "without tag name duplicates.",
        ArgumentName="x-amz-tagging",
        ArgumentValue=header.decode("latin-1")[:1000],
    )


def _check(name: str, value: str) -> None:
    if not 1 <= len(name) <= TAG_KEY_CHARS_MAX or not _allowed(name):
        raise InvalidTag("The TagKey you have provided is invalid", TagKey=name[:TAG_KEY_CHARS_MAX])
    if len(value) > TAG_VALUE_CHARS_MAX or not _allowed(value):
        raise InvalidTag("The TagValue you have provided is invalid", TagKey=name)
    if name.lower().startswith("aws:"):
        raise InvalidTag("System tags cannot be added/updated by requester", TagKey=name)


def _allowed(text: str) -> bool:
    """Letters, numbers and separators of any script, and a few signs."""
    return all(sign in _PUNCTUATION or unicodedata.category(sign)[0] in "LNZ" for sign in text)

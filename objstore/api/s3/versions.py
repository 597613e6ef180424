"""Version ids as clients see them: 32 hex digits, or ``null``."""

import re

from objstore.api.s3.call import Call, Headers
from objstore.model.errors import InvalidArgument
from objstore.model.objects import NULL_TEXT, NULL_VERSION, ObjectVersion

VERSION_ID = "versionId"
_MARKER_NAME = "version-id-marker"
_FORM = re.compile(r"[0-9a-f]{32}\Z")
_MARKER_FORM = re.compile(r"(null|[0-9a-f]{32})(?:\.([0-9a-f]{1,15}))?\Z")


def parse_version_id(text: str | None, name: str = VERSION_ID) -> bytes | None:
    """A version id of a request, NULL_VERSION for ``null``, None if there is none; raises InvalidArgument."""
    if text is None:
        return None
    if text == NULL_TEXT:
        return NULL_VERSION
    if not text:
        raise InvalidArgument("Version id cannot be the empty string", ArgumentName=name, ArgumentValue="")
    if not _FORM.match(text):
        raise _invalid(text, name)
    return bytes.fromhex(text)


def version_marker(version: ObjectVersion) -> str:
    """Where a listing goes on: the id and, since that version may be deleted before it does, its place in the key."""
    return f"{version.version_text}.{version.seq:x}"


def parse_version_marker(text: str) -> tuple[bytes, int | None]:
    """Inverse of ``version_marker``; a plain version id has no place. Raises InvalidArgument."""
    match = _MARKER_FORM.match(text)
    if match is None:
        raise _invalid(text, _MARKER_NAME)
    version_id, seq = match.groups()
    return NULL_VERSION if version_id == NULL_TEXT else bytes.fromhex(version_id), int(seq, 16) if seq else None


def add_version_id(headers: Headers, shown_id: str | None) -> None:
    """Add ``x-amz-version-id`` where answers have it: see ``ObjectVersion.shown_id``."""
    if shown_id is not None:
        headers.append((b"x-amz-version-id", shown_id.encode()))


def shown_on_write(call: Call, shown_id: str | None) -> str | None:
    """The version id as the answer to a write gives it: some servers do not tell of a ``null`` version."""
    return None if shown_id == NULL_TEXT and call.site.lenient else shown_id


def add_source_version_id(headers: Headers, source: ObjectVersion) -> None:
    """Add ``x-amz-copy-source-version-id``, where the source's bucket has versions."""
    if source.shown_id is not None:
        headers.append((b"x-amz-copy-source-version-id", source.shown_id.encode()))


def _invalid(text: str, name: str) -> InvalidArgument:
    return InvalidArgument("Invalid version id specified", ArgumentName=name, ArgumentValue=text[:1024])

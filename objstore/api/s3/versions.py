"""Version ids of buckets without versions: ``null`` is the object, and there is no other."""

import re

from objstore.model.errors import InvalidArgument, NoSuchVersion

# An id in this form could be one, and is not there; anything else is not an id at all.
_FORM = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")


def check_version_id(version_id: str | None) -> None:
    """Raise InvalidArgument or NoSuchVersion unless the id is absent or ``null``."""
    if version_id is None or version_id == "null":
        return
    if not version_id:
        raise InvalidArgument("Version id cannot be the empty string", ArgumentName="versionId", ArgumentValue="")
    if not _FORM.match(version_id):
        raise InvalidArgument("Invalid version id specified", ArgumentName="versionId", ArgumentValue=version_id[:1024])
    raise NoSuchVersion(VersionId=version_id)

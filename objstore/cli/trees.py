"""What lies below a prefix or a directory, in the order of keys, a page at a time."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from objstore.cli.places import Remote
from objstore.cli.problem import CommandError

PART_SUFFIX = ".objstore-part"  # of downloads that are under way, or were interrupted


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or object. ``name``: below what was looked through, with slashes. ``etag``, ``version_id``: of objects."""

    name: str
    size: int
    modified: datetime
    etag: str = ""
    storage_class: str = ""
    version_id: str = ""
    is_latest: bool = True
    is_marker: bool = False


def remote_tree(client: Any, place: Remote, start_after: str = "") -> Iterator[Entry]:
    """Objects below a prefix; names begin behind it."""
    arguments = {"Bucket": place.bucket, "Prefix": place.key}
    if start_after:
        arguments["StartAfter"] = start_after
    for page in client.get_paginator("list_objects_v2").paginate(**arguments):
        for one in page.get("Contents", ()):
            yield _object(place, one)


def remote_versions(client: Any, place: Remote) -> Iterator[Entry]:
    """Every version and delete marker below a prefix, by key."""
    for page in client.get_paginator("list_object_versions").paginate(Bucket=place.bucket, Prefix=place.key):
        found = [_version(place, one, False) for one in page.get("Versions", ())]
        found += [_version(place, one, True) for one in page.get("DeleteMarkers", ())]
        yield from sorted(found, key=lambda one: one.name)  # a key's own order stays


def local_tree(root: Path, told: Callable[[str], None]) -> Iterator[Entry]:
    """Files below a directory; ``told`` is called with what is left out. Raises CommandError for what cannot be read.

    Links to files are followed, links to directories are not: they may lead in circles.
    """
    yield from _walk(root, "", told)


def matcher(include: list[str], exclude: list[str]) -> Callable[[str], bool]:
    """Whether a name is meant: as any of ``include`` (all, if there are none) and as none of ``exclude``."""

    def is_meant(name: str) -> bool:
        wanted = not include or any(fnmatchcase(name, one) for one in include)
        return wanted and not any(fnmatchcase(name, one) for one in exclude)

    return is_meant


def _walk(directory: Path, prefix: str, told: Callable[[str], None]) -> Iterator[Entry]:
    try:
        with os.scandir(directory) as found:
            # A directory sorts as its keys do: with the slash.
            listed = sorted((f"{one.name}/" if one.is_dir(follow_symlinks=False) else one.name, one) for one in found)
    except OSError as error:
        raise CommandError(f"{directory}: {error.strerror}") from None
    for name, one in listed:
        if name.endswith("/"):
            yield from _walk(directory / one.name, prefix + name, told)
            continue
        if name.endswith(PART_SUFFIX):
            continue
        try:
            about = one.stat()
            name.encode()
        except OSError as error:
            told(f"{prefix}{name}: {error.strerror}")
            continue
        except UnicodeEncodeError:
            told(f"{prefix}{name!r}: the name is not UTF-8, and keys are")
            continue
        if stat.S_ISREG(about.st_mode):
            yield Entry(prefix + name, about.st_size, datetime.fromtimestamp(about.st_mtime, UTC))
        else:
            told(f"{prefix}{name}: no regular file")


def _object(place: Remote, one: dict[str, Any]) -> Entry:
    return Entry(
        one["Key"].removeprefix(place.key),
        one["Size"],
        one["LastModified"],
        one.get("ETag", ""),
        one.get("StorageClass", "STANDARD"),
    )


def _version(place: Remote, one: dict[str, Any], is_marker: bool) -> Entry:
    return Entry(
        one["Key"].removeprefix(place.key),
        one.get("Size", 0),
        one["LastModified"],
        one.get("ETag", ""),
        one.get("StorageClass", "STANDARD") if not is_marker else "",
        one["VersionId"],
        one["IsLatest"],
        is_marker,
    )

"""Where files and objects are: ``s3://BUCKET/KEY`` or a path, as commands are given them."""

import os
from dataclasses import dataclass
from pathlib import Path

from objstore.cli.problem import CommandError

SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class Remote:
    """``key``: a key, or the beginning of keys; empty for all of a bucket."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}"

    def folder(self) -> "Remote":
        """What is below it as a folder: with a slash at the end."""
        return self if not self.key or self.key.endswith("/") else Remote(self.bucket, f"{self.key}/")


Place = Remote | Path


def parse(text: str) -> Place:
    """Raises CommandError."""
    return parse_remote(text) if text.startswith(SCHEME) else Path(text)


def parse_remote(text: str) -> Remote:
    """Raises CommandError for what is none."""
    bucket, _, key = text.removeprefix(SCHEME).partition("/")
    if not text.startswith(SCHEME) or not bucket:
        raise CommandError(f"{text!r} names no bucket: write s3://BUCKET/KEY")
    return Remote(bucket, key)


def shown(text: str) -> str:
    """A name that a terminal may be sent: what does not print is written as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def below(root: Path, name: str) -> Path:
    """The file that a key becomes below a directory. Raises CommandError where it would lie elsewhere, or nowhere."""
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in name or os.sep != "/":
        raise CommandError(f"{shown(name)}: no file can have this name")
    return root.joinpath(*parts)

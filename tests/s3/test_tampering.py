"""Shards that somebody has rewritten so that every checksum in them is right: what is encrypted is never read wrong.

The same done to an object that is not encrypted goes unseen: so the forgery is one that only the seal can tell.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from objstore.format.checksum import block_checksums
from objstore.format.extent import STRIPED
from objstore.format.stripe import FIXED_BYTES, StripeHeader, peek_header_bytes, unpack_header
from tests.harness.server import Server
from tests.s3.test_append_encrypted import pieces
from tests.s3.test_encryption import KINDS, MIB, read_arguments

Place = tuple[Path, int]
Column = tuple[StripeHeader, bytearray]
_MAGIC = b"OSTR"


def columns_of(server: Server, key: str) -> dict[Place, Column]:
    """Header and bytes of each data column of the object's striped stripes, by shard file and offset."""
    found: dict[Place, Column] = {}
    for file in sorted(Path(server.data).rglob("*.shard")):
        raw = file.read_bytes()
        offset = raw.find(_MAGIC)
        while offset >= 0:
            size = peek_header_bytes(raw[offset : offset + FIXED_BYTES]) or 0
            head = raw[offset : offset + size]
            if raw[offset + 5] == STRIPED and key.encode() in head and raw[offset + 6] < raw[offset + 7]:
                header = unpack_header(head, bytes.fromhex(file.stem), offset, raw[offset + 6])
                begin = offset + header.header_bytes
                found[file, offset] = header, bytearray(raw[begin : begin + header.length_of(header.column)])
            offset = raw.find(_MAGIC, offset + 64)
    return found


def write(columns: dict[Place, Column]) -> None:
    """Put columns where they were, with checksums of what they are now."""
    for (file, offset), (header, column) in columns.items():
        forged = replace(header, checksums=tuple(block_checksums(memoryview(column))))
        with file.open("r+b") as opened:
            opened.seek(offset)
            opened.write(forged.pack() + column)


def flip(columns: dict[Place, Column]) -> None:
    """A bit in each 4 KiB."""
    for _, column in columns.values():
        for at in range(100, len(column), 4096):
            column[at] ^= 1


def read(s3: Any, **arguments: Any) -> bytes | None:
    """What is read; None where it breaks off, or is refused as a mistake of the server's."""
    try:
        content: bytes = s3.get_object(**arguments)["Body"].read()
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500  # noqa: PT017
        return None
    except (BotoCoreError, HTTPError):
        return None
    return content


@pytest.fixture
def trusting(server: Server) -> Any:
    """A client that takes what it gets: it compares no checksum by itself."""
    return server.s3(response_checksum_validation="when_required")


Made = tuple[dict[str, Any], bytes, dict[Place, Column], dict[Place, Column]]


@pytest.fixture
def make(s3: Any, bucket: str, server: Server) -> Callable[[str], Made]:
    """An object that was put and appended to, of a kind: its name, bytes, and the columns of both."""

    def made(kind: str) -> Made:
        name = {"Bucket": bucket, "Key": f"forged-{bucket}-{kind}"}
        first, second = pieces(2 * MIB, 2 * MIB)
        s3.put_object(**name, Body=first, **KINDS.get(kind, {}))
        base = columns_of(server, name["Key"])
        more = read_arguments(kind) if kind in KINDS else {}
        s3.put_object(**name, Body=second, WriteOffsetBytes=len(first), **more)
        appended = {place: column for place, column in columns_of(server, name["Key"]).items() if place not in base}
        assert base
        assert appended
        return {**name, **more}, first + second, base, appended

    return made


def test_what_is_not_sealed_shows_that_the_forgery_is_good(trusting: Any, make: Callable[[str], Made]) -> None:
    name, content, _, appended = make("plain")
    flip(appended)
    write(appended)
    found = read(trusting, **name)
    assert found is not None
    assert (len(found), found[: 2 * MIB]) == (len(content), content[: 2 * MIB])
    assert found != content


@pytest.mark.parametrize("kind", ["s3", "kms", "c"])
def test_flipped_bits_of_an_append(trusting: Any, make: Callable[[str], Made], kind: str) -> None:
    name, content, _, appended = make(kind)
    flip(appended)
    write(appended)
    assert read(trusting, **name) is None
    for begin, end in ((2 * MIB, 2 * MIB + 9), (2 * MIB - 5, 2 * MIB + 5), (3 * MIB, 4 * MIB - 1)):
        assert read(trusting, **name, Range=f"bytes={begin}-{end}") is None
    assert read(trusting, **name, Range="bytes=5-9") == content[5:10], "what was not touched is read"


def test_the_objects_own_bytes_in_another_place(trusting: Any, make: Callable[[str], Made]) -> None:
    """Sealed under the same key, but for another segment."""
    name, content, base, appended = make("s3")
    by_column = {header.column: column for header, column in base.values()}
    moved = {
        place: (header, bytearray(by_column[header.column][: len(column)].ljust(len(column), b"\0")))
        for place, (header, column) in appended.items()
    }
    write(moved)
    assert read(trusting, **name, Range=f"bytes={2 * MIB}-{3 * MIB}") is None
    assert read(trusting, **name) is None
    assert read(trusting, **name, Range="bytes=0-99") == content[:100]
    copied = {"Bucket": name["Bucket"], "Key": "copied"}
    source = f"{name['Bucket']}/{name['Key']}"
    with pytest.raises(ClientError):
        trusting.copy_object(**copied, CopySource=source, **KINDS["c"])
    assert "Contents" not in trusting.list_objects_v2(Bucket=name["Bucket"], Prefix="copied")
    trusting.copy_object(**copied, CopySource=source, **KINDS["kms"])  # seals the key anew, and reads no byte
    assert read(trusting, **copied) is None

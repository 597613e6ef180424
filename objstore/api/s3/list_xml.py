"""The XML of object listings, written by hand: a page of 1000 keys is the hottest document there is."""

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache

from objstore.api.s3.list_params import ListParams
from objstore.api.s3.service import XML_NAMESPACE
from objstore.api.s3.text import escape_key, escape_keys, escape_text, iso_time, url_encode, url_encode_keys
from objstore.api.s3.xml_out import DECLARATION
from objstore.model.checksum import Checksum
from objstore.model.objects import ObjectVersion, etag_text
from objstore.model.storage_class import shown_class

ENTRIES_A_TURN = 250  # a quarter of a millisecond and more
KeyText = Callable[[bytes], str]
# What is said at the end of entries, by (bucket id, key, version id).
Ends = Mapping[tuple[int, bytes, bytes], str]
_NO_ENDS: Ends = {}
# Owner elements of versions that have another owner than the rest, by (key, version id).
Owners = Mapping[tuple[bytes, bytes], str]
_NO_OWNERS: Owners = {}


def key_text(encode: bool) -> KeyText:
    """How keys are written: URL-encoded, or escaped for XML."""
    return url_encode if encode else escape_key


def element(name: str, text: str) -> str:
    """One element; ``text`` is already fit for XML."""
    return f"<{name}>{text}</{name}>" if text else f"<{name}/>"


def owner_xml(owner: tuple[str, str]) -> str:
    """The Owner of every entry of a page."""
    owner_id, display_name = owner
    return f"<Owner><ID>{escape_text(owner_id)}</ID><DisplayName>{escape_text(display_name)}</DisplayName></Owner>"


async def entries(
    versions: list[ObjectVersion],
    encode: bool,
    *,
    after: str = "",
    ends: Ends = _NO_ENDS,
    owners: Owners = _NO_OWNERS,
) -> str:
    """``Contents`` elements; ``after`` is put into each, or its own of ``owners``; its end into those that have one.

    ``encode``: as for ``key_text``. Gives way to other requests now and then: a full page takes longer than anybody
    else should wait.
    """
    out: list[str] = []
    for at in range(0, len(versions), ENTRIES_A_TURN):
        if at:
            await asyncio.sleep(0)
        turn = versions[at : at + ENTRIES_A_TURN]
        keys = _keys(turn, encode)
        if not ends and not owners:
            out += [_entry(version, key, "Contents", "", after, "") for version, key in zip(turn, keys, strict=True)]
            continue
        out += [
            _entry(version, key, "Contents", "", _owner(version, owners, after), _end(version, ends))
            for version, key in zip(turn, keys, strict=True)
        ]
    return "".join(out)


def _keys(versions: list[ObjectVersion], encode: bool) -> list[str]:
    keys = [version.key for version in versions]
    return url_encode_keys(keys) if encode else escape_keys(keys)


def _owner(version: ObjectVersion, owners: Owners, usual: str) -> str:
    return owners.get((version.key, version.version_id), usual) if owners else usual


def _end(version: ObjectVersion, ends: Ends) -> str:
    return ends.get((version.bucket_id, version.key, version.version_id), "") if ends else ""


def _entry(version: ObjectVersion, key: str, tag: str, before: str, after: str, end: str) -> str:
    etag = version.etag
    etag_hex = etag.hex() if len(etag) == 16 else etag_text(etag)
    packed = version.checksum
    checksum = _checksum_xml(packed[:3]) if packed else ""
    return (
        f"<{tag}><Key>{key}</Key>{before}<LastModified>{iso_time(version.modified)}</LastModified>"
        f"<ETag>&quot;{etag_hex}&quot;</ETag>{checksum}<Size>{version.size}</Size>{after}"
        f"<StorageClass>{shown_class(version.storage_class)}</StorageClass>{end}</{tag}>"
    )


async def version_entries(
    versions: list[ObjectVersion], encode: bool, owner: str, ends: Ends = _NO_ENDS, owners: Owners = _NO_OWNERS
) -> str:
    """``Version`` and ``DeleteMarker`` elements, in the order of the list."""
    out: list[str] = []
    for at in range(0, len(versions), ENTRIES_A_TURN):
        if at:
            await asyncio.sleep(0)
        turn = versions[at : at + ENTRIES_A_TURN]
        out += [
            _version_entry(version, key, _owner(version, owners, owner), _end(version, ends))
            for version, key in zip(turn, _keys(turn, encode), strict=True)
        ]
    return "".join(out)


def _version_entry(version: ObjectVersion, key: str, owner: str, end: str) -> str:
    latest = "true" if version.noncurrent_since is None else "false"
    known = f"<VersionId>{version.version_text}</VersionId><IsLatest>{latest}</IsLatest>"
    if not version.marker:
        return _entry(version, key, "Version", known, owner, end)
    return (
        f"<DeleteMarker><Key>{key}</Key>{known}"
        f"<LastModified>{iso_time(version.modified)}</LastModified>{owner}</DeleteMarker>"
    )


@lru_cache(1024)
def _checksum_xml(head: bytes) -> str:
    """What a listing says of a checksum, by its packed form without the digest."""
    checksum = Checksum.unpack(head)
    return f"<ChecksumAlgorithm>{checksum.algorithm}</ChecksumAlgorithm><ChecksumType>{checksum.type}</ChecksumType>"


def common_prefixes(prefixes: list[bytes], written: KeyText) -> str:
    """``CommonPrefixes`` elements."""
    return "".join(f"<CommonPrefixes><Prefix>{written(prefix)}</Prefix></CommonPrefixes>" for prefix in prefixes)


def page_head(root: str, bucket: str, params: ListParams, truncated: bool, *, plain_prefix: bool = False) -> str:
    """Declaration, root and the elements that all listings begin with.

    ``plain_prefix``: botocore does not decode that of version 1, and some servers do not encode it.
    """
    written = key_text(params.encode)
    prefix = escape_key(params.prefix) if plain_prefix else written(params.prefix)
    delimiter = element("Delimiter", written(params.delimiter)) if params.delimiter else ""
    encoding = "<EncodingType>url</EncodingType>" if params.encode else ""
    return (
        f'{DECLARATION}<{root} xmlns="{XML_NAMESPACE}">{element("Name", escape_text(bucket))}'
        f"{element('Prefix', prefix)}<MaxKeys>{params.limit}</MaxKeys>{delimiter}{encoding}"
        f"<IsTruncated>{'true' if truncated else 'false'}</IsTruncated>"
    )

"""GetObjectAttributes: ETag, checksum, parts, class and size without the bytes."""

import base64
from typing import Any

from objstore.api.s3.call import Answer, Call
from objstore.api.s3.checksums import checksum_fields
from objstore.api.s3.conditions import check_read
from objstore.api.s3.documents import render_page
from objstore.api.s3.list_params import limit_of, parse_count
from objstore.api.s3.objects_get import store_key
from objstore.api.s3.protection import customer_of
from objstore.api.s3.service import enum_of
from objstore.api.s3.versions import VERSION_ID, parse_version_id
from objstore.model.checksum import Checksum
from objstore.model.errors import InvalidArgument
from objstore.model.objects import ObjectVersion, etag_text
from objstore.model.storage_class import shown_class

_HEADER = "x-amz-object-attributes"


async def get_object_attributes(call: Call) -> Answer:
    """GetObjectAttributes: only what ``x-amz-object-attributes`` names."""
    request = call.request
    version_id = parse_version_id(call.query.get(VERSION_ID))
    wanted = _wanted(request.headers.get(_HEADER.encode()))
    version = call.found or await call.store.get(request.bucket, request.key, version_id)
    await store_key(call, version, customer_of(call))
    check_read(request.headers, version)
    checksum = Checksum.unpack(version.checksum) if version.checksum else None
    known: dict[str, Any] = {
        "ETag": etag_text(version.etag),
        "Checksum": checksum_fields(checksum) or None,
        "ObjectParts": _parts(call, version, checksum) if "ObjectParts" in wanted else None,
        "StorageClass": shown_class(version.storage_class),
        "ObjectSize": version.size,
    }
    values = {name: value for name, value in known.items() if name in wanted}
    listed = len((values.get("ObjectParts") or {}).get("Parts", ()))
    return await render_page(
        "GetObjectAttributes", {"LastModified": version.modified, "VersionId": version.shown_id, **values}, listed
    )


def _wanted(header: bytes | None) -> frozenset[str]:
    names = frozenset(name.strip() for name in (header or b"").decode("latin-1").split(",") if name.strip())
    if not names:
        raise InvalidArgument(
            f"The {_HEADER} header specifying the attributes to be retrieved is either missing or empty",
            ArgumentName=_HEADER,
        )
    if not names <= enum_of("ObjectAttributes"):
        raise InvalidArgument("Invalid attribute name specified.", ArgumentName=_HEADER)
    return names


def _parts(call: Call, version: ObjectVersion, checksum: Checksum | None) -> dict[str, Any] | None:
    """Parts, only of a multipart object; AWS lists them one by one only where they have checksums."""
    parts = call.store.parts_of(version)
    if not parts:
        return None
    if checksum is None or not parts[0][3]:
        return {"TotalPartsCount": len(parts)}
    headers = {name.decode(): value.decode("latin-1") for name, value in call.request.headers.items()}
    limit = limit_of(headers, "x-amz-max-parts")
    after = parse_count(headers.get("x-amz-part-number-marker") or "0", "x-amz-part-number-marker")
    rest = [part for part in parts if part[0] > after]
    page = rest[:limit]
    return {
        "TotalPartsCount": len(parts),
        "PartNumberMarker": after,
        "NextPartNumberMarker": page[-1][0] if page else after,
        "MaxParts": limit,
        "IsTruncated": len(rest) > len(page),
        "Parts": [_part(part, checksum.algorithm) for part in page],
    }


def _part(part: tuple[int, int, int, bytes], algorithm: str) -> dict[str, Any]:
    number, start, end, digest = part
    return {"PartNumber": number, "Size": end - start, f"Checksum{algorithm}": base64.b64encode(digest).decode()}

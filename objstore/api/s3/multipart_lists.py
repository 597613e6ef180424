"""ListParts and ListMultipartUploads."""

from typing import Any

from objstore.api.s3.call import Answer, Call
from objstore.api.s3.checksums import part_checksum
from objstore.api.s3.documents import render_page
from objstore.api.s3.expiration import add_abort
from objstore.api.s3.list_params import list_params, parse_count
from objstore.api.s3.multipart import parse_upload_id, upload_id_text
from objstore.api.s3.owners import upload_owner
from objstore.api.s3.text import url_encode
from objstore.model.errors import NoSuchUpload
from objstore.model.objects import Part, Upload
from objstore.model.requests import PartsPage, UploadsPage


async def list_parts(call: Call) -> Answer:
    """ListParts: the parts of an open upload by number."""
    request, query = call.request, call.query
    upload_id = parse_upload_id(query["uploadId"])
    params = list_params(query, "max-parts")
    after = parse_count(query.get("part-number-marker") or "0", "part-number-marker")
    page = await _parts(call, upload_id, after, params.limit)
    upload, owner = page.upload, upload_owner(call, page.upload)
    key = request.key.decode()
    status, headers, body = await render_page(
        "ListParts",
        {
            "Bucket": request.bucket,
            "Key": url_encode(request.key) if params.encode else key,
            "UploadId": upload_id_text(upload_id),
            "Initiator": owner,
            "Owner": owner,
            "StorageClass": upload.storage_class,
            "ChecksumAlgorithm": upload.checksum_algorithm,
            "ChecksumType": upload.checksum_type,
            "PartNumberMarker": after,
            "NextPartNumberMarker": page.next_number or (page.parts[-1].number if page.parts else after),
            "MaxParts": params.limit,
            "IsTruncated": page.next_number is not None,
            "Parts": [_part(part, upload) for part in page.parts],
        },
        len(page.parts),
    )
    add_abort(headers, call, upload)
    return status, headers, body


async def _parts(call: Call, upload_id: bytes, after: int, limit: int) -> PartsPage:
    request = call.request
    if limit == 0:
        return PartsPage(await call.store.get_upload(request.bucket, request.key, upload_id), [])
    return await call.store.list_parts(request.bucket, request.key, upload_id, after, limit)


def _part(part: Part, upload: Upload) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "PartNumber": part.number,
        "LastModified": part.modified,
        "ETag": f'"{part.etag.hex()}"',
        "Size": part.size,
    }
    checksum = part_checksum(part.checksum, upload.checksum_algorithm)
    return fields | ({f"Checksum{checksum[0]}": checksum[1]} if checksum else {})


async def list_multipart_uploads(call: Call) -> Answer:
    """ListMultipartUploads: the open uploads of a bucket by key, then by when they began."""
    query, bucket = call.query, call.request.bucket
    params = list_params(query, "max-uploads")
    key_marker = query.get("key-marker", "")
    marker = query.get("upload-id-marker", "") if key_marker else ""  # AWS ignores it without a key marker
    page = UploadsPage([], [])
    if params.limit == 0:
        await call.store.get_bucket(bucket)
    else:
        page = await call.store.list_uploads(
            bucket, params.prefix, params.delimiter, key_marker.encode(), _upload_marker(marker), params.limit
        )

    def written(key: bytes) -> str:
        return url_encode(key) if params.encode else key.decode()

    return await render_page(
        "ListMultipartUploads",
        {
            "Bucket": bucket,
            "KeyMarker": written(key_marker.encode()),
            "UploadIdMarker": marker,
            "NextKeyMarker": written(page.next_key) if page.next_key is not None else None,
            "NextUploadIdMarker": upload_id_text(page.next_upload_id) if page.next_upload_id else None,
            "Delimiter": written(params.delimiter) if params.delimiter else None,
            "Prefix": written(params.prefix),
            "EncodingType": "url" if params.encode else None,
            "MaxUploads": params.limit,
            "IsTruncated": page.next_key is not None,
            "Uploads": [_upload(upload, written(upload.key), upload_owner(call, upload)) for upload in page.uploads],
            "CommonPrefixes": [{"Prefix": written(prefix)} for prefix in page.prefixes],
        },
        len(page.uploads),
    )


def _upload_marker(text: str) -> bytes | None:
    """The upload to go on after; one that is none of ours means: all uploads of the key are done with."""
    if not text:
        return None
    try:
        return parse_upload_id(text)
    except NoSuchUpload:
        return b"\xff" * 16


def _upload(upload: Upload, key: str, owner: dict[str, Any]) -> dict[str, Any]:
    return {
        "Key": key,
        "UploadId": upload_id_text(upload.id),
        "Initiator": owner,
        "Owner": owner,
        "StorageClass": upload.storage_class,
        "Initiated": upload.created,
        "ChecksumAlgorithm": upload.checksum_algorithm,
        "ChecksumType": upload.checksum_type,
    }

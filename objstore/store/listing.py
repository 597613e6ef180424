"""LIST: pages of keys, and of uploads."""

from objstore.model.objects import ObjectVersion, Upload
from objstore.model.requests import ListPage, ListRequest, UploadsPage
from objstore.store.context import Context

Entries = list[ObjectVersion | bytes]  # the class has a method of the name list


class Listings:
    """ListObjects, ListObjectsV2, ListObjectVersions, ListMultipartUploads."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, request: ListRequest) -> ListPage:
        """A page of keys and common prefixes in order. Raises NoSuchBucket."""
        limit, bucket = request.limit, await self._context.bucket(request.bucket)
        found = await self._page(bucket.id, request)
        if not found:
            # A key proves that its bucket is there; without any, the bucket may be gone, or have been made anew.
            fresh = await self._context.fresh_bucket(request.bucket)
            found = await self._page(fresh.id, request) if fresh.id != bucket.id else found
        page = found[:limit]
        last = page[-1] if page else None
        after = last if isinstance(last, bytes) or last is None else last.key
        return ListPage(
            [item for item in page if not isinstance(item, bytes)],
            [item for item in page if isinstance(item, bytes)],
            after if len(found) > limit else None,
        )

    async def _page(self, bucket_id: int, request: ListRequest) -> Entries:
        """One more than asked for, to see whether more follow."""
        objects, limit = self._context.objects, request.limit + 1
        if limit <= 1:
            return []
        if request.delimiter:
            return list(
                await objects.list_delimited(bucket_id, request.prefix, request.delimiter, request.after, limit)
            )
        return list(await objects.list_page(bucket_id, request.prefix, request.after, limit))

    async def list_uploads(
        self, bucket: str, prefix: bytes, delimiter: bytes, key_marker: bytes, upload_marker: bytes | None, limit: int
    ) -> UploadsPage:
        """A page of open uploads by key and time. Raises NoSuchBucket."""
        bucket_id = (await self._context.fresh_bucket(bucket)).id
        page = UploadsPage([], [])
        groups: set[bytes] = set()
        while limit > 0:
            batch = await self._context.uploads.page(bucket_id, prefix, key_marker, upload_marker, limit + 1)
            for upload in batch:
                group = _group(upload, prefix, delimiter)
                if group not in groups and len(page.uploads) + len(groups) == limit:
                    page.next_key, page.next_upload_id = key_marker, upload_marker
                    page.prefixes = sorted(groups)
                    return page
                if group is None:
                    page.uploads.append(upload)
                else:
                    groups.add(group)
                key_marker, upload_marker = upload.key, upload.id
            if len(batch) <= limit:
                break
        page.prefixes = sorted(groups)
        return page


def _group(upload: Upload, prefix: bytes, delimiter: bytes) -> bytes | None:
    """The common prefix that an upload falls under, None if it is listed itself."""
    at = upload.key.find(delimiter, len(prefix)) if delimiter else -1
    return upload.key[: at + len(delimiter)] if at >= 0 else None

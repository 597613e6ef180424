"""LIST: pages of keys, and of uploads."""

from objstore.model.objects import ObjectVersion, Upload
from objstore.model.requests import ListPage, ListRequest, ListVersionsPage, ListVersionsRequest, UploadsPage
from objstore.store.context import Context

SEQ_MAX = 2**63 - 1
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

    async def list_versions(self, request: ListVersionsRequest) -> ListVersionsPage:
        """A page of versions and markers by key, newest first in a key. Raises NoSuchBucket."""
        bucket = await self._context.fresh_bucket(request.bucket)
        limit, objects = request.limit, self._context.objects
        if limit <= 0:
            return ListVersionsPage([], [])
        after = (request.key_marker, await self._seq(bucket.id, request))
        found = await objects.list_versions(bucket.id, request.prefix, request.delimiter, after, limit + 1)
        page = found[:limit]
        last = page[-1] if page else b""
        next_after = (last, None) if isinstance(last, bytes) else (last.key, last)
        return ListVersionsPage(
            [item for item in page if not isinstance(item, bytes)],
            [item for item in page if isinstance(item, bytes)],
            next_after if len(found) > limit else None,
        )

    async def _seq(self, bucket_id: int, request: ListVersionsRequest) -> int | None:
        """Where to go on in the key of the marker. A version that has been deleted since has left no trace of its
        place: then the whole key comes again, for what is left of it must not be missed.
        """
        if request.version_marker is None:
            return None
        version_id, seq = request.version_marker
        if seq is not None:
            return seq
        found = (await self._context.objects.lookup_versions([(bucket_id, request.key_marker, version_id)]))[0]
        return SEQ_MAX if found is None else found.seq

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

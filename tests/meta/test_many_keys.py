"""Listings with a delimiter over ten million keys (A74): each page costs what it shows, whatever lies between."""

from typing import Any

import pytest

from tests.meta.world import World, new_bucket

MILLIONS = 10
# Ten million keys below a thousand prefixes, and those below ten: like days of a log.
_FILL = """
    INSERT INTO object (bucket_id, size, seq, modified, slot, storage_class, key, version_id, etag, extents)
    SELECT $1, 1, 1, now(), (i % 16)::smallint, 0,
           convert_to(format('p%s/%s/%s', lpad((i % 1000)::text, 4, '0'), lpad((i % 10000)::text, 5, '0'), i), 'UTF8'),
           decode(lpad(to_hex(i), 32, '0'), 'hex'), '\\x00'::bytea, '\\x'::bytea
    FROM generate_series($2::bigint, $3::bigint) AS i
"""


@pytest.mark.soak
async def test_ten_million_keys(world: World, raw: Any) -> None:
    """Every statement has the deadline that a request has: whoever walked through all keys would break it."""
    bucket = await world.buckets.create(new_bucket())
    for million in range(MILLIONS):
        await raw.execute(_FILL, bucket.id, million * 10**6, (million + 1) * 10**6 - 1)
    await raw.execute("ANALYZE object")
    objects, seen, after = world.objects, list[bytes](), b""
    while page := await objects.list_delimited(bucket.id, b"", b"/", after, 100):
        assert all(isinstance(entry, bytes) for entry in page)
        seen += page  # type: ignore[arg-type]
        after = seen[-1]
    assert seen == [b"p%04d/" % number for number in range(1000)]
    below = await objects.list_delimited(bucket.id, b"p0007/", b"/", b"", 1000)
    assert below == [b"p0007/%05d/" % (number * 1000 + 7) for number in range(10)]
    middle = await objects.list_page(bucket.id, b"p05", b"p0500/", 1000)
    assert len(middle) == 1000
    last = await objects.list_delimited(bucket.id, b"", b"/", b"p0998/", 1000)
    assert last == [b"p0999/"]
    none = await objects.list_delimited(bucket.id, b"p0500", b"q", b"", 3)
    assert len(none) == 3

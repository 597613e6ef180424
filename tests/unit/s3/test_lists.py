"""ListObjects, ListObjectsV2, ListObjectVersions."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote_plus

import pytest
from botocore.model import ServiceModel
from botocore.parsers import RestXMLParser
from hypothesis import given
from hypothesis import strategies as st

from objstore.api.s3.list_params import ListParams, make_token, parse_token
from objstore.api.s3.list_xml import common_prefixes, entries, key_text, page_head
from objstore.api.s3.service import operation_model, service_model
from objstore.api.s3.text import escape_keys, url_encode_keys
from objstore.model.checksum import Checksum
from objstore.model.errors import InvalidArgument
from objstore.model.objects import ObjectVersion
from tests.unit.s3.conftest import OWNER
from tests.unit.s3.fake_store import FakeStore
from tests.unit.s3.refused import refused
from tests.unit.s3.wire import Wire

KEYS = ["a", "a/1", "a/2", "b/1", "b/2/3", "c", "d é", "e+f", 'q"<&>']


@pytest.fixture
def filled(s3: Any) -> Any:
    for key in KEYS:
        s3.put_object(Bucket="bucket", Key=key, Body=key.encode())
    return s3


def keys_of(page: dict[str, Any]) -> list[str]:
    return [entry["Key"] for entry in page.get("Contents", [])]


def prefixes_of(page: dict[str, Any]) -> list[str]:
    return [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2", "list_object_versions"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_pages_hold_every_key_once(filled: Any, operation: str, size: int) -> None:
    field = "Versions" if operation == "list_object_versions" else "Contents"
    pages = list(filled.get_paginator(operation).paginate(Bucket="bucket", PaginationConfig={"PageSize": size}))
    assert [entry["Key"] for page in pages for entry in page[field]] == sorted(KEYS, key=str.encode)
    assert [page["IsTruncated"] for page in pages] == [True] * (len(pages) - 1) + [False]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2", "list_object_versions"])
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_delimiter(filled: Any, operation: str, size: int) -> None:
    pages = filled.get_paginator(operation).paginate(
        Bucket="bucket", Delimiter="/", PaginationConfig={"PageSize": size}
    )
    field = "Versions" if operation == "list_object_versions" else "Contents"
    found = list(pages)
    assert [entry["Key"] for page in found for entry in page.get(field, [])] == ["a", "c", "d é", "e+f", 'q"<&>']
    assert [prefix for page in found for prefix in prefixes_of(page)] == ["a/", "b/"]


def test_entry(filled: Any) -> None:
    entry = filled.list_objects_v2(Bucket="bucket", Prefix="a/1", FetchOwner=True)["Contents"][0]
    head = filled.head_object(Bucket="bucket", Key="a/1")
    assert (entry["ETag"], entry["Size"], entry["StorageClass"]) == (head["ETag"], 3, "STANDARD")
    assert entry["LastModified"] == head["LastModified"]
    assert (entry["ChecksumAlgorithm"], entry["ChecksumType"]) == (["CRC32"], "FULL_OBJECT")
    assert entry["Owner"] == {"ID": OWNER, "DisplayName": "root"}
    assert "Owner" not in filled.list_objects_v2(Bucket="bucket", Prefix="a/1")["Contents"][0]
    assert "Owner" in filled.list_objects(Bucket="bucket", Prefix="a/1")["Contents"][0]


def test_etag_is_quoted_in_xml(filled: Any, wire: Wire) -> None:
    body = wire("GET", "/bucket?list-type=2&prefix=c").body
    assert b"<ETag>&quot;4a8a08f09d37b73795649038408b5f33&quot;</ETag>" in body
    assert b".000Z</LastModified>" in body


def test_v2_fields(filled: Any) -> None:
    page = filled.list_objects_v2(Bucket="bucket", MaxKeys=2, StartAfter="a", Prefix="", Delimiter="")
    assert keys_of(page) == ["a/1", "a/2"]
    assert (page["KeyCount"], page["MaxKeys"], page["IsTruncated"]) == (2, 2, True)
    assert (page["StartAfter"], page["Name"], page["Prefix"]) == ("a", "bucket", "")
    assert "Delimiter" not in page
    token = page["NextContinuationToken"]
    rest = filled.list_objects_v2(Bucket="bucket", ContinuationToken=token, StartAfter="a", Delimiter="/")
    assert rest["ContinuationToken"] == token
    assert prefixes_of(rest) == ["b/"]


def test_v1_fields(filled: Any) -> None:
    page = filled.list_objects(Bucket="bucket", MaxKeys=2, Marker="a/2")
    assert keys_of(page) == ["b/1", "b/2/3"]
    assert (page["Marker"], page["IsTruncated"]) == ("a/2", True)
    assert "NextMarker" not in page
    page = filled.list_objects(Bucket="bucket", MaxKeys=2, Delimiter="/")
    assert (keys_of(page), prefixes_of(page), page["NextMarker"]) == (["a"], ["a/"], "a/")
    page = filled.list_objects(Bucket="bucket", MaxKeys=2, Delimiter="/", Marker=page["NextMarker"])
    assert (keys_of(page), prefixes_of(page)) == (["c"], ["b/"])


def test_versions_of_an_unversioned_bucket(filled: Any) -> None:
    page = filled.list_object_versions(Bucket="bucket", MaxKeys=2)
    first = page["Versions"][0]
    assert (first["Key"], first["VersionId"], first["IsLatest"]) == ("a", "null", True)
    assert (page["NextKeyMarker"], page["NextVersionIdMarker"]) == ("a/1", "null.1")
    page = filled.list_object_versions(Bucket="bucket", KeyMarker="a/1", VersionIdMarker="null.1", MaxKeys=1)
    assert page["Versions"][0]["Key"] == "a/2"
    assert "DeleteMarkers" not in page
    page = filled.list_object_versions(Bucket="bucket", Delimiter="/", MaxKeys=2)
    assert page["NextKeyMarker"] == "a/"
    assert "NextVersionIdMarker" not in page


@pytest.mark.parametrize("kind", ["", "list-type=2&", "versions&", "uploads&"])
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{max}=-1", "InvalidArgument"),
        ("{max}=x", "InvalidArgument"),
        ("{max}=10000000000", "InvalidArgument"),
        ("{max}=1e3", "InvalidArgument"),
        ("encoding-type=base64", "InvalidArgument"),
        ("prefix=%FF", "InvalidURI"),
    ],
)
def test_bad_parameters(wire: Wire, kind: str, query: str, code: str) -> None:
    query = query.format(max="max-uploads" if kind == "uploads&" else "max-keys")
    assert wire("GET", f"/bucket?{kind}{query}").outcome == (400, code)


@pytest.mark.parametrize("kind", ["", "list-type=2&", "versions&"])
def test_max_keys(filled: Any, wire: Wire, kind: str) -> None:
    none = wire("GET", f"/bucket?{kind}max-keys=0").xml
    assert (none.findtext("IsTruncated"), none.findtext("MaxKeys")) == ("false", "0")
    assert none.find("Contents") is None
    assert wire("GET", f"/nothing?{kind}max-keys=0").outcome == (404, "NoSuchBucket")
    assert wire("GET", f"/bucket?{kind}max-keys=5000").xml.findtext("MaxKeys") == "1000"
    assert wire("GET", f"/bucket?{kind}max-keys=").xml.findtext("MaxKeys") == "1000"


@pytest.mark.parametrize("token", ["x", "!!!", "AAAA", "a" * 3000, "%00"])
def test_bad_tokens(wire: Wire, token: str) -> None:
    reply = wire("GET", f"/bucket?list-type=2&continuation-token={token}")
    assert reply.outcome == (400, "InvalidArgument")
    assert reply.xml.findtext("Message") == "The continuation token provided is incorrect"


@given(st.binary(max_size=50), st.text(max_size=70))
def test_tokens_come_back_or_are_refused(after: bytes, other: str) -> None:
    token = make_token("bucket", after)
    assert parse_token("bucket", token) == after
    for bucket, text in (("other", token), ("bucket", other), ("bucket", token[:-1])):
        with pytest.raises(InvalidArgument):
            parse_token(bucket, text)


@pytest.mark.parametrize(
    ("query", "ok"),
    [
        ("version-id-marker=null", False),
        ("key-marker=a&version-id-marker=", False),
        ("key-marker=a&version-id-marker=x", False),
        ("key-marker=a&version-id-marker=null", True),
        ("key-marker=&version-id-marker=", True),
    ],
)
def test_version_markers(wire: Wire, query: str, ok: bool) -> None:
    assert wire("GET", f"/bucket?versions&{query}").status == (200 if ok else 400)


@pytest.mark.parametrize("prefix", ["%25", "_", "'", '"', "%5C", "%00", "a%25", "'%3B%20DROP%20TABLE%20object--"])
def test_prefix_is_no_pattern(filled: Any, wire: Wire, prefix: str) -> None:
    listed = wire("GET", f"/bucket?list-type=2&encoding-type=url&prefix={prefix}&delimiter={prefix}").xml
    assert listed.find("Contents") is None
    assert listed.find("CommonPrefixes") is None


def test_list_v1_ignores_unknown_parameters_and_slash(filled: Any, wire: Wire) -> None:
    for target in ("/bucket", "/bucket/", "/bucket?unknown=1&x-id=ListObjects", "/bucket/?delimiter="):
        assert len(wire("GET", target).xml.findall("Contents")) == len(KEYS)


# Whatever UTF-8 can hold, and often what XML cannot.
odd_keys = st.lists(
    st.text(
        st.characters(codec="utf-8") | st.sampled_from("\x00\x01\x1f\x7f\x85\ufffe<>&\"' +/%\r\n\t"),
        min_size=1,
        max_size=20,
    ),
    max_size=8,
)


def version(key: bytes) -> ObjectVersion:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    return ObjectVersion(
        1, key, b"", 7, bytes(16), moment, "STANDARD", b"", checksum=Checksum("CRC32", bytes(4)).pack()
    )


def parse(document: str) -> dict[str, Any]:
    model: ServiceModel = service_model()
    shape = operation_model("ListObjectsV2").output_shape
    response = {"status_code": 200, "headers": {}, "body": document.encode()}
    assert model.service_name == "s3"
    found: dict[str, Any] = RestXMLParser().parse(response, shape)
    return found


@given(odd_keys)
async def test_url_encoded_keys_survive_xml(keys: list[str]) -> None:
    written = key_text(True)
    params = ListParams(keys[0].encode() if keys else b"", b"\x01", 5, True)
    document = page_head("ListBucketResult", "bucket", params, False)
    document += await entries([version(key.encode()) for key in keys], True)
    document += common_prefixes([key.encode() for key in keys], written) + "</ListBucketResult>"
    found = parse(document)
    assert [unquote_plus(key) for key in keys_of(found)] == keys
    assert [unquote_plus(prefix) for prefix in prefixes_of(found)] == keys
    assert all(
        entry["LastModified"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) for entry in found.get("Contents", [])
    )


@given(odd_keys)
async def test_escaped_keys_survive_xml_where_xml_can_hold_them(keys: list[str]) -> None:
    keys = [
        key for key in keys if all(sign in "\t\n\r" or (sign >= " " and sign not in "\ufffe\uffff") for sign in key)
    ]
    document = page_head("ListBucketResult", "bucket", ListParams(b"", b"", 5, False), False)
    document += await entries([version(key.encode()) for key in keys], False)
    document += "</ListBucketResult>"
    assert keys_of(parse(document)) == keys


some_keys = st.text(st.characters(codec="utf-8", max_codepoint=0x2FF)) | st.from_regex("[a-z/*_.~ -]*", fullmatch=True)


@given(st.lists(some_keys.map(str.encode)), st.booleans())
def test_keys_at_once_are_written_as_one_by_one(keys: list[bytes], encode: bool) -> None:
    at_once = url_encode_keys(keys) if encode else escape_keys(keys)
    assert at_once == [key_text(encode)(key) for key in keys]


def test_control_characters_without_encoding(s3: Any, wire: Wire) -> None:
    assert wire("PUT", "/bucket/a%01b", b"x").status == 200
    assert b"<Key>a&#x1;b</Key>" in wire("GET", "/bucket?list-type=2").body
    assert s3.list_objects_v2(Bucket="bucket")["Contents"][0]["Key"] == "a\x01b"  # boto3 asks for encoding-type=url


@pytest.mark.parametrize(
    "key", ["..", ".", "a/../b", "/", "//", "/x", "x/", "%2e%2e%2f", "é", "e\u0301", "\u202e", "<script>"]
)
def test_odd_keys_are_distinct_objects(s3: Any, store: FakeStore, wire: Wire, key: str) -> None:
    encoded = quote(key, safe="/")
    assert wire("PUT", f"/bucket/{encoded}", key.encode()).status == 200
    assert list(store.buckets["bucket"].objects) == [key.encode()]
    assert wire("GET", f"/bucket/{encoded}").body == key.encode()
    assert keys_of(s3.list_objects_v2(Bucket="bucket")) == [key]


@pytest.mark.parametrize("raw", ["%FF", "%FE", "%C0%AF", "%ED%A0%80", "%", "%4", "%zz"])
def test_what_is_not_utf8_is_refused(wire: Wire, store: FakeStore, raw: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        reply = wire(method, f"/bucket/{raw}")
        assert (reply.status, reply.code) == (400, "InvalidURI")
    assert not store.buckets["bucket"].objects


def test_no_bucket(s3: Any) -> None:
    for call in (s3.list_objects, s3.list_objects_v2, s3.list_object_versions):
        assert refused(call, Bucket="nothing") == (404, "NoSuchBucket")

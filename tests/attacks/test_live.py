"""What a hostile client may send with good credentials, at a real server: what refuses it, and that nothing changed.

Each case names the class of attacks that it is of; tests/attacks/register.py says where the other classes are.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

import httpx
import pytest

from tests.harness.server import Server
from tests.harness.wire import Answer, Wire

BUCKET = "attacks"
KEPT = "kept"
BOMB = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {chr(98 + i)} '{f'&{chr(97 + i)};' * 10}'>" for i in range(9)
)
BOMB += "]><Delete><Object><Key>&j;</Key></Object></Delete>"
MALFORMED, INVALID = (400, "MalformedXML"), (400, "InvalidArgument")


@dataclass(frozen=True)
class Case:
    number: str
    name: str
    method: str
    target: str
    outcome: tuple[int, str]
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.number}-{self.name}"


def delete(number: str, name: str, body: bytes, outcome: tuple[int, str] = MALFORMED) -> Case:
    return Case(number, name, "POST", f"/{BUCKET}?delete", outcome, body)


def lifecycle(number: str, name: str, rule: str, outcome: tuple[int, str] = MALFORMED) -> Case:
    body = f"<LifecycleConfiguration><Rule>{rule}</Rule></LifecycleConfiguration>".encode()
    return Case(number, name, "PUT", f"/{BUCKET}?lifecycle", outcome, body)


def get(number: str, name: str, query: str, outcome: tuple[int, str], key: str = KEPT, **headers: str) -> Case:
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    return Case(number, name, "GET", f"/{BUCKET}/{key}{query}", outcome, None, named)


def put(number: str, name: str, outcome: tuple[int, str], key: str = "new", **headers: str) -> Case:
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    return Case(number, name, "PUT", f"/{BUCKET}/{key}", outcome, b"x", named)


def listing(number: str, name: str, query: str, outcome: tuple[int, str]) -> Case:
    return Case(number, name, "GET", f"/{BUCKET}?{query}", outcome)


ONE = b"<Delete><Object><Key>kept2</Key></Object></Delete>"
RULE = "<ID>r</ID><Status>Enabled</Status><Filter><Prefix>no-such/</Prefix></Filter>"
OK: tuple[int, str] = (200, "")
LONG = "a" * 1025
CASES = [
    delete("A46", "billion laughs", BOMB.encode()),
    delete(
        "A47",
        "quadratic",
        b"<!DOCTYPE x [<!ENTITY a '" + b"a" * 50_000 + b"'>]><Delete>" + b"&a;" * 1000 + b"</Delete>",
    ),
    delete("A48", "file", b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><Delete>&a;</Delete>"),
    delete("A48", "http", b"<!DOCTYPE x [<!ENTITY a SYSTEM 'http://127.0.0.1:9/'>]><Delete>&a;</Delete>"),
    delete("A48", "parameter entity", b"<!DOCTYPE x [<!ENTITY % a SYSTEM 'file:///etc/passwd'> %a;]><Delete/>"),
    delete("A48", "external DTD", b"<!DOCTYPE Delete SYSTEM 'http://127.0.0.1:9/x.dtd'><Delete/>"),
    delete(
        "A48",
        "xinclude",
        b'<Delete xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="file:///etc/passwd"/></Delete>',
    ),
    delete("A49", "depth", b"<Delete>" + b"<a>" * 200_000),
    delete("A50", "1001 keys", b"<Delete>" + b"<Object><Key>a</Key></Object>" * 1001 + b"</Delete>"),
    delete("A50", "no key", b"<Delete></Delete>"),
    delete("A50", "3 MiB", b"<Delete>" + b" " * (3 << 20) + b"</Delete>"),
    delete("A51", "UTF-16", ONE.decode().encode("utf-16")),
    delete("A51", "UTF-7", b'<?xml version="1.0" encoding="UTF-7"?>' + ONE),
    delete("A51", "unknown encoding", b'<?xml version="1.0" encoding="x-none"?>' + ONE),
    delete("A51", "NUL", ONE.replace(b"kept2", b"ke\0pt")),
    delete("A51", "not UTF-8", ONE.replace(b"kept2", b"ke\xffpt")),
    delete("A51", "no document", b"{}"),
    delete("A51", "cut off", ONE[:-3]),
    lifecycle("A51", "typo", RULE + "<Expiraton><Days>1</Days></Expiraton>"),
    lifecycle("A51", "typo inside", RULE + "<Expiration><Day>1</Day></Expiration>"),
    lifecycle("A51", "twice", RULE + "<Expiration><Days>1</Days></Expiration><Expiration><Days>2</Days></Expiration>"),
    put("A53", "empty key of a slash", OK, key="/"),
    put("A54", "NUL in a key", OK, key="a%00b"),
    put("A55", "1025 bytes", (400, "KeyTooLongError"), key=LONG),
    put("A55", "1025 bytes of UTF-8", (400, "KeyTooLongError"), key="%C3%A4" * 512 + "ab"),
    put("A56", "not UTF-8", (400, "InvalidURI"), key="%ff"),
    put("A56", "overlong", (400, "InvalidURI"), key="%c0%af"),
    put("A56", "surrogate", (400, "InvalidURI"), key="%ed%a0%80"),
    put("A56", "half an escape", (400, "InvalidURI"), key="a%2"),
    *[
        Case("A58", f"bucket {name}", "PUT", f"/{name}", (400, "InvalidBucketName"))
        for name in (
            "ab",
            "a" * 64,
            "Upper",
            "a..b",
            "1.2.3.4",
            "a_b",
            "-ab",
            "xn--abc",
            "a-s3alias",
            ".objstore",
            "a b".replace(" ", "%20"),
        )
    ],
    *[
        get("A59", f"range {value[:16]} of {len(value)}", "", outcome, range=value)
        for value, outcome in (
            ("bytes=-0", (416, "InvalidRange")),
            ("bytes=5-3", OK),
            ("bytes=-1--2", OK),
            ("bits=0-1", OK),
            (f"bytes={2**64}-", (416, "InvalidRange")),
            ("bytes=" + ",".join("0-1" for _ in range(2000)), OK),
            ("bytes=0-1,0-1", OK),
        )
    ],
    get("A59", "range and part", "?partNumber=1", (400, "InvalidRequest"), range="bytes=0-1"),
    *[
        get("A60", f"part {value}", f"?partNumber={value}", INVALID)
        for value in ("0", "10001", "-1", "1e3", "%00", "9" * 99)
    ],
    *[
        Case(
            "A60",
            f"upload id {value[:12]}",
            "PUT",
            f"/{BUCKET}/new?partNumber=1&uploadId={value}",
            (404, "NoSuchUpload"),
            b"x",
        )
        for value in ("..%2F..%2Fx", "0" * 32, "x", "a" * 3000, "%27%3B%20DROP%20TABLE%20upload")
    ],
    get("A61", "weak", "", OK, if_none_match='W/"abc"'),
    get("A61", "unquoted", "", (412, "PreconditionFailed"), if_match="abc"),
    get("A61", "long", "", (412, "PreconditionFailed"), if_match='"' + "a" * 7000 + '"'),
    get("A61", "dates that are none", "", OK, if_modified_since="yesterday"),
    put("A62", "metadata of 2 KiB", (400, "MetadataTooLarge"), x_amz_meta_a="a" * 2100),
    put("A62", "without a name", INVALID, **{"x_amz_meta_": "a"}),
    *[listing("A64", f"max-keys {value}", f"max-keys={value}", INVALID) for value in ("-1", "x", "10000000000", "%00")],
    listing("A64", "token", "list-type=2&continuation-token=x%27OR%201", INVALID),
    listing("A64", "encoding", "encoding-type=utf", INVALID),
    *[
        get("A65", f"version {value[:10]}", f"?versionId={value}", INVALID)
        for value in ("%27%3B%20DROP", "..%2F", "g" * 32, "a" * 7000)
    ],
    get("A65", "version of nobody", f"?versionId={'0' * 32}", (404, "NoSuchVersion")),
    Case(
        "A67",
        "nested policy",
        "PUT",
        f"/{BUCKET}?policy",
        (400, "MalformedPolicy"),
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
    ),
    Case(
        "A67",
        "policy of 21 KiB",
        "PUT",
        f"/{BUCKET}?policy",
        (400, "MalformedPolicy"),
        b'{"Id":"' + b"a" * 21_000 + b'"}',
    ),
    Case(
        "A67",
        "members twice",
        "PUT",
        f"/{BUCKET}?policy",
        (400, "MalformedPolicy"),
        b'{"Statement":[],"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}',
    ),
    *[
        put("A68", f"source {value[-24:]}", outcome, x_amz_copy_source=value)
        for value, outcome in (
            (f"{BUCKET}/absent", (404, "NoSuchKey")),
            ("", INVALID),
            ("/", INVALID),
            ("nobucket", INVALID),
            (f"{BUCKET}/../../etc/passwd", (404, "NoSuchKey")),
            (f"{BUCKET}/%2e%2e%2f%2e%2e%2fetc%2fpasswd", (404, "NoSuchKey")),
            (f"../{BUCKET}/{KEPT}", (404, "NoSuchBucket")),
            (f"{BUCKET}/{KEPT}?versionId=..", INVALID),
            (f"{BUCKET}/{KEPT}?versionId={'0' * 32}", (404, "NoSuchVersion")),
            ("no-such-bucket/x", (404, "NoSuchBucket")),
            (f"{BUCKET}/%ff", (400, "InvalidURI")),
        )
    ],
    put("A68", "itself", (400, "InvalidRequest"), key=KEPT, x_amz_copy_source=f"{BUCKET}/{KEPT}"),
    put("A69", "eleven tags", (400, "BadRequest"), x_amz_tagging="&".join(f"k{i}=v" for i in range(11))),
    put("A69", "key of 129", (400, "InvalidTag"), x_amz_tagging="k" * 129 + "=v"),
    put("A69", "value of 257", (400, "InvalidTag"), x_amz_tagging="k=" + "v" * 257),
    put("A69", "twice", INVALID, x_amz_tagging="k=a&k=b"),
    listing("A73", "5000 parameters", "&".join(f"p{i:04}" for i in range(5000)), OK),
    put("T9", "internal headers", OK, x_amz_replication_status="REPLICA", x_minio_source_etag="x", x_rgw_op_mask="all"),
    *[
        get("T12", f"64 KB of {name}", "", outcome, **{name: value * 3500})
        for name, value, outcome in (
            ("accept", "a;q=0.1,", OK),
            ("range", "bytes=0-,", OK),
            ("if_none_match", '"a",', OK),
            ("user_agent", "((((((((", OK),
        )
    ],
    *[
        listing("T23", f"{what} {value}", f"{what}={value}&list-type=2", OK)
        for what in ("prefix", "start-after", "delimiter")
        for value in ("%27", "%25", "_", "%5C", "%27%3B%20DROP%20TABLE%20object%3B--", "%22", "%24%24")
    ],
]


@pytest.fixture(scope="module")
def target(server: Server, s3: Any) -> Iterator[Wire]:
    s3.create_bucket(Bucket=BUCKET)
    for key in (KEPT, "kept2"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"kept as it was")
    wire = Wire(server.address, server.credentials)
    yield wire
    wire.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_attack(target: Wire, case: Case) -> None:
    answer = target.request(case.method, case.target, case.body, case.headers)
    assert (answer.status if answer.status != 206 else 200, answer.code) == case.outcome, answer.body[:300]
    for key in (KEPT, "kept2"):
        assert target.request("GET", f"/{BUCKET}/{key}").body == b"kept as it was"


def test_no_case_is_lost() -> None:
    assert len(CASES) >= 120
    assert len(Counter(case.id for case in CASES)) == len(CASES)


def test_a50_parts(target: Wire) -> None:
    started = target.request("POST", f"/{BUCKET}/multi?uploads").body
    upload = started.partition(b"<UploadId>")[2].partition(b"<")[0].decode()
    etags = [target.request("PUT", f"/{BUCKET}/multi?partNumber={i}&uploadId={upload}", b"x").etag for i in (1, 2)]

    def complete(*numbers: int) -> Answer:
        parts = "".join(f"<Part><PartNumber>{i}</PartNumber><ETag>{etags[i % 2]}</ETag></Part>" for i in numbers)
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        return target.request("POST", f"/{BUCKET}/multi?uploadId={upload}", body)

    assert complete().code == "MalformedXML"
    assert complete(2, 1).code == "InvalidPartOrder"
    assert complete(1, 1).code == "InvalidPartOrder"
    assert complete(*range(1, 10_002)).code in ("MalformedXML", "InvalidPart")
    assert complete(3).code == "InvalidPart"
    assert target.request("GET", f"/{BUCKET}/multi").code == "NoSuchKey"
    other = target.request("PUT", f"/{BUCKET}/another?partNumber=1&uploadId={upload}", b"x")
    assert other.code == "NoSuchUpload"
    assert target.request("DELETE", f"/{BUCKET}/multi?uploadId={upload}").status == 204


def test_a57_what_looks_alike_is_not(target: Wire) -> None:
    keys = ["%C3%A9", "e%CC%81", "E%CC%81", "%D0%B0", "a", "A", "a%20", "a."]
    for key in keys:
        assert target.request("PUT", f"/{BUCKET}/alike/{key}", key.encode()).status == 200
    assert [target.request("GET", f"/{BUCKET}/alike/{key}").body.decode() for key in keys] == keys


@pytest.mark.parametrize("key", ["<script>alert(1)</script>", '"><img src=x onerror=y>', "\u202egpj.exe", "=cmd()"])
def test_a66_keys_are_text_in_every_document(target: Wire, key: str) -> None:
    path = "".join(f"%{byte:02X}" for byte in key.encode())
    missing = target.request("GET", f"/{BUCKET}/{path}-absent")
    assert missing.headers["content-type"] == "application/xml"
    assert b"<script>" not in missing.body
    assert b"<img" not in missing.body
    assert target.request("PUT", f"/{BUCKET}/{path}", b"x").status == 200
    page = target.request("GET", f"/{BUCKET}?prefix={path}")
    assert escape(key, {'"': "&quot;"}).encode() in page.body


def test_a71_many_open_uploads(target: Wire) -> None:
    for i in range(200):
        assert target.request("POST", f"/{BUCKET}/open/{i}?uploads").status == 200
    page = target.request("GET", f"/{BUCKET}?uploads&prefix=open/&max-uploads=10")
    assert page.body.count(b"<Upload>") == 10


def test_a72_what_is_compressed_stays_so(target: Wire) -> None:
    bomb = b"\x1f\x8b" + bytes(1000)
    assert target.request("PUT", f"/{BUCKET}/bomb", bomb, {"content-encoding": "gzip"}).status == 200
    assert target.request("GET", f"/{BUCKET}/bomb").body == bomb


def test_a81_no_header_says_where_a_request_comes_from(server: Server, s3: Any, target: Wire) -> None:
    s3.create_bucket(Bucket="forwarded")
    s3.delete_public_access_block(Bucket="forwarded")
    s3.put_object(Bucket="forwarded", Key="k", Body=b"x")
    s3.put_bucket_policy(
        Bucket="forwarded",
        Policy='{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",'
        '"Resource":"arn:aws:s3:::forwarded/*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}',
    )
    for name in ("x-forwarded-for", "x-real-ip", "forwarded", "x-client-ip", "true-client-ip", "cf-connecting-ip"):
        value = "for=10.0.0.1" if name == "forwarded" else "10.0.0.1"
        assert httpx.get(f"{server.endpoint}/forwarded/k", headers={name: value}).status_code == 403
    host = {"x-forwarded-host": "evil.example.com", "x-forwarded-proto": "https"}
    assert target.request("GET", f"/{BUCKET}/{KEPT}", headers=host).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/-/",
        "/-/debug",
        "/-/metrics/../admin/v1/users",
        "/-/admin/v1/users",
        "/-/admin/v1/openapi.json",
        "/-/admin/v1/kms/keys",
        "/-/admin/v1/server",
        "/-/config",
        "/-/env",
        "/-/health/../../etc/passwd",
        "/.env",
        "/minio/admin/v3/info",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_t2_nothing_is_open_without_credentials(server: Server, method: str, path: str) -> None:
    answer = httpx.request(method, server.endpoint + path, headers={"cookie": "session=root"})
    assert answer.status_code in (400, 401, 403, 404, 405), answer.text
    assert "set-cookie" not in answer.headers
    assert all(secret not in answer.text for secret in server.credentials)
    assert "Traceback" not in answer.text


def test_a87_open_pages_hold_no_secret(server: Server) -> None:
    for path in ("/-/metrics", "/-/health", "/-/ready", "/-/live"):
        text = server.get(path).text
        assert all(secret not in text for secret in server.credentials)
        assert "postgresql://" not in text
        assert str(server.data) not in text


def test_t8_nobody_learns_by_conditions_what_is_there(server: Server) -> None:
    answers = {
        (one.status_code, one.text.partition("<Resource>")[0])
        for key in (KEPT, "absent")
        for headers in (
            {},
            {"if-none-match": "*"},
            {"if-modified-since": "Sun, 06 Nov 2044 08:49:37 GMT"},
            {"range": "bytes=99-"},
        )
        for one in [httpx.get(f"{server.endpoint}/{BUCKET}/{key}", headers=headers)]
    }
    assert len(answers) == 1
    assert answers.pop()[0] == 403

"""Documents from outside: everything that is not plain UTF-8 XML of the right shape is MalformedXML, and quickly."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objstore.api.s3.xml_in import parse_document, parse_input
from objstore.model.errors import MalformedXML

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
INNER = "<Delete><Object><Key>a</Key></Object></Delete>"

HOSTILE = {
    "billion laughs": f'<!DOCTYPE d [<!ENTITY l0 "lol">{LAUGHS}]><Delete><Object><Key>&l11;</Key></Object></Delete>',
    "quadratic": f'<!DOCTYPE d [<!ENTITY a "{"a" * 50000}">]><Delete><Key>{"&a;" * 20000}</Key></Delete>',
    "external entity": f'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>{INNER.replace("a<", "&x;<")}',
    "parameter entity": f'<!DOCTYPE d [<!ENTITY % x SYSTEM "http://127.0.0.1/x"> %x;]>{INNER}',
    "plain doctype": f"<!DOCTYPE Delete>{INNER}",
    "external doctype": f'<!DOCTYPE Delete SYSTEM "http://127.0.0.1/x.dtd">{INNER}',
    "deep": "<Delete>" * 100_000,
    "deep and closed": "<Delete>" + "<a>" * 30 + "</a>" * 30 + "</Delete>",
    "NUL": INNER.replace("a<", "a\0<"),
    "two roots": INNER * 2,
    "no root": "hello",
    "cut": INNER[:-3],
    "empty": "",
    "spaces": "   ",
    "wrong root": "<Other/>",
    "other encoding": '<?xml version="1.0" encoding="iso-8859-1"?>' + INNER,
    "UTF-7": '<?xml version="1.0" encoding="utf-7"?>' + INNER,
    "too long": "<Delete>" + " " * (2 * 1024 * 1024) + "</Delete>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    begun = time.process_time()
    with pytest.raises(MalformedXML):
        parse_input("DeleteObjects", HOSTILE[name].encode())
    assert time.process_time() - begun < 0.2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037"])
@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0" encoding="{}"?>'])
def test_other_encodings(encoding: str, declaration: str) -> None:
    with pytest.raises(MalformedXML):
        parse_input("DeleteObjects", (declaration.format(encoding) + INNER).encode(encoding))


def test_latin_1_bytes() -> None:
    with pytest.raises(MalformedXML):
        parse_input("DeleteObjects", INNER.replace("a<", "é<").encode("latin-1"))


@pytest.mark.parametrize(
    "document",
    [
        INNER,
        "\ufeff" + INNER,
        '<?xml version="1.0" encoding="UTF-8"?>\n' + INNER,
        '<?xml version="1.0" encoding="utf8" standalone="yes" ?>' + INNER,
        "<!-- <!DOCTYPE x> -->" + INNER,
        INNER.replace(">a<", "><![CDATA[a]]><"),
        INNER.replace("<Delete>", '<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'),
        INNER.replace("<Delete>", '<Delete xmlns="urn:other" other="1">'),
        INNER.replace("><", ">\n  <"),
    ],
)
def test_welcome(document: str) -> None:
    assert parse_input("DeleteObjects", document.encode()) == {"Objects": [{"Key": "a"}]}


def test_xinclude_is_just_an_unknown_element() -> None:
    inner = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
    document = INNER.replace("<Object>", inner + "<Object>").encode()
    assert parse_input("DeleteObjects", document) == {"Objects": [{"Key": "a"}]}
    with pytest.raises(MalformedXML):
        parse_input("DeleteObjects", document, strict=True)


def test_typed_members() -> None:
    part = "<Part><PartNumber>{}</PartNumber><ETag>x</ETag></Part>"
    document = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>"
    assert parse_input("CompleteMultipartUpload", document.format(" 7 ").encode())["Parts"][0]["PartNumber"] == 7
    for wrong in ("", "x", "1.0", "1e3", "0x1", "１", "9" * 30, "1 2"):
        with pytest.raises(MalformedXML):
            parse_input("CompleteMultipartUpload", document.format(wrong).encode())


def test_enums_and_timestamps() -> None:
    versioning = "<VersioningConfiguration><Status>{}</Status></VersioningConfiguration>"
    assert parse_input("PutBucketVersioning", versioning.format("Enabled").encode()) == {"Status": "Enabled"}
    with pytest.raises(MalformedXML):
        parse_input("PutBucketVersioning", versioning.format("enabled").encode())
    retention = "<Retention><RetainUntilDate>{}</RetainUntilDate></Retention>"
    found = parse_input("PutObjectRetention", retention.format("2030-01-02T03:04:05.000Z").encode())
    assert found["RetainUntilDate"].isoformat() == "2030-01-02T03:04:05+00:00"
    with pytest.raises(MalformedXML):
        parse_input("PutObjectRetention", retention.format("soon").encode())


@given(st.binary(max_size=200) | st.text(st.sampled_from("<>/&!?[]DeltObjcKy \"'=;#x0"), max_size=200).map(str.encode))
def test_anything_is_a_document_or_malformed(document: bytes) -> None:
    with contextlib.suppress(MalformedXML):
        parse_document(document)

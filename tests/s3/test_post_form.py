"""POST of objects by HTML forms, as httpx sends them: both kinds of signature, what the policy says, attacks A63."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import fromstring

import httpx
import pytest

from tests.harness.server import Server

Fields = dict[str, str]


def encoded(asked: Any, **changed: Any) -> str:
    expiration = (datetime.now(UTC) + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    document = {"expiration": expiration, "conditions": asked} | changed
    return base64.b64encode(json.dumps({k: v for k, v in document.items() if v is not None}).encode()).decode()


class Forms:
    """Sends forms to one bucket."""

    def __init__(self, server: Server, bucket: str) -> None:
        self.url, self.bucket, self.credentials = f"{server.endpoint}/{bucket}", bucket, server.credentials

    def signed(self, policy: str, **fields: str) -> Fields:
        """The older form."""
        access_key, secret = self.credentials
        signature = base64.b64encode(hmac.digest(secret.encode(), policy.encode(), "sha1")).decode()
        return {"key": "foo.txt", "AWSAccessKeyId": access_key, "signature": signature, "policy": policy} | fields

    def conditions(self, *more: Any) -> list[Any]:
        return [{"bucket": self.bucket}, ["starts-with", "$key", "foo"], ["content-length-range", 0, 1024], *more]

    def send(
        self, fields: Fields, content: bytes = b"bar", filename: str | None = None, **settings: Any
    ) -> httpx.Response:
        parts = [(name, (None, value)) for name, value in fields.items()]
        return httpx.post(self.url, files=[*parts, ("file", (filename, content))], **settings)


@pytest.fixture
def forms(server: Server, bucket: str) -> Forms:
    return Forms(server, bucket)


def body(s3: Any, bucket: str, key: str = "foo.txt") -> bytes:
    return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def test_older_form(s3: Any, forms: Forms) -> None:
    fields = forms.signed(encoded(forms.conditions({"acl": "private"}, ["eq", "$Content-Type", "text/x"])))
    answer = forms.send(fields | {"acl": "private", "Content-Type": "text/x"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["etag"] == f'"{hashlib.md5(b"bar").hexdigest()}"'
    assert body(s3, forms.bucket) == b"bar"
    assert s3.head_object(Bucket=forms.bucket, Key="foo.txt")["ContentType"] == "text/x"


def test_version_4_as_boto3_makes_it(s3: Any, forms: Forms, server: Server) -> None:
    made = server.s3(signature_version="s3v4").generate_presigned_post(
        forms.bucket, "a/${filename}", {"x-amz-meta-a": "b"}, [{"x-amz-meta-a": "b"}, ["content-length-range", 1, 10]]
    )
    assert forms.send(made["fields"], filename="x y.txt").status_code == 204
    got = s3.get_object(Bucket=forms.bucket, Key="a/x y.txt")
    assert (got["Body"].read(), got["Metadata"]) == (b"bar", {"a": "b"})
    assert forms.send(made["fields"] | {"x-amz-signature": "0" * 64}).status_code == 403


def test_success_actions(s3: Any, forms: Forms, server: Server) -> None:
    allowed = ["starts-with", "$success_action_status", ""], ["starts-with", "$success_action_redirect", ""]
    fields = forms.signed(encoded(forms.conditions(*allowed)))
    created = forms.send(fields | {"success_action_status": "201", "success_action_redirect": ""})
    assert created.status_code == 201
    root = fromstring(created.content)
    assert [root.findtext(name) for name in ("Bucket", "Key")] == [forms.bucket, "foo.txt"]
    other = forms.send(fields | {"success_action_status": "404", "success_action_redirect": "javascript:x"})
    assert (other.status_code, other.content) == (204, b"")
    assert forms.send(fields | {"success_action_status": "200", "success_action_redirect": ""}).status_code == 200
    redirected = forms.send(fields | {"success_action_status": "200", "success_action_redirect": "http://e.org/a?b=c"})
    assert redirected.status_code == 303
    etag = hashlib.md5(b"bar").hexdigest()
    assert redirected.headers["location"] == f"http://e.org/a?b=c&bucket={forms.bucket}&key=foo.txt&etag=%22{etag}%22"


def test_conditions_do_not_mind_case(forms: Forms) -> None:
    conditions = [{"bUcKeT": forms.bucket}, ["StArTs-WiTh", "$KeY", "foo"], {"AcL": "private"}]
    fields = forms.signed(encoded(conditions), aCl="private", kEy="foo.txt")
    del fields["key"]
    assert forms.send(fields).status_code == 204


def test_ignored_fields_and_escapes(s3: Any, forms: Forms) -> None:
    policy = encoded([{"bucket": forms.bucket}, ["starts-with", "$key", "\\$foo"]])
    assert forms.send(forms.signed(policy, key="\\$foo.txt") | {"x-ignore-foo": "bar"}).status_code == 204
    assert body(s3, forms.bucket, "\\$foo.txt") == b"bar"


@pytest.mark.parametrize("name", ["../../etc/foo", "..\\..\\foo", "C:\\foo", "/foo"])
def test_a63_filename_never_brings_a_path(s3: Any, forms: Forms, name: str) -> None:
    assert forms.send(forms.signed(encoded(forms.conditions()), key="${filename}"), filename=name).status_code == 204
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=forms.bucket)["Contents"]] == ["foo"]


def test_tags_metadata_checksum(s3: Any, forms: Forms) -> None:
    tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    digest = base64.b64encode(hashlib.sha256(b"bar").digest()).decode()
    more = ["starts-with", "$x-amz-meta-foo", "bar"], {"tagging": tags}, ["starts-with", "$x-amz-checksum-sha256", ""]
    fields = forms.signed(encoded(forms.conditions(*more)), tagging=tags) | {"x-amz-meta-foo": "barclamp"}
    assert forms.send(fields | {"x-amz-checksum-sha256": digest}).status_code == 204
    assert s3.get_object_tagging(Bucket=forms.bucket, Key="foo.txt")["TagSet"] == [{"Key": "a", "Value": "b"}]
    head = s3.head_object(Bucket=forms.bucket, Key="foo.txt", ChecksumMode="ENABLED")
    assert (head["Metadata"], head["ChecksumSHA256"]) == ({"foo": "barclamp"}, digest)
    wrong = forms.send(fields | {"x-amz-checksum-sha256": digest}, b"changed")
    assert (wrong.status_code, fromstring(wrong.content).findtext("Code")) == (400, "BadDigest")
    assert body(s3, forms.bucket) == b"bar"


def test_encrypted_with_a_named_key(s3: Any, forms: Forms) -> None:
    sse = "x-amz-server-side-encryption"
    more = ["starts-with", f"${sse}", ""], ["starts-with", f"${sse}-aws-kms-key-id", ""]
    fields = forms.signed(encoded(forms.conditions(*more)))
    assert forms.send(fields | {sse: "aws:kms", f"{sse}-aws-kms-key-id": "testkey-1"}).status_code == 204
    got = s3.get_object(Bucket=forms.bucket, Key="foo.txt")
    assert (got["Body"].read(), got["SSEKMSKeyId"]) == (b"bar", "testkey-1")


def test_larger_than_a_stripe(s3: Any, forms: Forms) -> None:
    policy = encoded([{"bucket": forms.bucket}, ["starts-with", "$key", "foo"]])
    content = b"0123456789abcdef" * 200_000
    assert forms.send(forms.signed(policy), content).status_code == 204
    assert body(s3, forms.bucket) == content


REFUSED: list[tuple[str, int, Any, dict[str, Any]]] = [
    ("bad key", 403, None, {"fields": {"AWSAccessKeyId": "foo"}}),
    ("bad signature", 403, None, {"fields": {"signature": "AAAA"}}),
    ("no signature", 400, None, {"without": "signature"}),
    ("no key", 400, None, {"without": "key"}),
    ("no policy", 400, None, {"without": "policy"}),
    ("field that no condition names", 403, None, {"fields": {"x-amz-meta-a": "b"}}),
    ("condition that no field meets", 403, [["starts-with", "$x-amz-meta-foo", "bar"]], {}),
    ("condition not met", 403, [["eq", "$x-amz-meta-foo", ""]], {"fields": {"x-amz-meta-foo": "x"}}),
    ("expired", 403, [], {"policy": {"expiration": "2001-01-01T00:00:00Z"}}),
    ("bad date", 400, [], {"policy": {"expiration": "tomorrow"}}),
    ("no expiration", 400, [], {"policy": {"expiration": None}}),
    ("EXPIRATION", 400, [], {"policy": {"expiration": None, "EXPIRATION": "2090-01-01T00:00:00Z"}}),
    ("no conditions", 400, [], {"policy": {"conditions": None}}),
    ("empty condition", 400, [{}], {}),
    ("range of one", 400, [["content-length-range", 0]], {}),
    ("negative range", 400, [["content-length-range", -1, 0]], {}),
    ("too large", 400, [["content-length-range", 0, 2]], {}),
    ("too small", 400, [["content-length-range", 100, 200]], {}),
    ("unknown operator", 400, [["contains", "$key", "foo"]], {}),
    ("not a policy", 400, None, {"fields": {"policy": "!"}}),
]


@pytest.mark.parametrize(("status", "more", "how"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused(s3: Any, forms: Forms, status: int, more: Any, how: dict[str, Any]) -> None:
    policy = encoded(forms.conditions(*(more or [])), **how.get("policy", {}))
    fields = forms.signed(policy) | how.get("fields", {})
    fields.pop(how.get("without", ""), None)
    assert forms.send(fields).status_code == status
    assert "Contents" not in s3.list_objects_v2(Bucket=forms.bucket)


def test_a63_bucket_field_does_not_count(s3: Any, forms: Forms, bucket: str) -> None:
    other = f"{bucket}-other"
    s3.create_bucket(Bucket=other)
    fields = forms.signed(encoded(forms.conditions()), bucket=forms.bucket)
    forms.url = forms.url.replace(forms.bucket, other)
    assert forms.send(fields).status_code == 403
    no_bucket = encoded([["starts-with", "$key", "foo"]])
    forms.url = forms.url.replace(other, forms.bucket)
    assert forms.send(forms.signed(no_bucket, bucket=forms.bucket)).status_code == 403
    for name in (other, forms.bucket):
        assert "Contents" not in s3.list_objects_v2(Bucket=name)


FORM = "multipart/form-data; boundary=x"


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"", "multipart/form-data", 400),
        (b"rubbish", FORM, 400),
        (b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nfoo\r\n--x--\r\n', FORM, 400),
        (b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nfoo', FORM, 400),
        (b"--x\r\n" + b"A" * 100_000, FORM, 400),
        (b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n' + b"A" * 100_000, FORM, 400),
        (b"a=b", "application/x-www-form-urlencoded", 403),
    ],
)  # fmt: skip
def test_malformed_bodies(forms: Forms, content: bytes, content_type: str, status: int) -> None:
    answer = httpx.post(forms.url, content=content, headers={"content-type": content_type})
    assert answer.status_code == status


def test_nobody_may_send_a_form_without_policy(s3: Any, forms: Forms) -> None:
    assert forms.send({"key": "foo.txt"}).status_code == 403
    assert "Contents" not in s3.list_objects_v2(Bucket=forms.bucket)

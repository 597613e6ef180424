"""The table of codes knows every error that we raise."""

import re
from pathlib import Path

import pytest

import objstore.api
from objstore.api.s3.errors import MESSAGES, STATUS, S3Error, render_error, status_of
from objstore.model import errors

REQUEST_ERRORS = [
    found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, errors.RequestError)
]


@pytest.mark.parametrize("error", [found for found in REQUEST_ERRORS if found is not errors.RequestError])
def test_every_request_error_has_a_status(error: type[errors.RequestError]) -> None:
    raised = error()
    assert raised.code in STATUS
    assert 400 <= status_of(raised) < 600
    assert str(raised)


def test_every_code_used_in_the_api_is_in_the_table() -> None:
    sources = Path(objstore.api.__file__).parent.rglob("*.py")
    used = {code for source in sources for code in re.findall(r'S3Error\(\s*"(\w+)"', source.read_text())}
    assert used
    assert used <= set(STATUS)
    assert set(MESSAGES) <= set(STATUS)


def test_document() -> None:
    error = S3Error("NoSuchTagSet", BucketName="b<>&")
    assert render_error(error, "/b?tagging", "ID", "HOST") == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchTagSet</Code>'
        b"<Message>The TagSet does not exist</Message><BucketName>b&lt;&gt;&amp;</BucketName>"
        b"<Resource>/b?tagging</Resource><RequestId>ID</RequestId><HostId>HOST</HostId></Error>"
    )

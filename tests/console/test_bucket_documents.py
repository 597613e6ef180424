"""CORS, notifications and quota of a bucket: forms beside the documents, and what the server refuses."""

import itertools
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Console
from tests.console.watch import go
from tests.harness.server import Server

_numbers = itertools.count(1)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"console-documents-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


def test_cors_by_form_and_as_text(console: Console, page: Page, s3: Any, server: Server, bucket: str) -> None:
    go(page, "buckets", bucket, "cors")
    expect(page.locator("main")).to_contain_text("browsers keep pages of other sites out")
    save, text = page.get_by_role("button", name="Save"), page.get_by_label("CORS document")
    page.get_by_role("button", name="Add a rule").click()
    expect(page.locator("main")).to_contain_text("Name at least one origin.")
    expect(save).to_be_disabled()
    page.get_by_label("Origins").fill("https://*.example.com\nhttps://a.test")
    page.get_by_role("checkbox", name="HEAD").uncheck()
    page.get_by_role("checkbox", name="PUT").check()
    page.get_by_label("Headers that pages may read").fill("x-*")
    expect(page.get_by_label("Headers that pages may read")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Headers that pages may read").fill("ETag")
    page.get_by_label("Headers that pages may send").fill("*")
    assert "<AllowedOrigin>https://a.test</AllowedOrigin>" in text.input_value()
    text.fill(text.input_value().replace("<ExposeHeader>", "<MaxAgeSeconds>60</MaxAgeSeconds><ExposeHeader>"))
    expect(page.get_by_label("Browsers keep the answer")).to_have_value("60")
    save.click()
    expect(page.locator(".toast").last).to_contain_text("Saved.")
    [rule] = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    assert rule == {
        "AllowedOrigins": ["https://*.example.com", "https://a.test"], "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60,
    }  # fmt: skip
    asked = {"origin": "https://a.test", "access-control-request-method": "PUT"}
    assert httpx.options(f"{server.endpoint}/{bucket}/k", headers=asked).status_code == 200

    text.fill(text.input_value().replace("PUT", "PATCH"))
    save.click()
    expect(page.get_by_role("alert")).to_contain_text("Unsupported method is PATCH")
    expect(page.get_by_role("alert")).to_contain_text("InvalidRequest")
    text.fill("<CORSConfiguration>")
    expect(text).to_have_attribute("aria-invalid", "true")
    expect(save).to_be_disabled()
    # Chromium gives what it says of broken XML a style, which the policy refuses.
    console.errors[:] = [error for error in console.errors if not error.startswith("Applying inline style")]
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("button", name="Remove rule 1").click()
    with page.expect_response(
        lambda answer: answer.request.method == "DELETE"
    ):  # the text stands there before it is saved
        save.click()
    expect(page.locator("main")).to_contain_text("browsers keep pages of other sites out")
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket=bucket)


def test_a_target_that_is_not_there(page: Page, s3: Any, bucket: str) -> None:
    go(page, "buckets", bucket, "events")
    page.get_by_role("button", name="Tell a target").click()
    target = page.get_by_label("Target")
    target.fill("nobody")
    expect(target).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    target.fill("arn:aws:sqs:us-east-1:000000000000:nobody")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Unable to validate the following destination configurations")
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_quota(page: Page, s3: Any, bucket: str) -> None:
    go(page, "buckets", bucket, "settings")
    card = page.get_by_role("region", name="Quota")
    expect(card.get_by_role("button", name="Save")).to_be_disabled()
    card.get_by_label("Bytes, at most").fill("-1")
    expect(card).to_contain_text("A number, 0 or more.")
    card.get_by_label("Bytes, at most").fill("1.5")
    card.get_by_label("Unit").select_option("MiB")
    card.get_by_label("Objects, at most").fill("2")
    card.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("/ 1.5 MiB")
    expect(card.get_by_label("Objects, at most")).to_have_value("2")
    with pytest.raises(s3.exceptions.ClientError, match="QuotaExceeded"):
        s3.put_object(Bucket=bucket, Key="k", Body=bytes(1_600_000))
    card.get_by_role("button", name="Remove quota").click()
    expect(card.get_by_role("button", name="Remove quota")).to_be_hidden()
    s3.put_object(Bucket=bucket, Key="k", Body=bytes(1_600_000))

"""Buckets in the console: making, settings, policy, deleting."""

import itertools
import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Open
from tests.console.watch import go, settled, watched
from tests.harness.server import Server
from tests.harness.waiting import until

_numbers = itertools.count(1)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"console-settings-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


def test_make_and_delete_by_keyboard(page: Page, s3: Any) -> None:
    go(page, "buckets")
    page.get_by_role("button", name="Create bucket").first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Create bucket").first).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_label("Name").focus()
    page.keyboard.type("Not Allowed")
    expect(dialog.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Name").fill("by-keyboard")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="by-keyboard")).to_be_visible()
    assert s3.get_bucket_versioning(Bucket="by-keyboard")["Status"] == "Enabled"
    assert s3.get_object_lock_configuration(Bucket="by-keyboard")
    page.get_by_role("button", name="Delete bucket").click()
    page.get_by_role("dialog").get_by_label("To confirm, type by-keyboard").fill("by-keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Buckets", exact=True)).to_be_visible()
    assert "by-keyboard" not in [one["Name"] for one in s3.list_buckets()["Buckets"]]


def test_one_that_is_not_empty_stays(page: Page, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    go(page, "buckets")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=bucket, exact=True))
    expect(row).to_contain_text("1 B")
    row.get_by_role("button", name=f"Delete bucket {bucket}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Delete", exact=True)).to_be_disabled()
    dialog.get_by_role("textbox").fill(bucket)
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("BucketNotEmpty")


def default_encryption(s3: Any, bucket: str) -> str:
    try:
        found = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    except s3.exceptions.ClientError:
        return ""
    return str(found[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"])


def test_settings(page: Page, s3: Any, bucket: str) -> None:
    go(page, "buckets", bucket, "settings")
    card = page.get_by_role("region", name="Versioning")
    card.get_by_role("button", name="Turn on").click()
    card.get_by_role("button", name="Suspend").click()
    expect(card).to_contain_text("suspended")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"

    card = page.get_by_role("region", name="Encryption")
    card.get_by_label("New objects are").select_option("AES256")
    card.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.").first).to_be_visible()  # which versioning may have said
    until(lambda: default_encryption(s3, bucket) == "AES256")

    card = page.get_by_role("region", name="Public access")
    card.get_by_label("Refuse policies that let everybody in").uncheck()
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_role("status")).to_contain_text("let everybody in")
    assert not s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["BlockPublicPolicy"]

    card = page.get_by_role("region", name="Bucket tags")
    card.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name 1").fill("team")
    dialog.get_by_label("Value 1").fill("red")
    dialog.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("red")
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "team", "Value": "red"}]


def test_policy(page: Page, s3: Any, bucket: str) -> None:
    go(page, "buckets", bucket, "policy")
    text = page.get_by_label("Policy document")
    text.fill("{")
    expect(text).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    text.fill("")
    page.get_by_role("button", name="Begin with: only over TLS").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Remove policy")).to_be_visible()
    kept = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    assert kept["Statement"][0]["Sid"] == "OnlyTls"
    # The policy refuses what does not come over TLS: but for the policy itself, whose owner cannot be locked out.
    page.get_by_role("button", name="Remove policy").click()
    expect(page.get_by_role("button", name="Remove policy")).to_be_hidden()
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_what_a_bucket_holds(page: Page, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="<b>x</b>/k", Body=b"x" * 2048)
    s3.put_object(Bucket=bucket, Key="top", Body=b"x", StorageClass="STANDARD_IA")
    go(page, "buckets", bucket, "summary")
    expect(page.get_by_role("region", name="By class and tier").first).to_contain_text("STANDARD_IA")
    expect(page.get_by_role("region", name="By last use").first).to_contain_text("2 KiB")
    page.get_by_role("link", name="<b>x<").click()
    settled(page)
    expect(page.get_by_role("link", name="b>/")).to_be_visible()


def test_somebody_else_sees_their_own(new_console: Open, server: Server, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="in/one", Body=b"x")
    name = f"reader-{next(_numbers)}"
    made = server.admin("POST", "/users", body=json.dumps({"name": name}).encode()).json()
    actions = ["s3:ListBucket", "s3:GetObject", "s3:GetBucketVersioning"]
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]}
    body = json.dumps({"document": json.dumps(allowed)}).encode()
    assert server.admin("PUT", f"/users/{name}/policies/p", body=body).status_code == 204
    console = new_console()
    with watched(console) as page:
        console.sign_in(made["access_key"], made["secret_key"])
        expect(page.get_by_role("navigation", name="Pages").get_by_role("link")).to_have_count(1)
        go(page, "buckets", bucket, prefix="in/")
        page.get_by_role("link", name="one").click()
        expect(page.get_by_role("region", name="Tags")).to_contain_text("AccessDenied")
        page.get_by_role("link", name="Preview").click()
        expect(page.get_by_role("region", name="Text")).to_contain_text("x")
        go(page, "buckets", bucket, "search")
        page.get_by_role("button", name="Search", exact=True).click()
        expect(page.get_by_role("link", name="in/one")).to_be_visible()
        console.go("#/identities")
        expect(page.get_by_text("There is no such page.")).to_be_visible()

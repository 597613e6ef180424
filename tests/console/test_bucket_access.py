"""Access lists, website, inventories and access log of a bucket: forms beside documents, and what is refused."""

import itertools
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Console
from tests.console.watch import go, serious, settled
from tests.harness.server import Server

_numbers = itertools.count(1)
EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"console-access-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


def save(page: Page, within: Any = None) -> None:
    """Save the one document that has changed, and wait until it is."""
    scope = within or page
    scope.get_by_role("button", name="Save", exact=True).first.click()
    expect(scope.get_by_text("not saved")).to_be_hidden()
    expect(page.locator(".toast").last).to_contain_text("Saved.")
    settled(page)


def test_ownership_and_access_lists(page: Page, s3: Any, server: Server, bucket: str) -> None:
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"seen")
    go(page, "buckets", bucket, "acl")
    expect(page.locator("main")).to_contain_text("Access lists are off")
    page.get_by_label("Objects belong to").select_option("ObjectWriter")
    expect(page.get_by_role("button", name="public-read", exact=True)).to_be_visible()
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"] == [
        {"ObjectOwnership": "ObjectWriter"}
    ]
    page.get_by_role("button", name="public-read", exact=True).click()
    expect(page.get_by_role("group", name="Grant 2")).to_be_visible()
    assert httpx.get(f"{server.endpoint}/{bucket}").status_code == 200
    page.get_by_role("button", name="Add a grant").click()
    added = page.get_by_role("group", name="Grant 3")
    expect(added.get_by_label("Canonical id")).to_have_attribute("aria-invalid", "true")
    added.get_by_label("Who").select_option("signed")
    added.get_by_label("May").select_option("READ_ACP")
    save(page)
    grants = s3.get_bucket_acl(Bucket=bucket)["Grants"]
    assert {(one["Grantee"].get("URI", "").rpartition("/")[2], one["Permission"]) for one in grants} == {
        ("", "FULL_CONTROL"), ("AllUsers", "READ"), ("AuthenticatedUsers", "READ_ACP"),
    }  # fmt: skip
    assert serious(page) == []

    go(page, "buckets", bucket, "object", key="k", tab="acl")
    page.get_by_role("button", name="Add a grant").click()
    added = page.get_by_role("group", name="Grant 2")
    added.get_by_label("Canonical id").fill("f" * 64)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Invalid id")
    added.get_by_label("Who").select_option("everybody")
    save(page)
    assert httpx.get(f"{server.endpoint}/{bucket}/k").content == b"seen"
    assert EVERYBODY in str(s3.get_object_acl(Bucket=bucket, Key="k")["Grants"])


def test_website(page: Page, console: Console, s3: Any, bucket: str) -> None:
    go(page, "buckets", bucket, "website")
    page.get_by_role("button", name="Make it a website").click()
    expect(page.get_by_role("button", name="Make it a website")).to_be_hidden()
    page.get_by_label("Error page").fill("<b>&404.html")
    page.get_by_role("button", name="Add a redirect").click()
    expect(page.get_by_text("Say where to, or what to replace.")).to_be_visible()
    page.get_by_label("Where the key begins with").fill("old/")
    page.get_by_label("Put in place of the prefix").fill("new/")
    page.get_by_label("With the status").fill("200")
    expect(page.get_by_label("With the status")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("With the status").fill("302")
    save(page)
    found = s3.get_bucket_website(Bucket=bucket)
    assert found["ErrorDocument"] == {"Key": "<b>&404.html"}
    assert found["RoutingRules"] == [
        {
            "Condition": {"KeyPrefixEquals": "old/"},
            "Redirect": {"ReplaceKeyPrefixWith": "new/", "HttpRedirectCode": "302"},
        }
    ]
    page.get_by_role("button", name="sends every request elsewhere").click()
    page.get_by_label("Host name to send requests to").fill("other.example.com")
    save(page)
    assert s3.get_bucket_website(Bucket=bucket)["RedirectAllRequestsTo"] == {"HostName": "other.example.com"}
    page.get_by_role("button", name="Remove the website").click()
    save(page)
    expect(page.locator("main")).to_contain_text("The bucket is not a website.")
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchWebsiteConfiguration"):
        s3.get_bucket_website(Bucket=bucket)


def test_inventories_and_log(page: Page, s3: Any, bucket: str) -> None:
    other = f"{bucket}-other"
    s3.create_bucket(Bucket=other)
    go(page, "buckets", bucket, "reports")
    inventories, log = page.get_by_role("region", name="Inventories"), page.get_by_role("region", name="Access log")
    for name in ("all", "weekly"):
        inventories.get_by_role("button", name="Add an inventory").click()
        form = inventories.locator("fieldset:not(.ticks)").last
        form.get_by_label("Name").fill(name)
        form.get_by_label("Into the bucket").fill(other)
    form.get_by_label("How often").select_option("Weekly")
    form.get_by_label("ObjectOwner").check()
    save(page, inventories)
    listed = s3.list_bucket_inventory_configurations(Bucket=bucket)["InventoryConfigurationList"]
    assert [(one["Id"], one["Schedule"]["Frequency"]) for one in listed] == [("all", "Daily"), ("weekly", "Weekly")]
    assert listed[1]["OptionalFields"] == ["Size", "LastModifiedDate", "StorageClass", "ETag", "ObjectOwner"]
    assert listed[0]["Destination"]["S3BucketDestination"]["Bucket"] == f"arn:aws:s3:::{other}"
    inventories.get_by_role("button", name="Remove inventory 1").click()
    save(page, inventories)
    expect(inventories.get_by_role("button", name="Remove inventory 2")).to_be_hidden()
    listed = s3.list_bucket_inventory_configurations(Bucket=bucket)["InventoryConfigurationList"]
    assert [one["Id"] for one in listed] == ["weekly"]

    log.get_by_role("button", name="Write requests down").click()
    log.get_by_label("Into the bucket").fill("no-such-bucket-at-all")
    log.get_by_role("button", name="Save", exact=True).click()
    expect(log.get_by_role("alert")).to_contain_text("InvalidTargetBucketForLogging")
    log.get_by_label("Into the bucket").fill(other)
    save(page, log)
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == {"TargetBucket": other, "TargetPrefix": "logs/"}
    log.get_by_role("button", name="Stop writing requests down").click()
    save(page, log)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    expect(page.get_by_role("region", name="Replication")).to_contain_text("501")
    rule = {"Status": "Enabled", "Destination": {"Bucket": f"arn:aws:s3:::{other}"}}
    with pytest.raises(s3.exceptions.ClientError, match="NotImplemented"):
        s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration={"Role": "", "Rules": [rule]})

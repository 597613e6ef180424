"""Lifecycle in the console: rules as a form and as text, what they would do, why not yet."""

import itertools
import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Console
from tests.console.watch import go
from tests.harness.server import Server

_numbers = itertools.count(1)
XML = """<LifecycleConfiguration><Rule><ID>&lt;b&gt;</ID><Status>Disabled</Status>
<Filter><And><Prefix>logs/</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And></Filter>
<Transition><Days>3</Days><StorageClass>GLACIER</StorageClass></Transition>
<Expiration><Days>9</Days></Expiration></Rule></LifecycleConfiguration>"""


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"console-rules-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    for number in range(5):
        s3.put_object(Bucket=name, Key=f"logs/<img src=x onerror=window.pwned=1>{number}", Body=b"x" * 200_000)
    return name


def text_of(page: Page) -> dict[str, Any]:
    """The rules as the text beside the form has them."""
    return dict(json.loads(page.get_by_label("Rules as JSON").input_value()))


def test_form_text_dry_run_save(page: Page, server: Server, s3: Any, bucket: str) -> None:
    go(page, "lifecycle")
    page.get_by_label("Filter by name").fill(bucket)
    page.get_by_role("link", name=bucket, exact=True).click()
    page.get_by_role("button", name="Add rule", exact=True).click()
    page.get_by_label("Name of the rule").fill("to-cold")
    page.get_by_label("Prefix", exact=True).fill("logs/")
    page.get_by_label("Days after creation").first.fill("1")
    page.get_by_label("Move to class").select_option("GLACIER_IR")
    assert text_of(page)["Rules"] == [
        {"ID": "to-cold", "Status": "Enabled", "Filter": {"Prefix": "logs/"},
         "Transitions": [{"Days": 1, "StorageClass": "GLACIER_IR"}]}
    ]  # fmt: skip
    page.get_by_role("button", name="Dry run").click()
    forecast = page.get_by_role("region", name="What the rules would do").first
    expect(forecast).to_contain_text("objects within 30 days")
    expect(forecast.locator("strong").nth(1)).to_have_text("5")
    expect(forecast).to_contain_text("<img src=x onerror=window.pwned=1>0")
    expect(forecast.get_by_role("img")).to_be_visible()
    assert server.admin("GET", f"/buckets/{bucket}/lifecycle").json()["Rules"] == []
    page.get_by_role("button", name="Save rules").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("objects within 30 days")
    dialog.get_by_role("button", name="Save rules").click()
    expect(page.get_by_text("The rules are saved.")).to_be_visible()
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]["ID"] == "to-cold"


def test_text_to_form(page: Page, console: Console, bucket: str) -> None:
    go(page, "lifecycle", bucket)
    page.get_by_role("button", name="XML").click()
    page.get_by_label("Rules as XML").fill("<a")
    expect(page.get_by_text("The form comes back when the text can be read.")).to_be_visible()
    expect(page.get_by_role("button", name="Dry run")).to_be_disabled()
    # Chromium's note on a broken document has a style, which the console's policy forbids.
    console.errors[:] = [error for error in console.errors if not error.startswith("Applying inline style")]
    page.get_by_label("Rules as XML").fill(XML)
    page.locator("summary").filter(has_text="<b>").click()
    expect(page.get_by_label("Name of the rule")).to_have_value("<b>")
    expect(page.get_by_label("Tags")).to_have_value("a=b")
    expect(page.get_by_label("Move to class")).to_have_value("GLACIER")
    page.get_by_label("Prefix", exact=True).fill("other/")
    expect(page.get_by_label("Rules as XML")).to_have_value(re.compile("<Prefix>other/</Prefix>"))
    page.get_by_role("button", name="JSON").click()
    (rule,) = text_of(page)["Rules"]
    assert rule["Filter"] == {"And": {"Prefix": "other/", "Tags": [{"Key": "a", "Value": "b"}]}}
    assert (rule["Status"], rule["Expiration"]) == ("Disabled", {"Days": 9})


def test_rules_by_access_and_what_is_refused(page: Page, server: Server, bucket: str) -> None:
    go(page, "lifecycle", bucket)
    page.get_by_role("button", name="Add rule by access or fill").click()
    page.get_by_label("Not used for days").fill("7")
    versions = page.get_by_label("Which versions")
    versions.select_option("Noncurrent")
    assert text_of(page)["ExtendedRules"][0]["Versions"] == "Noncurrent"
    versions.select_option("")
    assert "Versions" not in text_of(page)["ExtendedRules"][0]
    page.get_by_label("Move to class").select_option("")
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("checkbox", name="delete").click()
    (rule,) = text_of(page)["ExtendedRules"]
    assert (rule["LastAccessDays"], rule["Expire"]) == (7, True)
    page.get_by_role("button", name="Save rules").click()
    page.get_by_role("dialog").get_by_role("button", name="Save rules").click()
    expect(page.get_by_text("The rules are saved.")).to_be_visible()
    kept = server.admin("GET", f"/buckets/{bucket}/lifecycle").json()["ExtendedRules"]
    assert kept[0]["LastAccessDays"] == 7
    page.locator("summary").first.click()
    page.get_by_role("button", name="Remove rule").click()
    expect(page.get_by_text("No rules")).to_be_visible()
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_text("No rules")).to_be_hidden()


def test_explain_and_status(page: Page, s3: Any, bucket: str) -> None:
    rule = {"ID": "to-cold", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 400}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    go(page, "buckets", bucket, "object", key="logs/<img src=x onerror=window.pwned=1>0")
    page.get_by_role("link", name="Rules", exact=True).click()
    said = page.get_by_role("region", name="What each rule says").first
    expect(said).to_contain_text("to-cold")
    expect(said).to_contain_text("waiting")
    expect(page.get_by_role("status").filter(has_text="Next")).to_contain_text("delete")
    page.get_by_label("Key", exact=True).fill("not/there")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("there is no such key")
    page.get_by_role("link", name="Backlog and lag").click()
    expect(page.get_by_text("objects wait for an action")).to_be_visible()
    expect(page.get_by_role("cell", name="delete", exact=True).first).to_be_visible(timeout=30_000)  # once it is walked

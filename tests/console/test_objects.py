"""Objects in the console: browsing, uploads, downloads, versions, what an object has and holds."""

import itertools
import random
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.console.watch import go

MIB = 1024 * 1024
_numbers = itertools.count(1)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"console-objects-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def body_of(s3: Any, bucket: str, key: str) -> bytes:
    return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def uploaded(page: Page, name: str) -> Any:
    """The row of an upload."""
    return page.get_by_role("listitem").filter(has_text=name)


def test_levels_and_pages(page: Page, s3: Any, bucket: str) -> None:
    for number in range(105):
        s3.put_object(Bucket=bucket, Key=f"deep/er/{number:03}", Body=b"x")
    go(page, "buckets", bucket)
    page.get_by_role("link", name="deep/").click()
    page.get_by_role("link", name="er/").click()
    expect(page.get_by_role("link", name="099")).to_be_visible()
    expect(page.get_by_role("link", name="100")).to_be_hidden()
    page.get_by_role("button", name="More").click()
    expect(page.get_by_role("link", name="104")).to_be_visible()
    page.get_by_role("navigation", name="Place").get_by_role("link", name="deep").click()
    expect(page.get_by_role("link", name="er/")).to_be_visible()


def test_upload_and_what_is_there_already(page: Page, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="in/one.txt", Body=b"before")
    go(page, "buckets", bucket, prefix="in/")
    files = [
        {"name": "one.txt", "mimeType": "text/plain", "buffer": b"after"},
        {"name": "ünï <b>.bin", "mimeType": "", "buffer": b"\0\1"},
    ]
    page.locator("input[type=file]").set_input_files(files)  # type: ignore[arg-type]
    expect(uploaded(page, "ünï <b>.bin")).to_contain_text("done")
    expect(page.get_by_role("link", name="ünï <b>.bin")).to_be_visible()
    assert body_of(s3, bucket, "in/ünï <b>.bin") == b"\0\1"
    expect(uploaded(page, "one.txt")).to_contain_text("is there")
    assert body_of(s3, bucket, "in/one.txt") == b"before"
    uploaded(page, "one.txt").get_by_role("button", name="Replace").click()
    expect(uploaded(page, "one.txt")).to_contain_text("done")
    assert body_of(s3, bucket, "in/one.txt") == b"after"
    page.get_by_role("button", name="Clear finished").click()
    expect(uploaded(page, "one.txt")).to_be_hidden()


def test_drop(page: Page, s3: Any, bucket: str) -> None:
    go(page, "buckets", bucket)
    transfer = page.evaluate_handle(
        """() => { const transfer = new DataTransfer();
        transfer.items.add(new File(["dropped"], "dropped.txt", {type: "text/plain"})); return transfer; }"""
    )
    zone = page.locator(".drop")
    zone.dispatch_event("dragenter", {"dataTransfer": transfer})
    expect(page.get_by_text(f"Drop files to upload into {bucket}/")).to_be_visible()
    zone.dispatch_event("drop", {"dataTransfer": transfer})
    expect(page.get_by_role("link", name="dropped.txt")).to_be_visible()
    assert body_of(s3, bucket, "dropped.txt") == b"dropped"


def test_parts_are_sent_together_and_again(page: Page, s3: Any, bucket: str, tmp_path: Path) -> None:
    content = random.Random(1).randbytes(17 * MIB)
    (tmp_path / "large.bin").write_bytes(content)
    sent: Counter[str] = Counter()

    def count(request: Request) -> None:
        if "partNumber=" in request.url:
            sent[request.url.partition("partNumber=")[2].partition("&")[0]] += 1

    page.on("request", count)
    page.route("**/*partNumber=2&*", lambda route: route.abort(), times=1)
    go(page, "buckets", bucket)
    page.locator("input[type=file]").set_input_files(tmp_path / "large.bin")
    expect(uploaded(page, "large.bin")).to_contain_text("done", timeout=60_000)
    assert sent == {"1": 1, "2": 2, "3": 1}
    assert body_of(s3, bucket, "large.bin") == content
    about = s3.head_object(Bucket=bucket, Key="large.bin", ChecksumMode="ENABLED")
    assert about["ETag"].endswith('-3"')
    assert about["ChecksumCRC32"]


def test_a_canceled_upload_leaves_nothing(page: Page, s3: Any, bucket: str, tmp_path: Path) -> None:
    held: list[Route] = []
    page.route("**/*partNumber=*", lambda route: held.append(route))
    go(page, "buckets", bucket)
    (tmp_path / "large.bin").write_bytes(bytes(9 * MIB))
    with page.expect_request("**/*partNumber=*"):
        page.locator("input[type=file]").set_input_files(tmp_path / "large.bin")
    uploaded(page, "large.bin").get_by_role("button", name="Cancel large.bin").click()
    expect(uploaded(page, "large.bin")).to_contain_text("canceled")
    page.unroute_all(behavior="ignoreErrors")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_download(page: Page, s3: Any, bucket: str) -> None:
    key = "in/<i>file</i> ü?.html"
    s3.put_object(Bucket=bucket, Key=key, Body=b"<script>window.pwned=1</script>", ContentType="text/html")
    go(page, "buckets", bucket, "object", key=key)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert Path(download.value.path()).read_bytes() == b"<script>window.pwned=1</script>"
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_link_for_others(page: Page, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a/../b", Body=b"shared")
    go(page, "buckets", bucket, "object", key="a/../b")
    page.get_by_role("button", name="Link", exact=True).click()
    page.get_by_label("Lasts").select_option("900")
    page.get_by_role("button", name="Make link").click()
    url = page.get_by_label("The link, good until").input_value()
    assert httpx.get(url).content == b"shared"
    assert "X-Amz-Expires=900" in url
    assert httpx.get(url.replace("X-Amz-Expires=900", "X-Amz-Expires=9000")).status_code == 403


def test_delete_and_undo(page: Page, s3: Any, versioned: str) -> None:
    for key in ("one", "two", "ctrl\x01\n"):
        s3.put_object(Bucket=versioned, Key=key, Body=b"x")
    go(page, "buckets", versioned)
    expect(page.get_by_role("checkbox", name="Choose")).to_have_count(3)
    for box in page.get_by_role("checkbox", name="Choose").all():
        box.check()
    page.get_by_role("button", name="Delete 3").click()
    expect(page.get_by_role("dialog")).to_contain_text("this can be undone")
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Nothing here yet")).to_be_visible()
    assert s3.list_objects_v2(Bucket=versioned)["KeyCount"] == 0
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="two")).to_be_visible()
    assert s3.list_objects_v2(Bucket=versioned)["KeyCount"] == 3
    assert "DeleteMarkers" not in s3.list_object_versions(Bucket=versioned)


def test_delete_for_good_has_to_be_meant(page: Page, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="one", Body=b"x")
    go(page, "buckets", bucket, "object", key="one")
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("cannot be undone")
    expect(dialog.get_by_role("button", name="Delete", exact=True)).to_be_disabled()
    dialog.get_by_label("To confirm, type delete").fill("delete")
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Nothing here yet")).to_be_visible()


def test_versions(page: Page, s3: Any, versioned: str) -> None:
    first = s3.put_object(Bucket=versioned, Key="k", Body=b"first")["VersionId"]
    s3.put_object(Bucket=versioned, Key="k", Body=b"second")
    go(page, "buckets", versioned, "object", key="k", tab="versions")
    row = page.get_by_role("row").filter(has_text=first)
    row.get_by_role("button", name="Bring back").click()
    expect(page.get_by_role("row")).to_have_count(4)
    assert body_of(s3, versioned, "k") == b"first"
    s3.delete_object(Bucket=versioned, Key="k")
    go(page, "buckets", versioned)
    page.get_by_label("Show versions").check()
    expect(page.get_by_text("deleted", exact=True)).to_be_visible()
    go(page, "buckets", versioned, "object", key="k", tab="versions")
    page.get_by_role("button", name="Undelete").click()
    expect(page.get_by_role("button", name="Undelete")).to_be_hidden()
    assert body_of(s3, versioned, "k") == b"first"
    page.get_by_role("button", name=f"Delete version {first}").click()
    page.get_by_label("To confirm, type delete").fill("delete")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row").filter(has_text=first)).to_be_hidden()
    assert first not in str(s3.list_object_versions(Bucket=versioned)["Versions"])


def test_tags_and_metadata(page: Page, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"run": "7"}, ContentType="text/plain", Tagging="a=b")
    go(page, "buckets", bucket, "object", key="k")
    card = page.get_by_role("region", name="Tags")
    card.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Value 1").fill("changed")
    dialog.get_by_role("button", name="Add").click()
    dialog.get_by_label("Name 2").fill("team")
    dialog.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("changed")
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert tags == [{"Key": "a", "Value": "changed"}, {"Key": "team", "Value": ""}]
    card = page.get_by_role("region", name="Metadata")
    card.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Value 1").fill("8")
    dialog.get_by_label("Content type").fill("text/csv")
    dialog.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("8")
    about = s3.head_object(Bucket=bucket, Key="k")
    assert (about["Metadata"], about["ContentType"]) == ({"run": "8"}, "text/csv")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags


def test_lock(page: Page, s3: Any) -> None:
    bucket = f"console-locked-{next(_numbers)}"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    go(page, "buckets", bucket, "object", key="k")
    card = page.get_by_role("region", name="Object lock")
    card.get_by_label("off").click()
    expect(card.get_by_label("on: it cannot be deleted")).to_be_checked()
    assert s3.get_object_legal_hold(Bucket=bucket, Key="k")["LegalHold"]["Status"] == "ON"
    card.get_by_label("on: it cannot be deleted").click()
    expect(card.get_by_label("off")).to_be_visible()
    card.get_by_role("button", name="Change retention").click()
    page.get_by_label("Until (UTC)").fill("2035-01-02")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)  # it has that word, too
    expect(card).to_contain_text("Governance")
    kept = s3.get_object_retention(Bucket=bucket, Key="k")["Retention"]
    assert (kept["Mode"], kept["RetainUntilDate"].date().isoformat()) == ("GOVERNANCE", "2035-01-02")


def test_restore(page: Page, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100, StorageClass="GLACIER")
    go(page, "buckets", bucket, "object", key="k", tab="preview")
    expect(page.get_by_text("Archived: restore it to see it")).to_be_visible()
    page.get_by_role("link", name="Details").click()
    page.get_by_role("button", name="Restore").click()
    page.get_by_label("Days to keep the copy").fill("2")
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_text("It is being restored.").or_(page.get_by_text("A copy can be read until"))).to_be_visible()
    assert s3.head_object(Bucket=bucket, Key="k")["Restore"]


def test_search(page: Page, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="data/<b>.bin", Body=b"x" * 3000, Tagging="team=red", Metadata={"run": "7"})
    s3.put_object(Bucket=bucket, Key="data/other", Body=b"x", StorageClass="STANDARD_IA")
    go(page, "buckets", bucket, "search")
    page.get_by_label("Tags").fill("team=red")
    page.get_by_label("Metadata").fill("run")
    page.get_by_label("At least").fill("2 KiB")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 found")).to_be_visible()
    expect(page.get_by_role("link", name="data/<b>.bin")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("At least").fill("2 Kangaroos")
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_disabled()
    page.get_by_label("At least").fill("")
    page.get_by_label("Storage class").select_option("STANDARD_IA")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("link", name="data/other").click()
    expect(page.get_by_role("heading", name="other")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Storage class")).to_have_value("STANDARD_IA")

"""A selection as one zip."""

import itertools
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.console.conftest import Console, Open
from tests.console.watch import go

_numbers = itertools.count(1)
# How many files the origin has in its private file system.
FILES = """async () => {
  let count = 0
  for await (const _ of (await navigator.storage.getDirectory()).keys()) count += 1
  return count
}"""


@pytest.fixture
def console(new_console: Open) -> Console:
    """In a context of its own: what others have left in the private file system is not there."""
    console = new_console()
    console.sign_in()
    return console


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"console-zip-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


def choose_all(page: Page, count: int) -> None:
    ticks = page.locator("tbody input.tick")
    expect(ticks).to_have_count(count)
    for at in range(count):
        ticks.nth(at).check()


def test_objects_come_as_they_are(page: Page, s3: Any, bucket: str, tmp_path: Path) -> None:
    stored = {"p/": b"", "p/..": b"1", "p/\\x:y": b"2", "p/a.txt": b"3", "p/A.txt": b"4", "p/\u202ex": b"5",
              "p/large": os.urandom(20_000_000)}  # fmt: skip
    for key, body in stored.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    go(page, "buckets", bucket, prefix="p/")
    choose_all(page, len(stored))
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Download {len(stored)} as zip").click()
    assert download.value.suggested_filename == "p.zip"
    download.value.save_as(tmp_path / "p.zip")
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {"p/_": b"", "_": b"1", "_x_y": b"2", "A.txt": b"4", "a (2).txt": b"3", "⟨202E⟩x": b"5",
                     "large": stored["p/large"]}  # fmt: skip
    expect(page.get_by_role("region", name="Making")).to_have_count(0)
    assert page.evaluate(FILES) == 1  # kept for the browser to copy it


def test_what_cannot_be_read_is_told(page: Page, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    s3.put_object(Bucket=bucket, Key="cold", Body=b"x", StorageClass="GLACIER")
    go(page, "buckets", bucket)
    choose_all(page, 2)
    page.get_by_role("button", name="Download 2 as zip").click()
    panel = page.get_by_role("region", name="Making")
    expect(panel.get_by_role("alert")).to_contain_text("InvalidObjectState")
    expect(panel).to_contain_text("cold")
    panel.get_by_role("button", name="Close").click()
    expect(panel).to_have_count(0)
    assert page.evaluate(FILES) == 0


def test_without_files_of_its_own_it_is_held_in_memory(page: Page, s3: Any, bucket: str, tmp_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    go(page, "buckets", bucket)
    page.evaluate("() => { delete FileSystemFileHandle.prototype.createWritable }")
    choose_all(page, 1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as zip").click()
    download.value.save_as(tmp_path / "one.zip")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.read("a") == b"x"


def test_folders_come_with_all_below_them(page: Page, s3: Any, bucket: str, tmp_path: Path) -> None:
    stored = {"p/a/1": b"1", "p/a/b/2": b"22", "p/a/../3": b"333", "p/c/4": b"4444", "p/5": b"5"}
    for key, body in {**stored, "p/a/b/": b"", "other/6": b"6"}.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    s3.put_object(Bucket=bucket, Key="p/c/gone", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="p/c/gone")
    go(page, "buckets", bucket, prefix="p/")
    choose_all(page, 3)
    expect(page.get_by_role("button", name="Delete 1")).to_be_visible()  # folders are not deleted here
    with page.expect_download() as download:
        page.get_by_role("button", name="Download 3 as zip").click()
    download.value.save_as(tmp_path / "p.zip")
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {"a/1": b"1", "a/b/2": b"22", "a/_/3": b"333", "c/4": b"4444", "5": b"5"}


def test_too_many_objects_are_not_begun(page: Page, s3: Any, bucket: str) -> None:
    """A listing that goes on and on: as many as there may be are looked at, none is read."""
    s3.put_object(Bucket=bucket, Key="p/1", Body=b"x")
    go(page, "buckets", bucket)
    pages, day = itertools.count(1), "2030-01-01T00:00:00Z"

    def listed(route: Route) -> None:
        number = next(pages)
        entries = "".join(
            f"<Contents><Key>p/{number}-{at}</Key><Size>1</Size><LastModified>{day}</LastModified></Contents>"
            for at in range(1000)
        )
        more = f"<NextContinuationToken>{number}</NextContinuationToken>"
        body = f"<ListBucketResult>{entries}{more}</ListBucketResult>"
        route.fulfill(body=body, content_type="application/xml")

    page.route("**/*max-keys=1000*", listed)
    choose_all(page, 1)
    page.get_by_role("button", name="Download as zip").click()
    panel = page.get_by_role("region", name="Making")
    expect(panel.get_by_role("alert")).to_contain_text("more than 10,000 objects")
    assert next(pages) == 12

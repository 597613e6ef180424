"""What objects hold, and names that try to be more than names: shown, never run."""

import itertools
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Console
from tests.console.watch import HOSTILE, PARQUET, SCRIPT, SVG, go, png, safetensors, watched

MARKUP = "<img src=x onerror=window.pwned=1>"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    name = f"console-content-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


def preview(page: Page, s3: Any, bucket: str, key: str, body: bytes, content_type: str = "text/html") -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
    go(page, "buckets", bucket, "object", key=key, tab="preview")


def test_text_is_text_whatever_it_says_it_is(page: Page, s3: Any, bucket: str) -> None:
    for key, body in (("page.html", SCRIPT), ("image.svg", SVG), ("image.png", SVG), ("x.js", b"window.pwned=1")):
        preview(page, s3, bucket, key, body, "image/svg+xml" if key.startswith("image") else "text/html")
        expect(page.get_by_role("region", name="Content", exact=True)).to_contain_text("window.pwned=1")
        assert page.locator("main img").count() == 0
    preview(page, s3, bucket, "large.txt", "ü".encode() * 100_000)
    expect(page.get_by_text("Only the beginning is shown.")).to_be_visible()
    preview(page, s3, bucket, "empty", b"")
    expect(page.get_by_text("It is empty")).to_be_visible()
    preview(page, s3, bucket, "binary", bytes(range(256)))
    expect(page.get_by_role("region", name="Content", exact=True)).to_contain_text("0123456789:;<=>?")


def test_json(page: Page, s3: Any, bucket: str) -> None:
    preview(page, s3, bucket, "x.json", json.dumps({"a": [MARKUP]}).encode())
    expect(page.get_by_role("heading", name="JSON", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Content", exact=True)).to_contain_text(f'"a": [ "{MARKUP}" ]')
    preview(page, s3, bucket, "broken.json", b'{"a": ')
    expect(page.get_by_role("heading", name="Text", exact=True)).to_be_visible()


def test_images(page: Page, s3: Any, bucket: str) -> None:
    preview(page, s3, bucket, "gradient.png", png(60, 40))
    expect(page.get_by_text("image/png · 60 × 40")).to_be_visible()
    source = page.get_by_role("img", name="Content of gradient.png").get_attribute("src")
    assert source is not None
    assert source.startswith("blob:")
    preview(page, s3, bucket, "broken.png", png(60, 40)[:40])
    expect(page.get_by_text("It looks like image/png, but cannot be read")).to_be_visible()


def test_parquet(page: Page, s3: Any, bucket: str) -> None:
    preview(page, s3, bucket, "x.parquet", PARQUET)
    table = page.get_by_role("region", name="Columns")
    for name in ("<b>id</b>", "text", "embedding", "at", "TIMESTAMP", "FLOAT"):
        expect(table).to_contain_text(name)
    expect(page.get_by_text("parquet-cpp")).to_be_visible()
    for broken in (PARQUET[:-9] + b"\xff\xff\xff\x7fPAR1", PARQUET[:4] + bytes(300) + b"\x20\1\0\0PAR1", PARQUET[:-1]):
        preview(page, s3, bucket, "broken.parquet", broken)
        expect(page.get_by_text("It looks like")).to_be_visible()


def test_safetensors(page: Page, s3: Any, bucket: str) -> None:
    preview(page, s3, bucket, "x.safetensors", safetensors(note=MARKUP))
    for text in (MARKUP, "<b>layer</b>.weight", "[4, 8]", "BF16, F32"):
        expect(page.get_by_role("main")).to_contain_text(text)
    preview(page, s3, bucket, "broken.safetensors", b"\x10" + bytes(7) + b"{" + bytes(40))
    expect(page.get_by_text("It looks like")).to_be_visible()


def test_hostile_names(page: Page, s3: Any, bucket: str) -> None:
    """Each is listed, opened, previewed, found and linked; none is more than text."""
    for name in HOSTILE:
        s3.put_object(
            Bucket=bucket, Key=f"hostile/{name}|x", Body=SCRIPT, ContentType="text/html", Metadata={"note": MARKUP}
        )
    go(page, "buckets", bucket, prefix="hostile/")
    shown = page.get_by_role("region", name="Objects in")
    expect(shown).to_contain_text("<img src=x onerror=window.pwned=1>|x")
    expect(shown).to_contain_text("⟨202E⟩gpj.exe|x")  # nothing turns text round
    expect(shown).to_contain_text("⟨1B⟩[31mred|x")
    assert page.locator("main script, main iframe, main img, main object, main embed").count() == 0
    for name in HOSTILE:
        key = f"hostile/{name}|x"
        go(page, "buckets", bucket, "object", key=key)
        expect(page.get_by_role("region", name="Metadata")).to_contain_text(MARKUP)
        go(page, "buckets", bucket, "object", key=key, tab="preview")
        expect(page.get_by_role("region", name="Content", exact=True)).to_contain_text("window.pwned=1")
    go(page, "buckets", bucket, "search")
    page.get_by_label("Key contains").fill("<script>window")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="What was found").get_by_role("link")).to_have_count(1)


def test_a_key_that_browsers_cannot_name(page: Page, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="..", Body=b"x")
    go(page, "buckets", bucket)
    page.get_by_role("link", name="..", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text('Browsers cannot ask for a key that is ".."')
    page.go_back()
    page.get_by_role("checkbox", name="Choose ..").check()
    page.get_by_role("button", name="Delete 1").click()
    page.get_by_label("To confirm, type delete").fill("delete")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="..", exact=True)).to_be_hidden()
    assert ".." not in [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_hostile_addresses(console: Console, s3: Any, bucket: str) -> None:
    """What stands in the address of the console is text too, and so is what the server says of it."""
    with watched(console) as page:
        for place in (f"#/buckets/{quote(MARKUP, safe='')}", f"#/buckets/{bucket}/object?key={quote(MARKUP)}",
                      f"#/lifecycle/{bucket}/explain?key={quote(MARKUP)}", f"#/identities/users/{quote(MARKUP)}",
                      "#/buckets/%", "#/buckets/x?%=%&prefix=%ff", "#javascript:window.pwned=1"):  # fmt: skip
            console.go(place)
            page.wait_for_function("() => !document.querySelector('main .spinner')")
        assert page.locator("main img").count() == 0


def test_an_object_opened_in_the_browser_has_no_part_in_the_console(console: Console, s3: Any, bucket: str) -> None:
    """A page that somebody has uploaded runs in an origin of its own: it reads neither session nor token."""
    steals = b"""<!doctype html><script>
      fetch('/-/console/session').then(r => r.text(), e => 'refused').then(t => document.title = 'got ' + t)</script>"""
    s3.put_object(Bucket=bucket, Key="steals.html", Body=steals, ContentType="text/html")
    link = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "steals.html"})
    other = console.page.context.new_page()
    other.goto(link)
    other.wait_for_function("document.title.startsWith('got ')")
    assert other.title() == "got refused"
    assert "sandbox" in httpx.get(link).headers["content-security-policy"]
    console.errors.clear()

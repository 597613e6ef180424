"""Every page of data: without serious findings of axe, dark and light, narrow, in Chinese, by keyboard."""

import itertools
import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Console, Open
from tests.console.watch import PARQUET, go, png, safetensors, serious, settled, watched
from tests.harness.server import Server

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def places(server: Server) -> list[tuple[tuple[str, ...], dict[str, str]]]:
    """Each page with something in it."""
    s3, bucket, user = server.s3(), "console-places", "console-places-user"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    for key, body in (("a/" + "long-" * 30, b"x"), ("i.png", png(400, 300)), ("t.parquet", PARQUET),
                      ("m.safetensors", safetensors(format="pt")), ("j.json", b'{"a": 1}')):  # fmt: skip
        s3.put_object(Bucket=bucket, Key=key, Body=body, Tagging="team=red", Metadata={"run": "7"})
    s3.put_object(Bucket=bucket, Key="cold", Body=b"x", StorageClass="GLACIER")
    s3.delete_object(Bucket=bucket, Key="j.json")
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 9}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    server.admin("POST", "/users", body=json.dumps({"name": user, "policies": ["ReadOnlyAccess"]}).encode())
    here, one, rules = ("buckets", bucket), ("buckets", bucket, "object"), ("lifecycle", bucket)
    return [
        (("buckets",), {}), (here, {}), (here, {"versions": "1"}), ((*here, "search"), {}), ((*here, "summary"), {}),
        ((*here, "settings"), {}), ((*here, "policy"), {}), ((*here, "cors"), {}), ((*here, "events"), {}),
        ((*here, "acl"), {}), ((*here, "website"), {}), ((*here, "reports"), {}), (one, {"key": "cold", "tab": "acl"}),
        (one, {"key": "cold"}), (one, {"key": "i.png", "tab": "preview"}),
        (one, {"key": "t.parquet", "tab": "preview"}), (one, {"key": "m.safetensors", "tab": "preview"}),
        (one, {"key": "j.json", "tab": "versions"}), (one, {"key": "j.json"}),
        (("lifecycle",), {}), (rules, {}), ((*rules, "status"), {}), ((*rules, "explain"), {"key": "i.png"}),
        (("identities",), {}), (("identities", "users", user), {}), (("identities", "groups"), {}),
        (("identities", "policies"), {}), (("identities", "tester"), {"user": user}),
        (("identities", "roles"), {}), (("identities", "providers"), {}), (("cluster",), {"tab": "pace"}),
        (("here",), {"tier": "hot", "bucket": bucket, "prefix": ""}),
    ]  # fmt: skip


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe(new_console: Open, places: list[Any], dark: bool) -> None:
    console = new_console(dark=dark)
    with watched(console) as page:
        console.sign_in()
        found = {}
        for parts, query in places:
            go(page, *parts, **query)
            if wrong := serious(page, *(["color-contrast"] if dark else [])):
                found["/".join(parts)] = wrong
        assert not found, json.dumps(found, indent=1)


def test_narrow_and_in_chinese(new_console: Open, places: list[Any]) -> None:
    console = new_console(phone=True, language="zh-CN")
    with watched(console) as page:
        console.sign_in()
        for parts, query in places:
            go(page, *parts, **query)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (parts, query)
            tabs = page.locator("nav.tabs a, .page-head .button span").all_inner_texts()
            assert all(re.search("[一-鿿]", text) for text in tabs), tabs


def test_dialogs_have_no_serious_findings(console: Console, places: list[Any]) -> None:
    one = ("buckets", "console-places", "object")
    with watched(console) as page:
        opened = [
            (("buckets",), {}, "Create bucket"), (one, {"key": "cold"}, "Link"),
            (one, {"key": "cold"}, "Restore"), (one, {"key": "cold"}, "Change retention"),
            (one, {"key": "cold"}, "Delete"), (("lifecycle", "console-places"), {}, "Add rule"),
            (("identities",), {}, "Create user"), (("identities", "policies"), {}, "New policy"),
        ]  # fmt: skip
        for parts, query, button in opened:
            go(page, *parts, **query)
            page.get_by_role("button", name=button, exact=True).first.click()
            assert serious(page) == [], button
            page.keyboard.press("Escape")


def test_by_keyboard(console: Console, places: list[Any]) -> None:
    """From the head of a bucket to an object's preview with nothing but keys."""
    with watched(console) as page:
        go(page, "buckets", "console-places")
        focus(page, "link", "i.png")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="i.png")).to_be_visible()
        settled(page)
        focus(page, "link", "Preview")
        page.keyboard.press("Enter")
        expect(page.get_by_role("img", name="Content of i.png")).to_be_visible()


def focus(page: Page, role: Any, name: str) -> None:
    """Go on with Tab until it has the focus; every step along the way is one that can be seen."""
    target = page.get_by_role(role, name=name, exact=True)
    for _ in range(60):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
        assert page.evaluate("document.activeElement.getBoundingClientRect().width > 0")
    raise AssertionError(f"{name} is not reached with Tab")

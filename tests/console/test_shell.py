"""Signing in and the shell around every page: keyboard, colours, languages, narrow screens, nothing for other sites."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Console, Open
from tests.console.watch import serious
from tests.harness.server import Server

PLACES = (
    *("home", "cluster", "cluster?tab=drives", "cluster?tab=nodes", "cluster?tab=repair", "cluster?tab=checks"),
    *("cluster?tab=space", "jobs", "jobs?tab=warm", "jobs?tab=backups", "events", "events?tab=audit", "locate"),
)
HOSTILE = (
    "<script>document.title='pwned'</script>",
    "\"><img src=x onerror=document.title='pwned'>",
    "javascript:alert(1)//",
    "a/../../b",
    "\u202egpj.exe",
    "=cmd()|'x'",
    "{{constructor.constructor('x')()}}",
)


def settled(page: Page) -> Page:
    """The page once everything that it asked for has come."""
    expect(page.locator("main#main .spinner")).to_have_count(0)
    expect(page.locator("main#main h1")).to_be_visible()
    return page


def test_signing_in_and_out(new_console: Open) -> None:
    console = new_console()
    page = console.open("#/cluster?tab=drives")
    expect(page.locator("input[name=username]")).to_be_focused()
    assert not serious(page)
    console.fill(console.server.credentials[0], "wrong" * 8)
    expect(page.get_by_role("alert")).to_contain_text("AccessDenied")
    assert "403" in console.errors.pop()
    console.fill(*console.server.credentials)
    expect(page.locator("h1")).to_have_text("Cluster")
    expect(page.get_by_role("link", name="Drives", exact=True)).to_have_attribute("aria-current", "page")
    page.reload()
    expect(page.locator("h1")).to_have_text("Cluster")
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})") == "{}"
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("input[name=username]")).to_be_visible()
    assert page.context.cookies() == []


@pytest.mark.parametrize("options", [{}, {"dark": True, "phone": True, "language": "zh-CN"}], ids=["desktop", "phone"])
def test_every_page(new_console: Open, options: dict[str, Any]) -> None:
    """It comes without an error, nothing is cut off, and axe finds nothing serious."""
    console = new_console(**options)
    page = console.sign_in()
    for place in PLACES:
        settled(console.go(f"#/{place}"))
        assert page.locator(".notice.bad").count() == 0, place
        assert not serious(page), place
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth"), place


def test_the_keyboard_reaches_everything(console: Console) -> None:
    page = settled(console.page)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main#main")).to_be_focused()
    page.evaluate("document.activeElement.blur()")
    seen: set[str] = set()
    for _ in range(500):  # once around, however many drives and warnings there are
        if {"Picture", "Cluster", "Freeze", "JSON"} <= seen:
            break
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.ariaLabel || ''"))
    assert {"Picture", "Cluster", "Freeze", "JSON"} <= seen
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_colours_follow_the_system_until_they_are_chosen(new_console: Open) -> None:
    console = new_console(dark=True)
    page = console.sign_in()
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    page.emulate_media(color_scheme="light")
    expect(root).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Colours: as the system").click()
    page.get_by_role("button", name="Colours: light").click()
    expect(root).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(root).to_have_attribute("data-theme", "dark")


def test_chinese_is_chosen_by_the_browser_or_by_hand(new_console: Open) -> None:
    chinese = new_console(language="zh-CN").sign_in()
    expect(chinese.locator("h1")).to_have_text("数据全景")
    expect(chinese.locator("html")).to_have_attribute("lang", "zh")
    english = new_console(language="fr-FR").sign_in()
    expect(english.locator("h1")).to_have_text("The picture")
    english.get_by_role("button", name="中文").click()
    expect(english.locator("h1")).to_have_text("数据全景")
    english.reload()
    expect(english.locator("h1")).to_have_text("数据全景")


def test_a_narrow_screen_has_its_navigation_in_a_menu(new_console: Open) -> None:
    console = new_console(phone=True)
    page = console.sign_in()
    pages = page.get_by_role("navigation", name="Pages")
    expect(pages).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    pages.get_by_role("link", name="Cluster").click()
    expect(page.locator("h1")).to_have_text("Cluster")
    expect(pages).to_be_hidden()


def test_names_are_never_markup(console: Console) -> None:
    s3 = console.server.s3()
    s3.create_bucket(Bucket="hostile-names")
    for name in HOSTILE:
        s3.put_object(Bucket="hostile-names", Key=name, Body=b"x")
        console.go("#/locate?" + "bucket=hostile-names&key=" + quote(name, safe=""))
        expect(console.page.locator("h1")).to_have_text(name)
        expect(console.page.locator(".fragment").first).to_be_visible()
    assert console.page.title() == f"{HOSTILE[-1]} · objstore"
    assert console.page.locator("main img").count() == 0
    console.go("#/%3Cimg%20src%3Dx%20onerror%3Ddocument.title%3D1%3E")
    expect(console.page.locator("main")).to_contain_text("There is no such page.")


def test_an_object_cannot_use_the_session(console: Console) -> None:
    """A page that lies in a bucket runs in an origin of its own: it gets neither session nor token."""
    s3, page = console.server.s3(), console.page
    s3.create_bucket(Bucket="hostile-pages")
    script = """<!doctype html><title>waiting</title><script>
      const report = async (path) => {
        try { return (await fetch(path, {credentials: "include"})).status } catch { return "refused" }
      };
      Promise.all([report("/-/console/session"), report("/-/admin/v1/server")]).then((found) => {
        document.title = JSON.stringify({found, origin: self.origin});
      });
    </script>"""
    s3.put_object(Bucket="hostile-pages", Key="evil.html", Body=script.encode(), ContentType="text/html")
    link = s3.generate_presigned_url("get_object", Params={"Bucket": "hostile-pages", "Key": "evil.html"})
    page.goto(link)
    page.wait_for_function("document.title !== 'waiting'")
    assert json.loads(page.title()) == {"found": ["refused", "refused"], "origin": "null"}
    console.errors.clear()
    page.goto(f"{console.server.endpoint}/hostile-pages/evil.html")
    assert "AccessDenied" in page.content()
    console.errors.clear()
    page.goto(f"{console.server.endpoint}/-/admin/v1/server")
    assert "AccessDenied" in page.content()
    console.errors.clear()


def test_a_session_that_is_over_asks_again(console: Console) -> None:
    page = settled(console.go("#/jobs"))
    page.context.clear_cookies()
    console.go("#/cluster?tab=nodes")
    expect(page.locator("main.signin")).to_contain_text("The session is over")
    console.errors.clear()
    console.fill(*console.server.credentials)
    expect(page.get_by_role("link", name="Nodes", exact=True)).to_have_attribute("aria-current", "page")


def test_a_server_that_is_away_is_said_so(console: Console) -> None:
    page = settled(console.page)
    page.route("**/-/admin/v1/**", lambda route: route.abort())
    console.go("#/jobs")
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    page.unroute("**/-/admin/v1/**")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    console.errors.clear()


def test_nothing_is_asked_of_others(new_console: Open, server: Server) -> None:
    console = new_console()
    asked: list[str] = []
    console.page.on("request", lambda request: asked.append(request.url))
    settled(console.sign_in())
    assert asked
    assert [url for url in asked if not url.startswith((server.endpoint + "/", "blob:", "data:"))] == []

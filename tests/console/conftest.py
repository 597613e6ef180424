"""The console in Debian's Chromium, against the run's real server.

A browser is this directory's, not the run's: while it is open, nothing else in this thread may run an event loop.
"""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, sync_playwright

from tests.console.watch import watched
from tests.harness.server import Server

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
WAIT_MILLISECONDS = 20_000
# One process for all pages of a context, and none that draws as a graphics card would: less to start.
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--process-per-site",
             "--renderer-process-limit=1")  # fmt: skip


class Console:
    """A page of the console. ``errors``: what it wrote as errors; a test that expects some clears the list."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.server = page, server
        self.errors: list[str] = []
        page.set_default_timeout(WAIT_MILLISECONDS)
        page.on("console", self._on_message)
        page.on("pageerror", self._on_error)

    def _on_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _on_error(self, error: Error) -> None:
        self.errors.append(str(error))

    def leave(self) -> None:
        """The page is another's now, who opens it anew."""
        self.page.remove_listener("console", self._on_message)
        self.page.remove_listener("pageerror", self._on_error)
        self.page.unroute_all(behavior="ignoreErrors")

    def open(self, place: str = "") -> Page:
        """Go to a place, for instance ``#/buckets``."""
        self.page.goto(f"{self.server.endpoint}/-/console/{place}")
        return self.page

    def sign_in(self, access_key: str = "", secret_key: str = "", place: str = "") -> Page:
        """As root, or as whom the keys belong to; ends when the shell is there."""
        root = self.server.credentials
        self.open(place)
        self.fill(access_key or root[0], secret_key or root[1])
        self.page.wait_for_selector("main#main")
        return self.page

    def fill(self, access_key: str, secret_key: str) -> None:
        """Send the form of the sign-in page."""
        self.page.fill("input[name=username]", access_key)
        self.page.fill("input[name=password]", secret_key)
        self.page.keyboard.press("Enter")

    def go(self, place: str) -> Page:
        """Another place, without loading the console again."""
        self.page.evaluate("place => { location.hash = place }", place)
        return self.page


Open = Callable[..., Console]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def _context(browser: Browser, *, dark: bool = False, phone: bool = False, language: str = "en-GB") -> BrowserContext:
    return browser.new_context(
        viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
        locale=language,
        reduced_motion="reduce",
        accept_downloads=True,
    )


@pytest.fixture
def new_console(browser: Browser, server: Server) -> Iterator[Open]:
    """Makes pages, each in a context of its own: ``new_console(dark=True, phone=True, language="zh-CN")``."""
    contexts: list[BrowserContext] = []
    made: list[Console] = []

    def make(*, dark: bool = False, phone: bool = False, language: str = "en-GB") -> Console:
        contexts.append(_context(browser, dark=dark, phone=phone, language=language))
        made.append(Console(contexts[-1].new_page(), server))
        return made[-1]

    yield make
    errors = [error for console in made for error in console.errors]
    for context in contexts:
        context.close()
    assert not errors


@pytest.fixture(scope="module")
def desk(browser: Browser) -> Iterator[Page]:
    """The page that the module's tests open anew one after the other: a page of its own costs each a process more."""
    context = _context(browser)
    yield context.new_page()
    context.close()


@pytest.fixture
def console(desk: Page, server: Server) -> Iterator[Console]:
    """Signed in as root, on a desktop."""
    console = Console(desk, server)
    console.open()
    console.page.wait_for_selector("main#main, input[name=username]")
    if console.page.locator("input[name=username]").count():
        console.fill(*server.credentials)
        console.page.wait_for_selector("main#main")
    yield console
    errors = list(console.errors)  # not what the next to open it breaks off
    console.leave()
    for page in desk.context.pages:
        if page is not desk:
            page.close()
    assert not errors


@pytest.fixture(scope="session")
def s3(server: Server) -> Any:
    """A boto3 client that does not repeat requests."""
    return server.s3()


@pytest.fixture
def page(console: Console) -> Iterator[Page]:
    """Signed in as root, and watched."""
    with watched(console) as page:
        yield page

"""What pages are watched for, and the names that try to run something in them."""

import base64
import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, Request

from tests.harness.server import Server

if TYPE_CHECKING:
    from tests.console.conftest import Console

# Markup, script URLs, text that is turned round, escapes of terminals, formulas, dots, bytes that XML cannot carry.
HOSTILE = [
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "\"><svg onload=window.pwned=1>",
    "'-window.pwned=1-'",
    "javascript:window.pwned=1",
    "${window.pwned=1}{{window.pwned=1}}",
    "</textarea></title><iframe srcdoc='<script>parent.pwned=1</script>'>",
    "a/../b", "%2e%2e%2fetc", "a//b", "./.", "\u202egpj.exe", "\x1b[31mred", "=cmd()|x", "tab\tnew\nline\r", "\x01\x7f",
    "a b+c&d?e#f%41", "ünï 空\U0001f600", "\\..\\x", "&lt;b&gt;&#x3c;",
]  # fmt: skip
SCRIPT = b"<!doctype html><script>window.pwned=1;parent.pwned=1;top.pwned=1</script><img src=x onerror=window.pwned=1>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="window.pwned=1"><script>window.pwned=1</script></svg>'
# Four columns, three rows; the name of one is markup.
PARQUET = base64.b64decode(
    "UEFSMRUAFTwVNiwVBhUAFQYVBhwAAAAeHAIAAAAGAQEACQEBDiwAAAAAAwAAAAAAAAAVABUqFS4sFQYVABUGFQYcAAAAFVACAAAA"
    "BgEBAAAAYQEAAABiAQAAAGMVABUwFTAsFQYVABUGFQYcAAAAGBQCAAAABgAFBjADAACAPwAAAEAAAEBAFQAVPBU2LBUGFQAVBhUG"
    "HAAAAB4cAgAAAAYBAQAJAQEOLAAAAAADAAAAAAAAABUEGXw1ABgGc2NoZW1hFQgAFQQlAhgJPGI+aWQ8L2I+ABUMJQIYBHRleHQl"
    "AEwcAAAANQIYCWVtYmVkZGluZxUCFQZMPAAAADUEGARsaXN0FQIAFQglAhgHZWxlbWVudAAVBCUCGAJhdCUUTIwSHCwAAAAAABYG"
    "GRwZTCYAHBUEGSUGABkYCTxiPmlkPC9iPhUCFgYWYhZcJghJHBUAFQAVAgA8KQYZJgAGAAAAJgAcFQwZJQYAGRgEdGV4dBUCFgYW"
    "UBZUJmRJHBUAFQAVAgA8FgYZBhkmAAYAAAAmABwVCBklBgAZOAllbWJlZGRpbmcEbGlzdAdlbGVtZW50FQIWBhZWFlYmuAFJHBUA"
    "FQAVAgA8KSYGABlGAAAABgAAACYAHBUEGSUGABkYAmF0FQIWBhZiFlwmjgJJHBUAFQAVAgA8KQYZJgAGAAAAFuoCFgYmCBbiAgAo"
    "IHBhcnF1ZXQtY3BwLWFycm93IHZlcnNpb24gMjYuMC4xGUwcAAAcAAAcAAAcAAAAiAEAAFBBUjE="
)

DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


class Watch:
    """Everything that must not happen while a page is used."""

    def __init__(self, page: Page, server: Server) -> None:
        self.wrong: list[str] = []
        self._page, self._origin = page, server.endpoint

    def request(self, request: Request) -> None:
        if not request.url.startswith((self._origin + "/", f"blob:{self._origin}/", "data:image/")):
            self.wrong.append(f"loaded from elsewhere: {request.url}")

    def dialog(self, dialog: Any) -> None:
        self.wrong.append(f"a script opened a dialog: {dialog.message}")
        dialog.dismiss()

    def check(self) -> None:
        """Nothing ran, nothing came from elsewhere."""
        ran = [frame.url for frame in self._page.frames if frame.evaluate("'pwned' in window")]
        assert not ran, ran
        assert len(self._page.frames) == 1
        assert not self.wrong, self.wrong


@contextmanager
def watched(console: "Console") -> Iterator[Page]:
    """The page, watched for as long as it is used; what the server refused is for the test to look at."""
    page, watch = console.page, Watch(console.page, console.server)
    page.on("request", watch.request)
    page.on("dialog", watch.dialog)
    yield page
    watch.check()  # which also lets what the page has written arrive
    page.remove_listener("request", watch.request)
    page.remove_listener("dialog", watch.dialog)
    console.errors[:] = [error for error in console.errors if not error.startswith("Failed to load resource")]


def place(*parts: str, **query: str) -> str:
    """The address of a place in the console."""
    return (
        "#/"
        + "/".join(quote(part, safe="") for part in parts)
        + (f"?{urlencode(query, quote_via=quote)}" if query else "")
    )


def go(page: Page, *parts: str, **query: str) -> None:
    """Go there, and wait until its head is drawn and nothing is being loaded."""
    page.evaluate("hash => { location.hash = hash }", place(*parts, **query))
    settled(page)


def settled(page: Page) -> None:
    """Wait until no spinner turns and no button is busy."""
    page.wait_for_function(
        "() => document.querySelector('main h1') && !document.querySelector('main .spinner, main [aria-busy=true]')"
    )


def png(width: int, height: int) -> bytes:
    """A picture."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + bytes(x % 256 for x in range(width * 3)) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def safetensors(**metadata: str) -> bytes:
    """A header with two tensors, and their data."""
    header = {
        "__metadata__": metadata,
        "<b>layer</b>.weight": {"dtype": "BF16", "shape": [4, 8], "data_offsets": [0, 64]},
        "bias": {"dtype": "F32", "shape": [4], "data_offsets": [64, 80]},
    }
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(80)


def serious(page: Page, *rules: str) -> list[str]:
    """What axe finds that is serious or worse, by these of its rules, or by all.

    Its script is read once a document. It names elements of what is wrong only: naming those of all that is right takes
    most of its time.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options: dict[str, Any] = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found: list[dict[str, Any]] = []
    for _ in range(2):  # a button that became busy under its eyes has no colours of its own: look once more
        page.evaluate(DRAWN)  # what a page asks for once it is drawn makes its button busy
        page.wait_for_function("() => !document.querySelector('main [aria-busy=true]')")
        found = page.evaluate("options => axe.run(options).then(results => results.violations)", options)
        if not found:
            break
    return [
        f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes']][:3]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]

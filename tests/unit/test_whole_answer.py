"""Whole answers: the same bytes as uvicorn would send, and nothing that it would refuse."""

import pytest

from objstore.api.whole_answer import render

DATE = [(b"date", b"today")]
LENGTH = (b"content-length", b"3")


def test_an_answer() -> None:
    answer = render(200, DATE, [LENGTH, (b"etag", b'"e\xff"')], memoryview(b"abc"), False)
    assert answer == b'HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 3\r\netag: "e\xff"\r\n\r\nabc'
    assert render(200, DATE, [LENGTH], b"", True) == b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 3\r\n\r\n"
    assert render(204, DATE, [], b"", False) == b"HTTP/1.1 204 No Content\r\ndate: today\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-length", b"4")],
        [LENGTH, (b"connection", b"close")],
        [LENGTH, (b"transfer-encoding", b"chunked")],
        *([LENGTH, (b"x", b"a%cb" % code)] for code in (*range(9), *range(10, 32), 127)),
        [LENGTH, (b"x", b"a\r\nset-cookie: b")],
        [LENGTH, (b"x\r\ny", b"a")],
    ],
    ids=repr,
)
def test_what_is_left_to_uvicorn(headers: list[tuple[bytes, bytes]]) -> None:
    assert render(200, DATE, headers, b"abc", False) is None


def test_a_tab_is_no_control_character() -> None:
    assert b"a\tb" in (render(200, DATE, [LENGTH, (b"x", b"a\tb")], b"abc", False) or b"")

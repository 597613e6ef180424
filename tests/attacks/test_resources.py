"""What costs who sends it little, and must not cost the server much: uploads left open, bodies broken off, names by the
thousand. The long ones run in ``make soak``.
"""

import os
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.server import Server
from tests.harness.wire import Wire

BUCKET = "resources"
MANY = 10_000
RETRIES = 10
MIB = 2**20


@pytest.fixture(scope="module")
def wire(server: Server, s3: Any) -> Any:
    s3.create_bucket(Bucket=BUCKET)
    wire = Wire(server.address, server.credentials)
    yield wire
    wire.close()


def memory(server: Server) -> int:
    """Resident bytes of the processes that answer."""
    page = os.sysconf("SC_PAGESIZE")
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page for pid in server.state["workers"])


def files(server: Server) -> int:
    """What they have open."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in server.state["workers"])


def break_off(wire: Wire, number: int) -> None:
    """A PUT whose client dies in the middle of the body: of a small one, and each eighth time of a large one."""
    size = MIB if number % 8 == 0 else 100
    with wire.bare() as bare:
        bare.send(wire.head("PUT", f"/{BUCKET}/broken-{number}", {"content-length": str(size)}) + b"x" * (size // 2))
        bare.reset()


def begin(wire: Wire, key: str) -> None:
    """An upload that stays open; a server that says it is busy is asked again, as clients do."""
    for _ in range(RETRIES):
        if (answer := wire.request("POST", f"/{BUCKET}/{key}?uploads")).status == 200:
            return
        assert answer.status == 503
        time.sleep(float(answer.headers["retry-after"]))
    raise AssertionError("it stays busy")


def test_a71_broken_puts_leave_nothing(server: Server, wire: Wire) -> None:
    for number in range(100):
        break_off(wire, number)
    assert wire.request("GET", f"/{BUCKET}?list-type=2&prefix=broken-").body.count(b"<Key>") == 0
    assert wire.request("PUT", f"/{BUCKET}/whole", b"x").status == 200


@pytest.mark.soak
def test_a71_ten_thousand_uploads_and_broken_puts(server: Server, wire: Wire) -> None:
    """Uploads are rows, and broken bodies nothing: neither memory nor open files grow with them."""
    for number in range(500):
        begin(wire, f"warm/{number}")
        break_off(wire, number)
    workers, before, opened = server.state["workers"], memory(server), files(server)
    for number in range(MANY):
        begin(wire, f"open/{number:05}")
        break_off(wire, number)
    assert wire.request("GET", f"/{BUCKET}?list-type=2&prefix=broken-").body.count(b"<Key>") == 0
    seen, marker = 0, ""
    while True:
        page = wire.request("GET", f"/{BUCKET}?uploads&prefix=open/{marker}").body
        seen += page.count(b"<Upload>")
        if b"<IsTruncated>true" not in page:
            break
        key, upload = (page.partition(f"<{name}>".encode())[2].partition(b"<")[0].decode()
                       for name in ("NextKeyMarker", "NextUploadIdMarker"))  # fmt: skip
        marker = f"&key-marker={key.replace('/', '%2F')}&upload-id-marker={upload}"
    assert seen >= MANY, "who is told 503 may have begun one all the same"
    assert server.state["workers"] == workers
    assert memory(server) - before < 64 * MIB
    assert files(server) - opened < 100


def test_a73_names_without_number(server: Server, wire: Wire) -> None:
    """A hundred thousand parameters, form fields, members: refused by their length, and the next request is served."""
    names = "&".join(f"{number:x}=" for number in range(100_000))
    with wire.bare() as bare:
        bare.send(wire.head("GET", f"/{BUCKET}?list-type=2").replace(b"list-type=2", names.encode(), 1))
        assert bare.answer().status in (400, 414, 431)
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert httpx.post(server.endpoint + "/", content=names, headers=form).status_code in (400, 403)
    field = '--b\r\nContent-Disposition: form-data; name="{:x}"\r\n\r\n\r\n'
    fields = "".join(field.format(number) for number in range(100_000)) + "--b--\r\n"
    kind = {"content-type": "multipart/form-data; boundary=b"}
    answer = httpx.post(f"{server.endpoint}/{BUCKET}", content=fields, headers=kind)
    assert (answer.status_code, "MalformedPOSTRequest" in answer.text) == (400, True)
    members = ",".join(f'"{number}":""' for number in range(100_000))
    refused = wire.request("PUT", f"/{BUCKET}?policy", f"{{{members}}}".encode())
    assert (refused.status, refused.code) == (400, "MalformedPolicy")
    tags = "".join(f"<Tag><Key>{number}</Key><Value/></Tag>" for number in range(100_000))
    document = f"<Tagging><TagSet>{tags}</TagSet></Tagging>".encode()
    assert wire.request("PUT", f"/{BUCKET}?tagging", document).code in ("MalformedXML", "BadRequest", "InvalidTag")
    assert wire.request("GET", f"/{BUCKET}?list-type=2").status == 200

"""Traces: what a request makes the batchers, Postgres and the drives do hangs together, and can be sent to others."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from objstore.cli.tracing import Tracing
from objstore.work import spans
from tests.store.place import Place

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """Every span of this process, as long as the test runs."""
    exporter = InMemorySpanExporter()
    tracing = Tracing("http://127.0.0.1:1", 1.0, "test", SimpleSpanProcessor(exporter))
    tracing.install()
    yield exporter
    tracing.close()
    assert spans.here() is None


async def test_a_batch_belongs_to_its_requests(place: Place, bucket: str, exporter: InMemorySpanExporter) -> None:
    async def request(i: int) -> None:
        with spans.span(f"request {i}"):
            await place.put(bucket, b"k%d" % i, b"x" * 100)

    await asyncio.gather(*map(request, range(4)))
    found = exporter.get_finished_spans()
    requests = {one.context.span_id: one for one in found if one.name.startswith("request")}
    assert len(requests) == 4
    batches = [one for one in found if one.name == "put batch"]
    linked = {link.context.span_id for one in batches for link in one.links}
    parents = {one.parent.span_id for one in batches if one.parent}
    assert linked | parents == requests.keys()
    assert sum(one.attributes["items"] for one in batches if one.attributes) == 4
    ids = {one.context.span_id for one in batches}
    below = {one.name for one in found if one.parent and one.parent.span_id in ids}
    assert "drive write" in below
    assert below & {"postgres statement", "postgres transaction"}


async def test_a_request_is_named_and_has_its_parent(exporter: InMemorySpanExporter) -> None:
    tracing = Tracing("http://127.0.0.1:1", 1.0, "test", SimpleSpanProcessor(exporter))

    async def application(scope: Any, receive: Any, send: Any) -> None:
        with spans.span("inside"):
            await send({"type": "http.response.start", "status": 200, "headers": []})

    async def nothing(*_: Any) -> Any:
        return None

    headers = [(b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode()), (b"host", b"here")]
    await tracing.application(application)({"type": "http", "method": "GET", "headers": headers}, nothing, nothing)
    (request,) = [one for one in exporter.get_finished_spans() if one.name == "GET"]
    assert f"{request.context.trace_id:032x}" == TRACE
    tracing.close()


async def test_nothing_is_traced_unless_somebody_asks(place: Place, bucket: str) -> None:
    assert spans.here() is None
    await place.put(bucket, b"k", b"x")
    work, args = spans.carried("drive", print, (1,))
    assert (work, args) == (print, (1,))


def test_spans_are_sent() -> None:
    heard: list[str] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing to say."""

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        tracing = Tracing(f"http://127.0.0.1:{server.server_port}/v1/traces", 1.0, "test")
        tracing.install()
        with spans.span("one"):
            pass
        tracing.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert heard == ["/v1/traces"]

"""Collector: takes spans as OTLP over HTTP, and keeps them."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """Ids are bytes; ``parent`` and ``links`` are ids of spans. ``process``: who sent it."""

    trace: bytes
    id: bytes
    parent: bytes
    links: tuple[bytes, ...]
    name: str
    process: str


class Collector:
    """Listens from the start on ``endpoint``."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        kept = self.spans

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
                kept.extend(span for resource in sent.resource_spans for span in _spans(resource))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing to say."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """Where spans are sent to."""
        return f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    def of(self, trace: str) -> list[Span]:
        """Those of a trace, by its id in hex."""
        return [span for span in list(self.spans) if span.trace.hex() == trace]

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _spans(resource: Any) -> list[Span]:
    attributes = {one.key: one.value.string_value for one in resource.resource.attributes}
    process = attributes.get("service.instance.id", "")
    return [
        Span(
            one.trace_id, one.span_id, one.parent_span_id, tuple(link.span_id for link in one.links), one.name, process
        )
        for scope in resource.scope_spans
        for one in scope.spans
    ]

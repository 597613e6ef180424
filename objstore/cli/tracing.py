"""Traces by OpenTelemetry: the extra ``otel``, and only where ``trace_endpoint`` is set.

request      a span each, named as its operation; a client's ``traceparent`` is its parent
batch        lookups, writes and commits that share a crossing; the first of its requests is the parent, others are
             linked to it
postgres     a statement, or a transaction
drive        an operation of a drive of this process, in its thread
"""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from objstore.cli.problem import StartError
from objstore.model.notification import ORIGIN
from objstore.work import spans

LINKS_MAX = 64
_TRACEPARENT = (b"traceparent", b"tracestate")

Application = Callable[[Any, Any, Any], Awaitable[None]]


class Tracing:
    """Makes spans and sends them to ``endpoint`` (OTLP over HTTP), a part ``ratio`` of those that no parent decides.

    ``processor``: takes them instead. Raises StartError where the extra is not installed.
    """

    def __init__(self, endpoint: str, ratio: float, role: str, processor: Any = None) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
        except ImportError:
            raise StartError("trace_endpoint is set: install objstore[otel]") from None
        resource = Resource.create({"service.name": "objstore", "service.instance.id": role})
        sampler = ParentBased(TraceIdRatioBased(ratio))
        self._provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        self._tracer = self._provider.get_tracer("objstore")

    def install(self) -> None:
        """Have all of this process traced."""
        from opentelemetry.trace import get_current_span

        spans.install(self._begin, get_current_span)

    def close(self) -> None:
        """Send what there is, and stop. Waits for that: not in an event loop that serves."""
        spans.install(None)
        self._provider.shutdown()

    def application(self, inner: Application) -> Application:
        """An ASGI application in spans."""
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind

        async def traced(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await inner(scope, receive, send)
                return
            given = [pair for pair in scope["headers"] if pair[0] in _TRACEPARENT]
            headers = {name.decode(): value.decode("latin-1") for name, value in given}
            with self._tracer.start_as_current_span(
                scope["method"], context=extract(headers), kind=SpanKind.SERVER
            ) as current:
                ORIGIN.set(None)
                try:
                    await inner(scope, receive, send)
                finally:
                    _describe(current, ORIGIN.get())

        return traced

    def _begin(self, name: str, parents: Iterable[Any], attributes: dict[str, Any]) -> AbstractContextManager[Any]:
        from opentelemetry.trace import Link, set_span_in_context

        known = [parent for parent in parents if parent is not None and parent.get_span_context().is_valid]
        context = set_span_in_context(known[0]) if known else None
        links = [Link(parent.get_span_context()) for parent in known[1:LINKS_MAX]]
        return self._tracer.start_as_current_span(name, context=context, links=links, attributes=attributes)


def _describe(current: Any, call: Any) -> None:
    """What is known of an S3 request once it was answered; neither its key nor who sent it."""
    operation = getattr(call, "operation", "")
    if not operation:
        return
    current.update_name(operation)
    current.set_attributes(
        {
            "rpc.system": "aws-api",
            "rpc.method": operation,
            "aws.request_id": call.request.request_id,
            "http.response.status_code": call.status,
            "objstore.sent_bytes": call.sent_bytes,
            "objstore.source": call.source,
        }
    )

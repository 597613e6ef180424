"""Documents in and out without holding up the event loop."""

import asyncio
from typing import Any

from objstore.api.s3.call import Answer, Call, xml_answer
from objstore.api.s3.xml_in import parse_input
from objstore.api.s3.xml_out import render

# Parsing takes some 3 µs an element, rendering an entry 8: from here on (half a millisecond) a thread does it.
_INLINE_BYTES_MAX = 4096
_INLINE_ENTRIES_MAX = 64


async def read_input(call: Call, operation: str, *, strict: bool = False, empty: bool = False) -> dict[str, Any]:
    """The operation's input document; raises MalformedXML, and what reading and verifying the body raises.

    ``strict``: an element that the model does not know is an error. ``empty``: there may be no document.
    """
    document = await call.document()
    if empty and not document:
        return {}
    if len(document) <= _INLINE_BYTES_MAX:
        return parse_input(operation, document, strict=strict)
    return await asyncio.to_thread(parse_input, operation, document, strict=strict)


async def render_page(operation: str, values: dict[str, Any], entries: int) -> Answer:
    """The answer of an operation that lists this many entries."""
    if entries <= _INLINE_ENTRIES_MAX:
        headers, body = render(operation, values)
    else:
        headers, body = await asyncio.to_thread(render, operation, values)
    return xml_answer(body, headers)

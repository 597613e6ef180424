"""Documents that clients send, read by the S3 model's own input shapes.

Names are matched without their namespace: several clients send none. Nothing but UTF-8 is taken, no DTD, no entity
of one's own, and no more than XML_BODY_BYTES_MAX bytes or XML_DEPTH_MAX levels.
"""

import base64
import binascii
import re
from functools import cache
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from botocore.model import Shape
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from objstore.api.s3.service import body_shape, operation_model
from objstore.api.s3.text import parse_iso_time
from objstore.model.errors import MalformedXML
from objstore.model.limits import XML_BODY_BYTES_MAX, XML_DEPTH_MAX

_ENCODING = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}\Z")
_FLOAT = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?\Z")
# Enums whose other values have an error of their own.
_OPEN_ENUMS = frozenset({"BucketLocationConstraint", "Protocol", "TransitionStorageClass"})
_BOM = b"\xef\xbb\xbf"


class _ShallowTree(TreeBuilder):
    """Builds the tree, and refuses a document that is too deep while it is read."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        """An element begins; raises MalformedXML."""
        self._depth += 1
        if self._depth > XML_DEPTH_MAX:
            raise MalformedXML
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        """An element ends."""
        self._depth -= 1
        return super().end(tag)


def parse_input(operation: str, document: bytes, *, strict: bool = False) -> dict[str, Any]:
    """The payload of an operation as the model shapes it: dicts, lists, str, int, bool, bytes.

    Raises MalformedXML for anything that is not such a document, or lacks a required member; with ``strict``, also
    for an element that the model does not know.
    """
    shape, root_name = body_shape(operation_model(operation).input_shape)
    return parse_payload(shape, root_name, document, strict=strict)


def parse_payload(shape: Shape, root_name: str, document: bytes, *, strict: bool = False) -> dict[str, Any]:
    """The same for a structure of any model and the name of its root."""
    root = parse_document(document)
    if _local(root.tag) != root_name:
        raise MalformedXML
    value: dict[str, Any] = _value(shape, root, strict)
    return value


def parse_document(document: bytes) -> Element:
    """The root element; raises MalformedXML."""
    if not document or len(document) > XML_BODY_BYTES_MAX:
        raise MalformedXML
    document = document.removeprefix(_BOM)
    _check_encoding(document)
    parser = DefusedXMLParser(target=_ShallowTree(), forbid_dtd=True)
    try:
        parser.feed(document)
        root: Element = parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise MalformedXML from error
    return root


def _check_encoding(document: bytes) -> None:
    """expat reads UTF-16 and others by itself: only what is UTF-8, and does not claim otherwise, goes through."""
    declared = _ENCODING.match(document.lstrip()[:200])
    if declared and declared.group(1).lower() not in (b"utf-8", b"utf8", b"us-ascii"):
        raise MalformedXML
    try:
        document.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedXML from error
    if b"\x00" in document:
        raise MalformedXML


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _value(shape: Shape, element: Element, strict: bool) -> Any:
    if shape.type_name == "structure":
        return _structure(shape, element, strict)
    if shape.type_name == "list":
        return [_value(shape.member, child, strict) for child in element]
    if len(element):
        raise MalformedXML
    return _scalar(shape, element.text or "")


@cache
def _wire_names(shape: Shape) -> dict[str, str]:
    return {member.serialization.get("name", name): name for name, member in shape.members.items()}


def _structure(shape: Shape, element: Element, strict: bool) -> dict[str, Any]:
    """Members by name; an element given twice is refused unless it is of a list (which one was meant?)."""
    names = _wire_names(shape)
    value: dict[str, Any] = {}
    for child in element:
        name = names.get(_local(child.tag))
        if name is None:
            if strict:
                raise MalformedXML
            continue
        member = shape.members[name]
        if member.type_name == "list" and member.serialization.get("flattened"):
            value.setdefault(name, []).append(_value(member.member, child, strict))
        elif name in value:
            raise MalformedXML
        else:
            value[name] = _value(member, child, strict)
    for name, member in _attributes(shape).items():
        text = next((found for key, found in element.attrib.items() if _local(key) == name.rpartition(":")[2]), None)
        if text is not None:
            value[member] = _scalar(shape.members[member], text)
    if any(name not in value for name in shape.required_members):
        raise MalformedXML
    return value


@cache
def _attributes(shape: Shape) -> dict[str, str]:
    """Members that are attributes of the element, by their names there."""
    return {
        member.serialization.get("name", name): name
        for name, member in shape.members.items()
        if member.serialization.get("xmlAttribute")
    }


def _scalar(shape: Shape, text: str) -> Any:
    kind = shape.type_name
    if kind == "string":
        return _string(shape, text)
    stripped = text.strip()
    if kind in ("integer", "long"):
        return _number(_INTEGER, int, stripped)
    if kind in ("float", "double"):
        return _number(_FLOAT, float, stripped)
    if kind == "boolean":
        return _boolean(stripped)
    if kind == "timestamp":
        moment = parse_iso_time(stripped)
        if moment is None:
            raise MalformedXML
        return moment
    return _blob(stripped)


def _string(shape: Shape, text: str) -> str:
    if shape.enum and text.strip() not in shape.enum and shape.name not in _OPEN_ENUMS:
        raise MalformedXML
    return text.strip() if shape.enum else text


def _number(form: re.Pattern[str], convert: Any, text: str) -> Any:
    if not form.match(text):
        raise MalformedXML
    return convert(text)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise MalformedXML
    return text.lower() in ("true", "1")


def _blob(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise MalformedXML from error

"""Answers as the S3 model describes them: which members are headers, which are XML, and under which names."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from botocore.model import Shape

from objstore.api.s3.service import XML_NAMESPACE, body_shape, operation_model
from objstore.api.s3.text import escape_text, http_time, iso_time

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

# The model leaves the root of an answer without payload unnamed: clients ignore it, AWS writes these.
ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CopyObject": "CopyObjectResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLocation": "LocationConstraint",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketIntelligentTieringConfigurations": "ListBucketIntelligentTieringConfigurationsResult",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
    "UploadPartCopy": "CopyPartResult",
}

Headers = list[tuple[bytes, bytes]]


def render(operation: str, values: Mapping[str, Any]) -> tuple[Headers, bytes]:
    """Headers and XML body of an answer; ``values`` by member name, None and absent ones are left out.

    A value that the model does not know raises KeyError: a mistake of ours.
    """
    output = operation_model(operation).output_shape
    if output is None:
        return [], b""
    return _headers(output, values), _document(operation, output, values)


def _headers(output: Shape, values: Mapping[str, Any]) -> Headers:
    headers: Headers = []
    for name, value in values.items():
        member = output.members[name]
        if member.serialization.get("location") == "header" and value is not None:
            headers.append((member.serialization["name"].lower().encode(), _header_text(value)))
    return headers


def _header_text(value: Any) -> bytes:
    if isinstance(value, datetime):
        return http_time(value)
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return str(value).encode("latin-1")


def _document(operation: str, output: Shape, values: Mapping[str, Any]) -> bytes:
    shape, named = body_shape(output)
    if "payload" in output.serialization:
        values = values.get(output.serialization["payload"]) or {}
    if not any("location" not in member.serialization for member in shape.members.values()):
        return b""
    root = ROOTS.get(operation) or named
    inner: list[str] = []
    _structure(inner, shape, values)
    return f'{DECLARATION}<{root} xmlns="{XML_NAMESPACE}">{"".join(inner)}</{root}>'.encode()


def _structure(out: list[str], shape: Shape, values: Mapping[str, Any]) -> None:
    """Children in the order of ``values``: AWS's own order differs from the model's, and callers know it."""
    for name, value in values.items():
        if value is None:
            continue
        member = shape.members[name]
        if "location" in member.serialization or member.serialization.get("xmlAttribute"):
            continue
        _element(out, member.serialization.get("name", name), member, value)


def _element(out: list[str], name: str, shape: Shape, value: Any) -> None:
    if shape.type_name == "list":
        _list(out, name, shape, value)
    elif shape.type_name == "structure":
        out.append(f"<{name}{_attributes(shape, value)}>")
        _structure(out, shape, value)
        out.append(f"</{name}>")
    else:
        out.append(f"<{name}>{escape_text(_scalar(shape, value))}</{name}>")


def _list(out: list[str], name: str, shape: Shape, values: Sequence[Any]) -> None:
    if shape.serialization.get("flattened"):
        name = shape.member.serialization.get("name", name)
        for value in values:
            _element(out, name, shape.member, value)
        return
    out.append(f"<{name}>")
    for value in values:
        _element(out, shape.member.serialization.get("name", "member"), shape.member, value)
    out.append(f"</{name}>")


def _attributes(shape: Shape, value: Mapping[str, Any]) -> str:
    text = _namespace(shape)
    for name, member in shape.members.items():
        if member.serialization.get("xmlAttribute") and value.get(name) is not None:
            text += f' {member.serialization["name"]}="{escape_text(str(value[name]))}"'
    return text


@cache
def _namespace(shape: Shape) -> str:
    namespace = shape.serialization.get("xmlNamespace", shape.metadata.get("xmlNamespace"))
    if not namespace or "prefix" not in namespace:
        return ""
    return f' xmlns:{namespace["prefix"]}="{namespace["uri"]}"'


def _scalar(shape: Shape, value: Any) -> str:
    if isinstance(value, datetime):
        return iso_time(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    return str(value)

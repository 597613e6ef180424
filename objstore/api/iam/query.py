"""The query protocol: forms in, XML out, by botocore's models of IAM and STS.

https://docs.aws.amazon.com/IAM/latest/APIReference/CommonParameters.html
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

from objstore.api.s3.text import escape_text, iso_time
from objstore.model.errors import RequestError
from objstore.model.identity_errors import InvalidAction, ValidationError

FORM_BYTES_MAX = 1024 * 1024
FIELDS_MAX = 2000
MEMBERS_MAX = 200
_WHOLE = re.compile(r"-?[0-9]{1,10}", re.ASCII)
STATUS = {
    "AccessDenied": 403, "InvalidClientTokenId": 403, "SignatureDoesNotMatch": 403, "RequestTimeTooSkewed": 403,
    "MissingAuthenticationToken": 403, "ExpiredToken": 403, "NoSuchEntity": 404, "EntityAlreadyExists": 409,
    "DeleteConflict": 409, "LimitExceeded": 409, "NotImplemented": 501, "ServiceUnavailable": 503, "SlowDown": 503,
    "InternalError": 500,
}  # fmt: skip


@cache
def service(name: str) -> ServiceModel:
    """The model of ``iam`` or ``sts`` (some 100 ms the first time)."""
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


@cache
def operation(name: str, action: str) -> OperationModel:
    """One operation; raises InvalidAction."""
    model = service(name)
    if action not in model.operation_names:
        raise InvalidAction(f"Could not find operation {action[:100]} for version {model.api_version}")
    return model.operation_model(action)


def fields_of(form: bytes) -> dict[str, str]:
    """The fields of a form; raises ValidationError."""
    try:
        pairs = parse_qsl(
            form.decode(), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=FIELDS_MAX
        )
    except ValueError:
        raise ValidationError("The form cannot be read") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValidationError("A parameter was given twice")
    return fields


def parse(model: OperationModel, fields: Mapping[str, str]) -> dict[str, Any]:
    """The input of an operation; raises ValidationError for what is missing, too long or none of its form."""
    value = _structure(model.input_shape, fields, "") if model.input_shape else {}
    return value or {}


def _parse(shape: Shape, fields: Mapping[str, str], name: str) -> Any:
    if shape.type_name == "structure":
        return _structure(shape, fields, name + ".")
    if shape.type_name == "list":
        prefix = name if shape.serialization.get("flattened") else f"{name}.member"
        found = []
        for number in range(1, MEMBERS_MAX + 1):
            value = _parse(shape.member, fields, f"{prefix}.{number}")
            if value is None:
                break
            found.append(value)
        return found or None
    text = fields.get(name)
    return None if text is None else _scalar(shape, name, text)


def _structure(shape: Shape, fields: Mapping[str, str], prefix: str) -> dict[str, Any] | None:
    value: dict[str, Any] = {}
    for member, member_shape in shape.members.items():
        found = _parse(member_shape, fields, prefix + member_shape.serialization.get("name", member))
        if found is not None:
            value[member] = found
    if not value and prefix:
        return None
    for member in shape.required_members:
        if member not in value:
            name = member[0].lower() + member[1:]
            raise ValidationError(
                f"1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be "
                "null"
            )
    return value


def _scalar(shape: Shape, name: str, text: str) -> Any:
    if shape.type_name in ("integer", "long"):
        if not _WHOLE.fullmatch(text):
            raise _invalid(name, "a whole number")
        number = int(text)
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if (low is not None and number < low) or (high is not None and number > high):
            raise _invalid(name, f"between {low} and {high}")
        return number
    if shape.type_name == "boolean":
        if text.lower() not in ("true", "false"):
            raise _invalid(name, "true or false")
        return text.lower() == "true"
    if shape.enum and text not in shape.enum:
        raise _invalid(name, f"one of {', '.join(shape.enum)}")
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and len(text) < low) or (high is not None and len(text) > high):
        raise _invalid(name, f"of {low} to {high} characters")
    return text


def _invalid(name: str, wanted: str) -> ValidationError:
    return ValidationError(f"1 validation error detected: Value at '{name[:100]}' failed: it must be {wanted}")


def render(model: OperationModel, values: Mapping[str, Any], request_id: str) -> bytes:
    """The answer of an operation."""
    shape, inner = model.output_shape, ""
    if shape is not None:
        out: list[str] = []
        _render_members(out, shape, values)
        wrapper = shape.serialization.get("resultWrapper", f"{model.name}Result")
        inner = f"<{wrapper}>{''.join(out)}</{wrapper}>"
    namespace = model.service_model.metadata["xmlNamespace"]
    metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    return f'<{model.name}Response xmlns="{namespace}">{inner}{metadata}</{model.name}Response>'.encode()


def _render_members(out: list[str], shape: Shape, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if value is not None:
            member = shape.members[name]
            _render(out, member.serialization.get("name", name), member, value)


def _render(out: list[str], name: str, shape: Shape, value: Any) -> None:
    out.append(f"<{name}>")
    if shape.type_name == "structure":
        _render_members(out, shape, value)
    elif shape.type_name == "list":
        for one in value:
            _render(out, "member", shape.member, one)
    elif shape.type_name == "map":
        for key, one in value.items():
            out.append(f"<entry><key>{escape_text(key)}</key><value>{escape_text(str(one))}</value></entry>")
    else:
        out.append(escape_text(_text(value)))
    out.append(f"</{name}>")


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return iso_time(value.replace(microsecond=0))
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def render_error(name: str, error: RequestError, request_id: str) -> tuple[int, bytes]:
    """Status and document of a refusal."""
    status = STATUS.get(error.code, 400)
    kind = "Sender" if status < 500 else "Receiver"
    namespace = service(name).metadata["xmlNamespace"]
    body = (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>{kind}</Type><Code>{escape_text(error.code)}</Code>'
        f"<Message>{escape_text(str(error))}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return status, body.encode()

"""botocore's own model of S3, as data: operations, shapes, names, enums."""

from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

XML_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@cache
def service_model() -> ServiceModel:
    """The S3 service model (some 50 ms the first time)."""
    return ServiceModel(Loader().load_service_model("s3", "service-2"), "s3")


@cache
def operation_model(name: str) -> OperationModel:
    """One operation; raises botocore's OperationNotFoundError."""
    return service_model().operation_model(name)


@cache
def enum_of(shape: str) -> frozenset[str]:
    """The values of an enum shape."""
    return frozenset(service_model().shape_for(shape).enum)


def members_in(shape: Shape | None, location: str) -> dict[str, str]:
    """Wire name → member name of a structure's members at a location (``header``, ``querystring``)."""
    if shape is None:
        return {}
    members: dict[str, Any] = shape.members
    return {
        member.serialization["name"]: name
        for name, member in members.items()
        if member.serialization.get("location") == location
    }


def body_shape(shape: Shape) -> tuple[Shape, str]:
    """The structure that forms a message's XML document, and its root name where the model gives one."""
    payload = shape.serialization.get("payload")
    if payload is None:
        return shape, shape.serialization.get("name", "")
    member = shape.members[payload]
    return member, member.serialization.get("name", payload)

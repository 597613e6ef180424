"""Which operation of botocore's model of S3 Control a request is: by its method and the form of its path."""

import re
from functools import cache

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

PREFIX = b"/v20180820/"
NAMESPACE = "http://awss3control.amazonaws.com/doc/2018-08-20/"
_LABEL = re.compile(r"\{(\w+)(\+?)\}")


@cache
def model() -> ServiceModel:
    """The model (some 50 ms the first time)."""
    return ServiceModel(Loader().load_service_model("s3control", "service-2"), "s3control")


@cache
def _patterns() -> list[tuple[str, re.Pattern[str], str]]:
    """Method, form of the path, operation; the more a path says by itself, the earlier."""
    found = []
    for name in model().operation_names:
        http = model().operation_model(name).http
        path = http["requestUri"].partition("?")[0]
        form = "".join(_form(piece, index) for index, piece in enumerate(_LABEL.split(path)))
        found.append((len(_LABEL.sub("", path)), http["method"], re.compile(form + r"\Z"), name))
    found.sort(key=lambda one: one[0], reverse=True)
    return [(method, pattern, name) for _, method, pattern, name in found]


def _form(piece: str, index: int) -> str:
    """Of the pieces that ``_LABEL`` splits a path into: text, name of a label, whether it is greedy."""
    if index % 3 == 0:
        return re.escape(piece)
    return "" if index % 3 == 1 else ".+" if piece else "[^/]+"


def operation_of(method: str, path: str) -> str | None:
    """The operation's name; None if there is none such."""
    return next((name for its, pattern, name in _patterns() if its == method and pattern.match(path)), None)


def payload_shape(operation: str) -> Shape:
    """The structure that an operation takes as its document."""
    shape = model().operation_model(operation).input_shape
    return shape.members[shape.serialization["payload"]]

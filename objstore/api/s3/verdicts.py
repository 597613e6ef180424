"""What becomes of every request header that botocore's S3 model knows: read, refused, or without effect, and why."""

from objstore.api.s3.handlers import HANDLERS
from objstore.api.s3.service import members_in, operation_model, service_model

# Header → why it may be there and changes nothing.
WITHOUT_EFFECT = {
    "x-amz-bucket-object-lock-token": "as on AWS, where only its support hands such tokens out",
    "x-amz-client-token": "a rename is one transaction; repeated, it finds the source gone: `404 NoSuchKey`",
    "x-amz-mfa": "MFA Delete cannot be enabled",
    "x-amz-object-annotation-directive": "there are no annotations that a copy could take along",
    "x-amz-request-payer": "the owner of a bucket pays",
    "x-amz-skip-destination-validation": "destinations are always validated",
}
# Header → the code of the refusal, and why.
REFUSED = {
    "x-amz-bucket-namespace": "`501 NotImplemented`, unless it is `global`",
    "x-amz-object-lock-event-hold": "`501 NotImplemented`",
    "x-amz-object-lock-event-hold-duration-days": "`501 NotImplemented`",
    "x-amz-object-lock-event-hold-duration-years": "`501 NotImplemented`",
}


def headers() -> dict[str, list[str]]:
    """Every request header of the operations that are served, lower case, with the names of these."""
    found: dict[str, list[str]] = {}
    for operation in service_model().operation_names:
        shape = operation_model(operation).input_shape
        if operation not in HANDLERS or shape is None:
            continue
        for wire in members_in(shape, "header"):
            found.setdefault(wire.lower(), []).append(operation)
    return found


def verdict_of(header: str) -> str:
    """One line of the page."""
    if header in REFUSED:
        return REFUSED[header]
    return f"no effect: {WITHOUT_EFFECT[header]}" if header in WITHOUT_EFFECT else "done"

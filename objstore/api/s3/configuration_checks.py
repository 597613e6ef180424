"""What of configurations the model does not say: AWS's rules and its errors."""

from collections.abc import Mapping
from typing import Any

from objstore.api.s3.errors import S3Error
from objstore.lifecycle.inventory_rows import FIELDS
from objstore.lifecycle.inventory_writer import is_available
from objstore.model.encryption import KINDS, SSE_KMS, SSE_KMS_DSSE
from objstore.model.errors import InvalidArgument, InvalidRequest, MalformedXML, NotImplementedS3

ID_CHARS_MAX = 64
ROUTING_RULES_MAX = 50


def check_encryption(given: Mapping[str, Any]) -> None:
    """PutBucketEncryption: one rule, which names a kind that there is."""
    rules = given["Rules"]
    if len(rules) != 1:
        raise MalformedXML
    chosen = rules[0].get("ApplyServerSideEncryptionByDefault")
    if chosen is None:
        return
    kind = chosen["SSEAlgorithm"]
    if kind not in KINDS:
        raise MalformedXML
    if "KMSMasterKeyID" in chosen and kind not in (SSE_KMS, SSE_KMS_DSSE):
        raise InvalidArgument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
            ArgumentName="ApplyServerSideEncryptionByDefault",
        )


def check_accelerate(given: Mapping[str, Any]) -> None:
    """PutBucketAccelerateConfiguration: a status."""
    if "Status" not in given:
        raise MalformedXML


def check_website(given: Mapping[str, Any]) -> None:
    """PutBucketWebsite: an index, or a redirect of everything."""
    everything = given.get("RedirectAllRequestsTo")
    if everything is not None:
        if set(given) != {"RedirectAllRequestsTo"}:
            raise _invalid("RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.")
        if not everything["HostName"]:
            raise _invalid("A host name has to be given.")
        _check_protocol(everything)
        return
    suffix = given.get("IndexDocument", {}).get("Suffix")
    if suffix is None:
        raise InvalidArgument("A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty")
    if not suffix or "/" in suffix:
        raise InvalidArgument("The IndexDocument Suffix is not well formed")
    if "ErrorDocument" in given and not given["ErrorDocument"]["Key"]:
        raise InvalidArgument("The ErrorDocument Key is not well formed")
    rules = given.get("RoutingRules", ())
    if len(rules) > ROUTING_RULES_MAX:
        raise _invalid(f"{len(rules)} routing rules provided, the number of routing rules in a website configuration "
                       f"is limited to {ROUTING_RULES_MAX}.")  # fmt: skip
    for rule in rules:
        _check_routing(rule)


def _check_routing(rule: Mapping[str, Any]) -> None:
    redirect, condition = rule["Redirect"], rule.get("Condition")
    if not redirect:
        raise _invalid("The redirect of a routing rule must not be empty.")
    if "ReplaceKeyPrefixWith" in redirect and "ReplaceKeyWith" in redirect:
        raise _invalid("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
    _check_protocol(redirect)
    for name in ("HttpErrorCodeReturnedEquals", "HttpRedirectCode"):
        code = (condition or {}).get(name) or redirect.get(name)
        low, high = (400, 599) if name.startswith("HttpError") else (301, 399)
        if code is not None and not (code.isascii() and code.isdigit() and low <= int(code) <= high):
            raise _invalid(f"The provided HTTP redirect code ({code[:20]}) is not valid. "
                           f"Valid codes are {low} to {high}.")  # fmt: skip
    if condition is not None and not condition:
        raise _invalid("Condition cannot be empty. To redirect all requests without a condition, the condition element "
                       "shouldn't be present.")  # fmt: skip


def _check_protocol(target: Mapping[str, Any]) -> None:
    if target.get("Protocol", "http") not in ("http", "https"):
        raise _invalid("Invalid protocol, protocol can be http or https. If not defined the protocol will be selected "
                       "automatically.")  # fmt: skip


def check_by_id(kind: str, given: Mapping[str, Any], name: str) -> None:
    """An analytics, metrics or inventory configuration."""
    if given.get("Id") != name or not 1 <= len(name) <= ID_CHARS_MAX:
        raise InvalidArgument(
            "The ID in the request and in the document must be the same, and of 1 to 64 characters", ArgumentName="id"
        )
    if kind == "Inventory":
        _check_inventory(given)


def _check_inventory(given: Mapping[str, Any]) -> None:
    destination = given["Destination"]["S3BucketDestination"]
    if not destination["Bucket"].startswith("arn:aws:s3:::"):
        raise S3Error("InvalidS3DestinationBucket", "Invalid bucket ARN.")
    for name in given.get("OptionalFields", ()):
        if name not in FIELDS:
            raise NotImplementedS3(f"Inventories without the field {name} only", Field=name)
    if not is_available(destination["Format"]):
        raise NotImplementedS3(f"Inventories in {destination['Format']} need pyarrow on the server")


def _invalid(message: str) -> InvalidRequest:
    return InvalidRequest(message)

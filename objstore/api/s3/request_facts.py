"""Condition keys that the operation and the document of a request tell, not its line and headers.

A document is read only where some policy asks what is in it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from objstore.api.s3.call import Call
from objstore.api.s3.documents import read_input
from objstore.api.s3.permissions import Need
from objstore.api.s3.text import iso_time, parse_iso_time
from objstore.model import clock

Facts = dict[str, list[str] | None]  # None: not there, whatever a header says
Asks = Callable[[str], bool]  # whether some policy names a condition key that begins so

IF_MATCH, IF_NONE_MATCH = "s3:if-match", "s3:if-none-match"
# Everything else takes no notice of If-Match and If-None-Match: a policy that asks for them does not find them there.
_CONDITIONAL = frozenset(
    {"GetObject", "HeadObject", "PutObject", "CopyObject", "RenameObject", "CompleteMultipartUpload", "DeleteObject"}
)
_CREATES = "s3:objectcreationoperation"
_LOCK, _MODE, _UNTIL = "s3:object-lock-", "s3:object-lock-mode", "s3:object-lock-retain-until-date"
_HOLD, _REMAINING = "s3:object-lock-legal-hold", "s3:object-lock-remaining-retention-days"
_FIELDS, _LOCATION = "s3:inventoryaccessibleoptionalfields", "s3:locationconstraint"
_OF_UPLOADS = frozenset({"CreateMultipartUpload", "UploadPart", "UploadPartCopy"})
_DAY = timedelta(days=1)


async def facts_of(call: Call, need: Need, asks: Asks) -> Facts:
    """Keys, lower case, with their values. Raises MalformedXML, and what reading and verifying a body raises."""
    is_form = call.request.method == "POST" and call.operation == "PutObject"
    obeys = call.operation in _CONDITIONAL and not is_form
    found: Facts = {} if obeys else {IF_MATCH: None, IF_NONE_MATCH: None}
    if need.action == "s3:putobject":
        found[_CREATES] = ["false" if call.operation in _OF_UPLOADS else "true"]
    if asks(_LOCK):
        found |= await _lock(call)
    if call.operation == "PutBucketInventoryConfiguration" and asks(_FIELDS):
        found[_FIELDS] = list((await read_input(call, call.operation)).get("OptionalFields", ()))
    if call.operation == "CreateBucket" and asks(_LOCATION) and call.has_body():
        location = (await read_input(call, call.operation, empty=True)).get("LocationConstraint")
        found |= {_LOCATION: [location]} if location else {}
    return found


async def _lock(call: Call) -> Facts:
    """Of a lock that a document asks for, and how many days one is to last, however it is asked for."""
    if call.operation == "PutObjectLegalHold":
        status = (await read_input(call, call.operation, empty=True)).get("Status")
        return {_HOLD: [status]} if status else {}
    if call.operation != "PutObjectRetention":
        return _remaining(parse_iso_time(call.request.header(b"x-amz-object-lock-retain-until-date")))
    given: Mapping[str, str | datetime] = await read_input(call, call.operation, empty=True)
    mode, until = given.get("Mode"), given.get("RetainUntilDate")
    found: Facts = {_MODE: [str(mode)]} if mode else {}
    if not isinstance(until, datetime):
        return found
    return found | {_UNTIL: [iso_time(until)]} | _remaining(until)


def _remaining(until: datetime | None) -> Facts:
    """Days that have begun count as whole ones."""
    return {} if until is None else {_REMAINING: [str(-((clock.now() - until) // _DAY))]}

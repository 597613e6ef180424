"""The error tree: three kinds that a caller can act on.

    ObjstoreError
    ├── RequestError   the client's doing; final. The class name is the S3 error code.
    ├── ClusterError   ours, and another try may pass; clients see a 5xx that every SDK retries.
    └── CorruptData    bytes that do not match their checksum and could not be rebuilt.

The HTTP status of each S3 code stands in one table in ``objstore.api.s3.errors``.
"""

from typing import Any


class ObjstoreError(Exception):
    """Anything that objstore raises on purpose."""


class RequestError(ObjstoreError):
    """The request cannot be done as asked; the class name is the S3 error code.

    ``details`` become extra elements of the XML error (for instance ``BucketName``), in order; ``headers`` (lower-case
    names) go with the answer.
    """

    message = "The request is not valid."

    def __init__(self, message: str | None = None, **details: Any) -> None:
        super().__init__(message or self.message)
        self.details = details
        self.headers: tuple[tuple[str, str], ...] = ()

    @property
    def code(self) -> str:
        """S3 error code."""
        return type(self).__name__


class ClusterError(ObjstoreError):
    """Something of ours failed or is overloaded; the same request may pass later."""


class Overloaded(ClusterError):
    """A queue stayed full for longer than a client may be kept waiting."""


class DriveError(ClusterError):
    """A drive failed to read or write; ``drive_id`` says which, ``full`` whether it was out of space."""

    def __init__(self, message: str, drive_id: str = "", full: bool = False) -> None:
        super().__init__(message)
        self.drive_id = drive_id
        self.full = full


class ShardMissing(DriveError):
    """The drive answers and has no such shard."""


class DriveTimeout(DriveError):
    """A drive did not answer in time."""


class DriveAway(DriveTimeout):
    """The drive cannot be asked at all, for its node does not answer or is not known: nobody knows what it holds."""


class RemoteUnavailable(DriveError):
    """A remote tier does not answer, or does not do what it is asked: nothing is known of what it holds."""


class LateRead(DriveTimeout):
    """Drives are late and may still write into the buffers that they were given. ``columns``: theirs."""

    def __init__(self, message: str, columns: frozenset[int] = frozenset()) -> None:
        super().__init__(message)
        self.columns = columns


class PlacementImpossible(ClusterError):
    """Too few usable drives for a volume of the tier; ``full`` when space is what is lacking."""

    def __init__(self, message: str, full: bool = False) -> None:
        super().__init__(message)
        self.full = full


class TooManyLost(ClusterError):
    """More columns of a stripe are unreadable than its parity can make good."""


class DatabaseUnavailable(ClusterError):
    """Postgres does not answer, or a commit's outcome could not be found out in time."""


class DatabaseBusy(DatabaseUnavailable):
    """Postgres answers, but there is no connection left, or others were in the way for too long: come again later."""


class VolumeFenced(ClusterError):
    """The volume was sealed by somebody else: what was appended must go to another one."""


class CorruptData(ObjstoreError):
    """Stored bytes do not match their checksum."""


class AccessDenied(RequestError):
    """Access Denied."""

    message = "Access Denied"


class NoSuchBucket(RequestError):
    """The bucket is not there."""

    message = "The specified bucket does not exist"


class NoSuchKey(RequestError):
    """The key is not there."""

    message = "The specified key does not exist."


class NoSuchVersion(RequestError):
    """The version is not there."""

    message = "The specified version does not exist."


class NoSuchUpload(RequestError):
    """The multipart upload is not there."""

    message = (
        "The specified multipart upload does not exist. The upload ID may be invalid, "
        "or the upload may have been aborted or completed."
    )


class BucketAlreadyOwnedByYou(RequestError):
    """The bucket exists already and is yours."""

    message = "Your previous request to create the named bucket succeeded and you already own it."


class BucketAlreadyExists(RequestError):
    """The bucket name is taken by somebody else."""

    message = "The requested bucket name is not available. Select a different name and try again."


class BucketNotEmpty(RequestError):
    """The bucket still holds objects or uploads."""

    message = "The bucket you tried to delete is not empty"


class PreconditionFailed(RequestError):
    """A condition of the request does not hold; detail ``Condition`` names it."""

    message = "At least one of the pre-conditions you specified did not hold"


class ConditionalRequestConflict(RequestError):
    """A conditional write met another write of the same key."""

    message = "The conditional request cannot succeed due to a conflicting operation against this resource."


class InvalidPart(RequestError):
    """A part named in Complete is not there, or its ETag or checksum differs."""

    message = (
        "One or more of the specified parts could not be found. The part may not have been "
        "uploaded, or the specified entity tag may not match the part's entity tag."
    )


class InvalidPartOrder(RequestError):
    """Parts of Complete are not in ascending order."""

    message = "The list of parts was not in ascending order. Parts must be ordered by part number."


class InvalidPartNumber(RequestError):
    """The part number asked for is not one of the object's."""

    message = "The requested partnumber is not satisfiable"


class EntityTooSmall(RequestError):
    """A part other than the last is below the minimum."""

    message = "Your proposed upload is smaller than the minimum allowed size"


class EntityTooLarge(RequestError):
    """The object or part is above the maximum."""

    message = "Your proposed upload exceeds the maximum allowed size"


class IncompleteBody(RequestError):
    """Fewer bytes came than were declared."""

    message = "You did not provide the number of bytes specified by the Content-Length HTTP header"


class BadDigest(RequestError):
    """A digest that was sent does not match the bytes."""

    message = "The Content-MD5 or checksum value that you specified did not match what the server received."


class InvalidDigest(RequestError):
    """A digest that was sent is not one."""

    message = "The Content-MD5 or checksum value that you specified is not valid."


class XAmzContentSHA256Mismatch(RequestError):
    """The payload's SHA-256 is not the one that was signed."""

    message = "The provided 'x-amz-content-sha256' header does not match what was computed."


class InvalidArgument(RequestError):
    """An argument's value is not allowed."""

    message = "Invalid Argument"


class InvalidRequest(RequestError):
    """The request makes no sense as a whole."""

    message = "Invalid Request"


class InvalidRange(RequestError):
    """The range lies outside the object."""

    message = "The requested range is not satisfiable"


class InvalidBucketName(RequestError):
    """The name breaks the rules for bucket names."""

    message = "The specified bucket is not valid."


class InvalidStorageClass(RequestError):
    """The storage class is unknown or has no tier behind it."""

    message = "The storage class you specified is not valid"


class InvalidURI(RequestError):
    """The path cannot be a key."""

    message = "Couldn't parse the specified URI."


class KeyTooLongError(RequestError):
    """The key is longer than 1024 bytes."""

    message = "Your key is too long"


class MalformedXML(RequestError):
    """The XML of the body is not well formed or not of the published form."""

    message = "The XML you provided was not well-formed or did not validate against our published schema"


class MetadataTooLarge(RequestError):
    """User metadata is above 2 KiB."""

    message = "Your metadata headers exceed the maximum allowed metadata size"


class MethodNotAllowed(RequestError):
    """The method is not allowed against this resource."""

    message = "The specified method is not allowed against this resource."


class MissingContentLength(RequestError):
    """Content-Length is required."""

    message = "You must provide the Content-Length HTTP header."


class NotImplementedS3(RequestError):
    """The operation is not done here; answered as 501 NotImplemented."""

    message = "A header or query you provided implies functionality that is not implemented."

    @property
    def code(self) -> str:
        """S3 error code."""
        return "NotImplemented"


class QuotaExceeded(RequestError):
    """The tier or quota is full: final, so that no client loops on it."""

    message = "The storage tier is full. Delete objects or add drives, then try again."


class RequestTimeout(RequestError):
    """The client was too slow in sending."""

    message = "Your socket connection to the server was not read from or written to within the timeout period."


class InvalidTag(RequestError):
    """A tag breaks the rules."""

    message = "The tag provided was not a valid tag."


class SignatureDoesNotMatch(RequestError):
    """The signature is not the one that the secret key gives for this request."""

    message = (
        "The request signature we calculated does not match the signature you provided. Check your "
        "key and signing method."
    )


class InvalidAccessKeyId(RequestError):
    """The access key is not known."""

    message = "The AWS Access Key Id you provided does not exist in our records."


class InvalidToken(RequestError):
    """A session token that we did not issue."""

    message = "The provided token is malformed or otherwise invalid."


class RequestTimeTooSkewed(RequestError):
    """The request's date is too far from ours."""

    message = "The difference between the request time and the current time is too large."


class AuthorizationHeaderMalformed(RequestError):
    """The Authorization header is not of the published form."""

    message = "The authorization header you provided is invalid."


class AuthorizationQueryParametersError(RequestError):
    """The query of a presigned URL is not of the published form."""

    message = "The authorization query parameters that you provided are not valid."


class MalformedTrailerError(RequestError):
    """The trailer of an aws-chunked body is not what was declared."""

    message = "The request contained trailing data that was not well-formed or did not conform to our published schema."


class InvalidChunkSizeError(RequestError):
    """A chunk other than the last is too small."""

    message = "Only the last chunk is allowed to have a size less than 8192 bytes"


class ExpectationFailed(RequestError):
    """The Expect header asks for something other than 100-continue."""

    message = "The expectation given in the Expect header could not be met."


class InvalidObjectState(RequestError):
    """What was asked for cannot be done with an object of its storage class."""

    message = "The operation is not valid for the object's storage class"


class ObjectNotInActiveTierError(RequestError):
    """The source of a copy is archived."""

    message = "The source object of the COPY action is not in the active tier and is only stored in Amazon S3 Glacier."


class RestoreAlreadyInProgress(RequestError):
    """A copy is on its way."""

    message = "Object restore is already in progress"

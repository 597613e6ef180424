"""S3 error codes: their HTTP status, their usual message, and what each of our exceptions becomes.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from typing import Any

from objstore.api.s3.text import readable_text
from objstore.model.errors import (
    ClusterError,
    DatabaseBusy,
    ObjstoreError,
    Overloaded,
    PlacementImpossible,
    QuotaExceeded,
    RequestError,
)

RETRY_AFTER_SECONDS = 1

_CODES_BY_STATUS: dict[int, str] = {
    301: "PermanentRedirect",
    304: "NotModified",
    307: "Redirect TemporaryRedirect",
    400: (
        "AmbiguousGrantByEmailAddress AnnotationLimitExceeded AnnotationNameTooLong "
        "AuthorizationHeaderMalformed AuthorizationQueryParametersError BadDigest BadRequest "
        "ConnectionClosedByRequester CredentialsNotSupported DeviceNotActiveError EncryptionTypeMismatch "
        "EntityTooLarge EntityTooSmall ExpiredToken IdempotencyParameterMismatch "
        "IllegalLocationConstraintException IllegalVersioningConfigurationException IncompleteBody "
        "IncorrectEndpoint IncorrectNumberOfFilesInPostRequest InlineDataTooLarge InvalidAccessPoint "
        "InvalidAccessPointAliasError InvalidAnnotationName InvalidArgument InvalidBucketName "
        "InvalidBucketAclWithObjectOwnership InvalidBucketOwnerAWSAccountID InvalidChunkSizeError InvalidDigest "
        "InvalidEncryptionAlgorithmError "
        "InvalidHostHeader InvalidHttpMethod InvalidLocationConstraint InvalidPart InvalidPartOrder "
        "InvalidPolicyDocument InvalidPrefix InvalidRedirectLocation InvalidRegion InvalidRequest "
        "InvalidRetentionPeriod InvalidS3DestinationBucket InvalidSOAPRequest "
        "InvalidStorageClass InvalidTag InvalidTargetBucketForLogging InvalidToken InvalidURI "
        "InvalidWriteOffset KeyTooLongError MalformedACLError MalformedPOSTRequest MalformedPolicy "
        "MalformedTrailerError MalformedXML MaxMessageLengthExceeded MaxPostPreDataLengthExceededError "
        "MetadataTooLarge MissingAttachment MissingRequestBodyError MissingSecurityElement MissingSecurityHeader "
        "NoLoggingStatusForKey RequestHeaderSectionTooLarge RequestIsNotMultiPartContent RequestTimeout "
        "RequestTorrentOfBucketError TokenCodeInvalidError TokenRefreshRequired TooManyBuckets "
        "TooManyConfigurations TooManyParts "
        "UnexpectedContent UnresolvableGrantByEmailAddress UnsupportedArgument UnsupportedSignature "
        "UserKeyMustBeSpecified XAmzContentChecksumMismatch XAmzContentSHA256Mismatch "
        "AccessControlListNotSupported"
    ),
    403: (
        "AccessDenied AccessForbidden AccountProblem AllAccessDisabled CrossLocationLoggingProhibited "
        "InvalidAccessKeyId InvalidObjectState InvalidPayer InvalidSecurity MissingAuthenticationToken "
        "NotDeviceOwnerError NotSignedUp ObjectAlreadyInActiveTierError ObjectNotInActiveTierError "
        "QuotaExceeded RequestExpired RequestTimeTooSkewed SignatureDoesNotMatch"
    ),
    404: (
        "NoSuchAccessPoint NoSuchAnnotation NoSuchAsyncRequest NoSuchBucket NoSuchBucketPolicy "
        "NoSuchConfiguration NoSuchCORSConfiguration NoSuchKey NoSuchLifecycleConfiguration "
        "NoSuchMultiRegionAccessPoint NoSuchObjectLockConfiguration NoSuchPublicAccessBlockConfiguration "
        "NoSuchResource NoSuchTagSet NoSuchUpload NoSuchVersion NoSuchWebsiteConfiguration "
        "ObjectLockConfigurationNotFoundError OwnershipControlsNotFoundError "
        "ReplicationConfigurationNotFoundError ServerSideEncryptionConfigurationNotFoundError"
    ),
    405: "MethodNotAllowed",
    409: (
        "BucketAlreadyExists BucketAlreadyOwnedByYou BucketNotEmpty ClientTokenConflict "
        "ConditionalRequestConflict InvalidBucketState InvalidSession "
        "OperationAborted RestoreAlreadyInProgress"
    ),
    411: "MissingContentLength",
    412: "PreconditionFailed",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    416: "InvalidPartNumber InvalidRange",
    417: "ExpectationFailed",
    431: "RequestHeaderFieldsTooLarge",
    500: "InternalError",
    501: "NotImplemented",
    503: "Busy ServiceUnavailable SlowDown",
}

STATUS: dict[str, int] = {code: status for status, codes in _CODES_BY_STATUS.items() for code in codes.split()}

MESSAGES: dict[str, str] = {
    "AccessControlListNotSupported": "The bucket does not allow ACLs",
    "AccessForbidden": "CORSResponse: CORS is not enabled for this bucket.",
    "BadRequest": "Bad Request",
    "IllegalVersioningConfigurationException": "The Versioning element must be specified",
    "IllegalLocationConstraintException": (
        "The specified location constraint is incompatible for the region specific endpoint this request was sent to."
    ),
    "InternalError": "We encountered an internal error. Please try again.",
    "InvalidLocationConstraint": "The specified location-constraint is not valid",
    "NoSuchBucketPolicy": "The bucket policy does not exist",
    "NoSuchConfiguration": "The specified configuration does not exist.",
    "NoSuchCORSConfiguration": "The CORS configuration does not exist",
    "NoSuchLifecycleConfiguration": "The lifecycle configuration does not exist",
    "NoSuchObjectLockConfiguration": "The specified object does not have a ObjectLock configuration",
    "NoSuchPublicAccessBlockConfiguration": "The public access block configuration was not found",
    "NoSuchTagSet": "The TagSet does not exist",
    "NoSuchWebsiteConfiguration": "The specified bucket does not have a website configuration",
    "ObjectLockConfigurationNotFoundError": "Object Lock configuration does not exist for this bucket",
    "OwnershipControlsNotFoundError": "The bucket ownership controls were not found",
    "ReplicationConfigurationNotFoundError": "The replication configuration was not found",
    "ServerSideEncryptionConfigurationNotFoundError": "The server side encryption configuration was not found",
    "ServiceUnavailable": "Service is unable to handle request. Please try again.",
    "SlowDown": "Please reduce your request rate.",
    "UnexpectedContent": "This request does not support content",
}


class S3Error(RequestError):
    """An S3 error by its code, for codes that only the S3 surface knows."""

    def __init__(self, code: str, message: str | None = None, **details: Any) -> None:
        super().__init__(message or MESSAGES.get(code), **details)
        self._code = code

    @property
    def code(self) -> str:
        """S3 error code."""
        return self._code


def status_of(error: RequestError) -> int:
    """HTTP status of an error's code; 400 for a code that the table lacks: it is the client's doing."""
    return STATUS.get(error.code, 400)


def as_request_error(error: BaseException) -> tuple[RequestError, bool]:
    """What a client is told about an exception, and whether it should try again later (Retry-After).

    Nothing of an unexpected exception's text goes out: it may hold paths or keys of others.
    """
    if isinstance(error, RequestError):
        return error, status_of(error) == 503
    if isinstance(error, Overloaded | DatabaseBusy):
        return S3Error("SlowDown"), True
    # One drive that is full is no full tier: the next try goes to others, and if there are none that is known then.
    if isinstance(error, PlacementImpossible) and error.full:
        return QuotaExceeded(), False
    if isinstance(error, ClusterError):
        return S3Error("ServiceUnavailable"), True
    return S3Error("InternalError"), False


def is_routine(error: BaseException) -> bool:
    """Whether the exception needs no entry in the log: the client's doing, or plain overload."""
    return isinstance(error, RequestError | Overloaded | DatabaseBusy)


def is_known(error: BaseException) -> bool:
    """Whether the exception is one that objstore raises on purpose: where it came from is no riddle."""
    return isinstance(error, ObjstoreError)


def render_error(error: RequestError, resource: str, request_id: str, host_id: str) -> bytes:
    """The XML document of an error: Code, Message, details, Resource, RequestId, HostId."""
    fields = {"Code": error.code, "Message": str(error), **error.details}
    fields |= {"Resource": resource, "RequestId": request_id, "HostId": host_id}
    inner = "".join(f"<{name}>{readable_text(str(value))}</{name}>" for name, value in fields.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()

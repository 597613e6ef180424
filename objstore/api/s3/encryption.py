"""Headers of server-side encryption: what a write asks for, and what an answer says.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from objstore.api.s3.call import Headers, Site
from objstore.api.s3.errors import S3Error
from objstore.model.encryption import (
    BUCKET_KEY,
    CONTEXT,
    CUSTOMER_KEY_BYTES,
    KEY_ID,
    KIND,
    KINDS,
    SOURCE,
    SSE_C,
    SSE_KMS,
    SSE_KMS_DSSE,
    SSE_S3,
    CustomerKey,
    Encryption,
    envelope_of,
)
from objstore.model.errors import InvalidArgument, InvalidRequest
from objstore.store.keys import check_context
from objstore.store.kms import arn_of

SSE = b"x-amz-server-side-encryption"
_KEY_ID, _CONTEXT, _BUCKET_KEY = SSE + b"-aws-kms-key-id", SSE + b"-context", SSE + b"-bucket-key-enabled"
_CUSTOMER = SSE + b"-customer-"
SOURCE_PREFIX = b"x-amz-copy-source-server-side-encryption-customer-"
CUSTOMER_HEADERS = frozenset(_CUSTOMER + name for name in (b"algorithm", b"key", b"key-md5"))
WRITE_HEADERS = frozenset({SSE, _KEY_ID, _CONTEXT, _BUCKET_KEY}) | CUSTOMER_HEADERS
_NEEDS = "Requests specifying Server Side Encryption with Customer provided keys must "


def read_encryption(headers: Mapping[bytes, bytes], site: Site, scheme: str) -> Encryption | None:
    """What a PUT, Create, Copy or form asks for; None if nothing. Raises InvalidArgument, InvalidRequest."""
    customer = read_customer(headers, site, scheme)
    method = headers.get(SSE)
    if customer is not None:
        if method is not None:
            raise InvalidArgument(
                "Server Side Encryption with Customer provided key is incompatible with the encryption method "
                "specified",
                ArgumentName=SSE.decode(),
            )
        return Encryption(SSE_C, customer=customer)
    key_id, context = _text(headers, _KEY_ID), _text(headers, _CONTEXT)
    if method is None:
        if key_id or context:
            raise InvalidArgument(
                "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : "
                "aws:kms",
                ArgumentName=SSE.decode(),
            )
        return None
    kind = method.decode("latin-1").strip()
    if kind not in KINDS:
        raise InvalidArgument(
            "The encryption method specified is not supported", ArgumentName=SSE.decode(), ArgumentValue=kind[:100]
        )
    if kind == SSE_S3 and (key_id or context):
        raise InvalidArgument(
            "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : "
            "aws:kms",
            ArgumentName=SSE.decode(),
        )
    if context:
        check_context(context)
    bucket_key = kind == SSE_KMS and _text(headers, _BUCKET_KEY).lower() == "true"
    return Encryption(kind, key_id, context, bucket_key)


def read_customer(
    headers: Mapping[bytes, bytes], site: Site, scheme: str, prefix: bytes = _CUSTOMER
) -> CustomerKey | None:
    """The client's own key, of the object or (SOURCE_PREFIX) of a copy's source.

    Raises InvalidArgument, InvalidEncryptionAlgorithmError; InvalidRequest over plain HTTP, unless a setting allows it.
    """
    algorithm, key, md5 = (headers.get(prefix + name) for name in (b"algorithm", b"key", b"key-md5"))
    if algorithm is None and key is None and md5 is None:
        return None
    if scheme != "https" and not site.sse_c_over_http:
        raise InvalidRequest(f"{_NEEDS}be made over a secure connection.")
    if algorithm is None:
        raise _argument(prefix + b"algorithm", "provide a valid encryption algorithm.")
    if algorithm.strip() != b"AES256":
        raise S3Error(
            "InvalidEncryptionAlgorithmError",
            "The encryption request you specified is not valid. The valid value is AES256.",
            ArgumentName=(prefix + b"algorithm").decode(),
            ArgumentValue=algorithm.decode("latin-1")[:100],
        )
    if key is None:
        raise _argument(prefix + b"key", "provide an appropriate secret key.")
    if md5 is None:
        raise _argument(prefix + b"key-md5", "provide the client calculated MD5 of the secret key.")
    raw = _decoded(key)
    if raw is None or len(raw) != CUSTOMER_KEY_BYTES:
        raise InvalidArgument(
            "The secret key was invalid for the specified algorithm.", ArgumentName=(prefix + b"key").decode()
        )
    computed = base64.b64encode(hashlib.md5(raw, usedforsecurity=False).digest())
    if not hmac.compare_digest(computed, md5.strip()):
        raise InvalidArgument(
            "The calculated MD5 hash of the key did not match the hash that was provided.",
            ArgumentName=(prefix + b"key-md5").decode(),
        )
    return CustomerKey(raw, computed.decode())


def refuse_on_read(headers: Mapping[bytes, bytes]) -> None:
    """Raise InvalidArgument for a header that only a write may have."""
    for name in (SSE, _KEY_ID):
        if name in headers:
            raise InvalidArgument(
                f"{name.decode()} header is not supported for this operation.",
                ArgumentName=name.decode(),
                ArgumentValue=headers[name].decode("latin-1")[:100],
            )


def add_encryption(
    headers: Headers, attrs: Mapping[str, Any] | None, customer: CustomerKey | None, region: str
) -> None:
    """Add the headers that say how a version (or the parts of an upload) is encrypted."""
    kept = envelope_of(attrs)
    if kept is None:
        return
    kind = kept[KIND]
    if kind == SSE_C:
        headers.append((_CUSTOMER + b"algorithm", b"AES256"))
        if customer is not None:
            headers.append((_CUSTOMER + b"key-md5", customer.md5.encode()))
        return
    headers.append((SSE, kind.encode()))
    if kind in (SSE_KMS, SSE_KMS_DSSE):
        headers.append((_KEY_ID, _shown_key(kept, region).encode()))
        if CONTEXT in kept:
            headers.append((_CONTEXT, kept[CONTEXT].encode("latin-1")))
        if kept.get(BUCKET_KEY):
            headers.append((_BUCKET_KEY, b"true"))


def _shown_key(kept: Mapping[str, Any], region: str) -> str:
    """The key as the client named it; an alias is shown as the ARN of what it named then."""
    named: str = kept.get(SOURCE, kept[KEY_ID])
    return arn_of(kept[KEY_ID], region, "000000000000") if "alias/" in named else named


def _argument(name: bytes, what: str) -> InvalidArgument:
    return InvalidArgument(_NEEDS + what, ArgumentName=name.decode())


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1").strip()


def _decoded(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        return None

"""Encryption: what a write asks for, and the envelope that its object keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SETTING = "encryption"
SSE_S3, SSE_KMS, SSE_KMS_DSSE = "AES256", "aws:kms", "aws:kms:dsse"
SSE_C = "C"
KINDS = frozenset({SSE_S3, SSE_KMS, SSE_KMS_DSSE})
CUSTOMER_KEY_BYTES = 32

# Members of an envelope, as it stands in ``ObjectVersion.attrs["e"]``.
ATTR = "e"
KIND, DATA_KEY, KEY_ID, CONTEXT, BUCKET_KEY, SOURCE = "t", "k", "i", "c", "b", "s"


@dataclass(frozen=True, slots=True)
class CustomerKey:
    """A key that the client sends with every request. ``md5``: as sent, base64."""

    key: bytes = field(repr=False)
    md5: str


@dataclass(frozen=True, slots=True)
class Encryption:
    """What a write asks for. ``kind``: one of ``KINDS`` or SSE_C. ``key_id``: as the client named the KMS key.

    ``context``: the encryption context as sent, base64 of JSON.
    """

    kind: str
    key_id: str = ""
    context: str = ""
    bucket_key: bool = False
    customer: CustomerKey | None = None


def envelope_of(attrs: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The envelope of a version or an upload; None if its bytes are as the client sent them."""
    return attrs.get(ATTR) if attrs else None


def default_of(settings: Mapping[str, Any]) -> Encryption | None:
    """What a bucket's default encryption says for a write that says nothing."""
    configured = settings.get(SETTING)
    if not configured:
        return None
    rule = configured["Rules"][0]
    chosen = rule.get("ApplyServerSideEncryptionByDefault")
    if not chosen:
        return None
    kind, bucket_key = chosen["SSEAlgorithm"], rule.get("BucketKeyEnabled", False)
    return Encryption(kind, chosen.get("KMSMasterKeyID", ""), bucket_key=bucket_key)

"""Claims: what a client says of its payload's digests, and the comparison with what was computed.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from objstore.model.checksum import DIGEST_BYTES
from objstore.model.errors import BadDigest, InvalidDigest, InvalidRequest, XAmzContentSHA256Mismatch

_PREFIX = "x-amz-checksum-"
_RAW_PREFIX = b"x-amz-checksum-"
# Of the same prefix, and no checksums.
_SETTINGS = frozenset({b"x-amz-checksum-algorithm", b"x-amz-checksum-mode", b"x-amz-checksum-type"})
_TWO = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
_NO_ALGORITHMS: frozenset[str] = frozenset()


@dataclass(slots=True)
class Claims:
    """Digests as raw bytes, None where nothing is claimed.

    ``algorithm``: of the additional checksum; its ``value`` may be None until the trailer has come.
    ``trailer``: name of the trailer that will carry it, lower case; ``""`` if none.
    """

    md5: bytes | None = None
    sha256: bytes | None = None
    algorithm: str | None = None
    value: bytes | None = None
    trailer: str = ""

    @property
    def algorithms(self) -> frozenset[str]:
        """What has to be computed besides MD5."""
        if self.sha256 is None:
            return _NO_ALGORITHMS if self.algorithm is None else frozenset((self.algorithm,))
        return frozenset(("SHA256",)) if self.algorithm is None else frozenset(("SHA256", self.algorithm))

    def take_trailers(self, trailers: Mapping[str, str]) -> None:
        """Learn the value that came behind the payload; raises InvalidRequest."""
        if self.trailer and self.algorithm is not None:
            self.value = _checksum_value(self.algorithm, self.trailer, trailers[self.trailer])

    def verify(self, digests: Mapping[str, bytes]) -> None:
        """Raises BadDigest, XAmzContentSHA256Mismatch."""
        if self.md5 is not None and not hmac.compare_digest(self.md5, digests["MD5"]):
            raise BadDigest(
                "The Content-MD5 you specified did not match what we received.",
                ExpectedDigest=_text(self.md5),
                CalculatedDigest=_text(digests["MD5"]),
            )
        if self.sha256 is not None and not hmac.compare_digest(self.sha256, digests["SHA256"]):
            raise XAmzContentSHA256Mismatch(
                ClientComputedContentSHA256=self.sha256.hex(), S3ComputedContentSHA256=digests["SHA256"].hex()
            )
        if self.algorithm is not None and self.value is not None:
            self._verify_checksum(self.algorithm, self.value, digests[self.algorithm])

    def _verify_checksum(self, algorithm: str, claimed: bytes, computed: bytes) -> None:
        if not hmac.compare_digest(claimed, computed):
            raise BadDigest(
                f"The {algorithm} you specified did not match the calculated checksum.",
                Algorithm=algorithm,
                ExpectedDigest=_text(claimed),
                CalculatedDigest=_text(computed),
            )


def claims_of(headers: Mapping[bytes, bytes], payload: str, *, trailer_mode: bool, checksums: bool = True) -> Claims:
    """Claims of a request whose payload mode is ``payload``.

    ``checksums``: False where ``x-amz-checksum-*`` speaks of something else than this body. Raises InvalidDigest,
    InvalidRequest.
    """
    claims = Claims()
    if b"content-md5" in headers:
        claims.md5 = _md5(headers[b"content-md5"])
    if len(payload) == 64:
        claims.sha256 = bytes.fromhex(payload)
    if checksums:
        _claim_checksum(claims, headers)
        _claim_trailer(claims, headers, trailer_mode)
        _check_algorithm(claims, headers)
    return claims


def _claim_checksum(claims: Claims, headers: Mapping[bytes, bytes]) -> None:
    names = [name for name in headers if name[:15] == _RAW_PREFIX and name not in _SETTINGS]
    if not names:
        return
    if len(names) > 1:
        raise InvalidRequest(_TWO)
    name = names[0].decode("latin-1")
    claims.algorithm = _algorithm(name)
    claims.value = _checksum_value(claims.algorithm, name, headers[names[0]].decode("latin-1"))


def _claim_trailer(claims: Claims, headers: Mapping[bytes, bytes], trailer_mode: bool) -> None:
    declared = headers.get(b"x-amz-trailer", b"").decode("latin-1").strip().lower()
    if not declared:
        return
    if not trailer_mode:
        raise InvalidRequest("x-amz-trailer needs a payload that is sent as aws-chunked with a trailer.")
    if "," in declared or claims.algorithm is not None:
        raise InvalidRequest(_TWO)
    if not declared.startswith(_PREFIX) or declared.encode("latin-1") in _SETTINGS:
        raise InvalidRequest("The value specified in the x-amz-trailer header is not supported")
    claims.algorithm = _algorithm(declared)
    claims.trailer = declared


def _check_algorithm(claims: Claims, headers: Mapping[bytes, bytes]) -> None:
    named = headers.get(b"x-amz-sdk-checksum-algorithm", b"").decode("latin-1").strip().upper()
    if not named:
        return
    if named not in DIGEST_BYTES:
        raise _unsupported()
    if claims.algorithm is None:
        raise InvalidRequest(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers "
            "were found."
        )
    if claims.algorithm != named:
        raise InvalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")


def _algorithm(name: str) -> str:
    algorithm = name[len(_PREFIX) :].upper()
    if algorithm not in DIGEST_BYTES:
        raise _unsupported()
    return algorithm


def _unsupported() -> InvalidRequest:
    known = ", ".join(DIGEST_BYTES)
    return InvalidRequest(
        f"Checksum algorithm provided is unsupported. Please try again with any of the valid types: [{known}]"
    )


def _checksum_value(algorithm: str, name: str, text: str) -> bytes:
    value = _decoded(text.strip())
    if value is None or len(value) != DIGEST_BYTES[algorithm]:
        raise BadDigest(f"Value for {name} header is invalid.", Algorithm=algorithm, ExpectedDigest=text[:200])
    return value


def _md5(sent: bytes) -> bytes:
    value = _decoded(sent.decode("latin-1").strip())
    if value is None or len(value) != 16:
        raise InvalidDigest("The Content-MD5 you specified was invalid.")
    return value


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()

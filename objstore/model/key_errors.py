"""Errors about keys of encryption. KMS errors have S3 codes with a prefix, so their code is no class name."""

from objstore.model.errors import RequestError


class KmsError(RequestError):
    """The key management says no. ``code``: ``KMS.NotFoundException`` and the like."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self._code = f"KMS.{kind}"

    @property
    def code(self) -> str:
        """S3 error code."""
        return self._code


def no_such_key(key_id: str) -> KmsError:
    """There is no such key."""
    return KmsError("NotFoundException", f"Key '{key_id[:200]}' does not exist")


def disabled_key(key_id: str) -> KmsError:
    """The key is switched off."""
    return KmsError("DisabledException", f"Key '{key_id[:200]}' is disabled")

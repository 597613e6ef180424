"""TLS on the S3 port: certificate and key from files, and from the files again when they change."""

import asyncio
import ssl
from pathlib import Path

import structlog
from cryptography.x509 import load_pem_x509_certificate

from objstore.api.metrics import Metrics
from objstore.cli.problem import StartError

POLL_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Certificates:
    """``context`` serves what the files hold. A change counts for connections that are made after it.

    ``expires_seconds``: when the certificate ends, in seconds since 1970; 0: not known.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises StartError if they cannot be used."""
        self._files = (certificate, key)
        self.context = new_context()
        self._seen = self._look()
        try:
            self.context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise StartError(f"tls_cert {certificate}, tls_key {key}: {error}") from None
        self.expires_seconds = _expires_seconds(certificate)

    async def run(self) -> None:
        """Look every two seconds whether they have changed, until cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await asyncio.to_thread(self.reload)

    def reload(self) -> bool:
        """Take the files as they are now, if they have changed and belong together; else what was taken stays."""
        seen = self._look()
        if seen == self._seen or None in seen:
            return False
        try:
            # Half a change would spoil the context that serves: try it on another one.
            new_context().load_cert_chain(*self._files)
            self.context.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError) as error:
            log.error("certificate_not_reloaded", error=str(error))
            self._seen = seen
            return False
        self._seen, self.expires_seconds = seen, _expires_seconds(self._files[0])
        log.info("certificate_reloaded", certificate=str(self._files[0]))
        return True

    def _look(self) -> list[tuple[int, int, int] | None]:
        return [_identity(path) for path in self._files]


def count_certificate(metrics: Metrics, certificates: Certificates) -> None:
    """Let ``metrics`` read when the certificate ends."""
    metrics.gauges_from(
        "objstore_certificate_expiry_timestamp_seconds",
        "When the certificate of the S3 port expires, in seconds since 1970.",
        (),
        lambda: [((), certificates.expires_seconds)],
        "min",
    )


def _expires_seconds(path: Path) -> float:
    try:
        return load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.timestamp()
    except (OSError, ValueError):
        return 0.0


def new_context() -> ssl.SSLContext:
    """TLS 1.2 or newer, what Python takes for safe ciphers, HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    return context


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns

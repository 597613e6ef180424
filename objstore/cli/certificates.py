"""Make a certificate authority, and a certificate for S3 that it has signed.

The two are separate: clients on rustls refuse an authority's own certificate as a server's. The server's is for the
domain and for every bucket below it.
"""

import ipaddress
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from objstore.cli.problem import CommandError
from objstore.model import clock

CA_CERT, CA_KEY, CERT, KEY = "ca.pem", "ca.key", "server.pem", "server.key"
CA_DAYS = 3650
EARLY = timedelta(hours=1)  # clocks of clients that are behind
_NOTHING = dict.fromkeys(
    ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
     "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False,
)  # fmt: skip


def make_certificates(directory: Path, domain: str, hosts: Sequence[str], days: int) -> list[Path]:
    """Files in ``directory``: the authority, unless it is there, and a new certificate; gives those written.

    ``domain``: names it and ``*.domain``; ``hosts``: further names and addresses. Raises CommandError.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = []
    if not (directory / CA_CERT).exists():
        written += _make_authority(directory)
    try:
        authority = x509.load_pem_x509_certificate((directory / CA_CERT).read_bytes())
        authority_key = serialization.load_pem_private_key((directory / CA_KEY).read_bytes(), None)
        names = _names(domain, hosts)
    except (OSError, ValueError) as error:
        raise CommandError(f"{directory}: {error}") from None
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(domain, authority.subject, days)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**(_NOTHING | {"digital_signature": True})), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    chain = certificate.public_bytes(serialization.Encoding.PEM) + authority.public_bytes(serialization.Encoding.PEM)
    written.append(_write(directory / KEY, _pem(key)))
    written.append(_write(directory / CERT, chain))
    return written


def _make_authority(directory: Path) -> list[Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"objstore authority {clock.random_id().hex()[:8]}")])
    certificate = (
        _builder(None, name, CA_DAYS)
        .subject_name(name)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**(_NOTHING | {"key_cert_sign": True, "crl_sign": True})), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return [
        _write(directory / CA_KEY, _pem(key)),
        _write(directory / CA_CERT, certificate.public_bytes(serialization.Encoding.PEM)),
    ]


def _builder(common_name: str | None, issuer: x509.Name, days: int) -> x509.CertificateBuilder:
    now = clock.now()
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLY)
        .not_valid_after(now + timedelta(days=days))
    )
    if common_name is None:
        return builder
    return builder.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])]))


def _names(domain: str, hosts: Sequence[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(domain), x509.DNSName(f"*.{domain}")]
    for host in dict.fromkeys([*hosts, "localhost", "127.0.0.1", "::1"]):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return names


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> Path:
    """All of it or nothing, for its owner only: a server may be reading it."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)
    temporary.rename(path)
    return path

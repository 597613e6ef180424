"""Certificates: an authority and a leaf of its own, good for every bucket's name; and taken anew when they change."""

import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from objstore.cli.certificates import CA_CERT, CA_KEY, CERT, KEY, make_certificates
from objstore.cli.problem import CommandError, StartError
from objstore.cli.tls import Certificates


def leaf_of(directory: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates((directory / CERT).read_bytes())[0]


def handshake(context: ssl.SSLContext, ca: Path, name: str, **options: ssl.TLSVersion) -> bytes:
    """The serving certificate as a client sees it, DER. Raises ssl.SSLError."""
    client = ssl.create_default_context(cafile=ca)
    for option, value in options.items():
        setattr(client, option, value)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with context.wrap_socket(ours, server_side=True) as served:
                served.recv(1)
        except (ssl.SSLError, ConnectionError):
            ours.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(theirs, server_hostname=name) as secure:
            found = secure.getpeercert(binary_form=True)
            secure.send(b"x")
    finally:
        theirs.close()
        thread.join()
    assert found is not None
    return found


def test_authority_and_leaf_are_two(tmp_path: Path) -> None:
    written = make_certificates(tmp_path, "s3.example.com", ["gateway.local", "10.1.2.3"], 30)
    assert {path.name for path in written} == {CA_CERT, CA_KEY, CERT, KEY}
    assert all(path.stat().st_mode & 0o077 == 0 for path in written)
    leaf, authority = x509.load_pem_x509_certificates((tmp_path / CERT).read_bytes())
    leaf.verify_directly_issued_by(authority)
    assert leaf.subject != authority.subject
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is True
    assert ExtendedKeyUsageOID.SERVER_AUTH in leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"s3.example.com", "*.s3.example.com", "gateway.local"} <= set(names.get_values_for_type(x509.DNSName))
    assert "10.1.2.3" in map(str, names.get_values_for_type(x509.IPAddress))


def test_a_second_time_the_authority_stays(tmp_path: Path) -> None:
    make_certificates(tmp_path, "s3.example.com", [], 30)
    authority, first = (tmp_path / CA_CERT).read_bytes(), leaf_of(tmp_path)
    assert [path.name for path in make_certificates(tmp_path, "other.example.com", [], 30)] == [KEY, CERT]
    assert (tmp_path / CA_CERT).read_bytes() == authority
    assert leaf_of(tmp_path).serial_number != first.serial_number
    (tmp_path / CA_KEY).write_text("not a key")
    with pytest.raises(CommandError):
        make_certificates(tmp_path, "s3.example.com", [], 30)


def test_clients_verify_it_and_old_versions_are_refused(tmp_path: Path) -> None:
    make_certificates(tmp_path / "one", "s3.example.com", [], 30)
    make_certificates(tmp_path / "two", "s3.example.com", [], 30)
    context, ca = Certificates(tmp_path / "one" / CERT, tmp_path / "one" / KEY).context, tmp_path / "one" / CA_CERT
    for name in ("s3.example.com", "bucket.s3.example.com", "localhost"):
        assert handshake(context, ca, name)
    with pytest.raises(ssl.SSLError):
        handshake(context, ca, "elsewhere.example.com")
    with pytest.raises(ssl.SSLError):
        handshake(context, tmp_path / "two" / CA_CERT, "s3.example.com")
    with pytest.warns(DeprecationWarning, match="TLSv1"), pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(context, ca, "s3.example.com", minimum_version=ssl.TLSVersion.TLSv1,
                  maximum_version=ssl.TLSVersion.TLSv1_1)  # fmt: skip


def test_a_change_is_taken_when_it_is_whole(tmp_path: Path) -> None:
    make_certificates(tmp_path, "s3.example.com", [], 30)
    certificates = Certificates(tmp_path / CERT, tmp_path / KEY)

    def served() -> int:
        found = handshake(certificates.context, tmp_path / CA_CERT, "s3.example.com")
        return x509.load_der_x509_certificate(found).serial_number

    first, key = served(), (tmp_path / KEY).read_bytes()
    assert not certificates.reload()
    make_certificates(tmp_path, "s3.example.com", [], 30)
    new_key = (tmp_path / KEY).read_bytes()
    (tmp_path / KEY).write_bytes(key)  # half a change: the new certificate with the old key
    assert not certificates.reload()
    assert served() == first
    (tmp_path / KEY).unlink()
    assert not certificates.reload()
    (tmp_path / KEY).write_bytes(new_key)
    assert certificates.reload()
    assert served() == leaf_of(tmp_path).serial_number != first


def test_what_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartError):
        Certificates(tmp_path / CERT, tmp_path / KEY)

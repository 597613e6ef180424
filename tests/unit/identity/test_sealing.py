"""Sealed secrets, keys of a directory, and sessions."""

import base64
from dataclasses import replace

import pytest

from objstore.api.auth.keyring import DirectoryKeyring, secret_context
from objstore.api.auth.sessions import Session
from objstore.identity.directory import Directory
from objstore.identity.entity import Entity, Kind
from objstore.identity.sealing import SealBroken, Sealer
from objstore.model import clock
from objstore.model.errors import InvalidToken
from objstore.model.identity_errors import ExpiredToken

OLD, NEW = b"o" * 32, b"n" * 32


def test_sealed_and_opened() -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(b"secret", b"mine")
    assert b"secret" not in sealed
    assert sealer.open(sealed, b"mine") == b"secret"
    assert sealer.seal(b"secret", b"mine") != sealed


@pytest.mark.parametrize("at", [0, 1, 4, 5, 16, 17, -1])
def test_a_changed_bit_is_found(at: int) -> None:
    sealer = Sealer([NEW])
    sealed = bytearray(sealer.seal(b"secret", b"mine"))
    sealed[at] ^= 1
    with pytest.raises(SealBroken):
        sealer.open(bytes(sealed), b"mine")


def test_for_nobody_else_and_with_no_other_key() -> None:
    sealed = Sealer([NEW]).seal(b"secret", b"mine")
    for sealer, context in ((Sealer([NEW]), b"yours"), (Sealer([OLD]), b"mine")):
        with pytest.raises(SealBroken):
            sealer.open(sealed, context)
    for broken in (b"", sealed[:10], sealed[:-1]):
        with pytest.raises(SealBroken):
            Sealer([NEW]).open(broken, b"mine")
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer([b"short"])


def test_keys_rotate() -> None:
    sealed = Sealer([OLD]).seal(b"secret", b"mine")
    both = Sealer([NEW, OLD])
    assert both.open(sealed, b"mine") == b"secret"
    assert not both.is_newest(sealed)
    assert both.is_newest(both.seal(b"secret", b"mine"))


def made(kind: Kind, id_: str, **body: object) -> Entity:
    return Entity(id_, kind, "", id_, clock.now(), body)


@pytest.fixture
def directory() -> Directory:
    known = Directory("000000000000", "owner")
    key = made(Kind.KEY, "AKIA1", user="AIDA1", active=True)
    sealed = key.sealed(Sealer([NEW]).seal(b"secret-1", secret_context(key)))
    known.apply([made(Kind.USER, "AIDA1", path="/"), sealed, made(Kind.ROLE, "AROA1", path="/", trust="{}")], 1)
    return known


def keyring_of(directory: Directory) -> DirectoryKeyring:
    return DirectoryKeyring(directory, Sealer([NEW]), "ROOT", "root-secret")


def test_keys_are_found(directory: Directory) -> None:
    keyring = keyring_of(directory)
    secret, root = keyring.find("ROOT") or ("", None)
    assert secret == "root-secret"
    assert root is not None
    assert root.is_root
    secret, user = keyring.find("AKIA1") or ("", None)
    assert secret == "secret-1"
    assert user is not None
    assert (user.is_root, user.principal.name, user.owner_id) == (False, "AIDA1", "owner")
    assert keyring.find("AIDA1") is None
    assert keyring.find("nobody") is None


def test_what_ends_a_key(directory: Directory) -> None:
    keyring = keyring_of(directory)
    assert keyring.find("AKIA1")
    key = directory.key("AKIA1")
    assert key is not None
    for epoch, changed in enumerate(
        [key.having(active=False), key.having(expires=clock.now_seconds() - 1), key.deleted(), key.sealed(b"x" * 60)], 2
    ):
        directory.apply([changed], epoch)
        assert keyring.find("AKIA1") is None
    directory.apply([key], 6)
    assert keyring.find("AKIA1")
    directory.apply([replace(made(Kind.USER, "AIDA1"), gone=True)], 7)
    assert keyring.find("AKIA1") is None


def test_a_key_ends_in_time(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring, key, now = keyring_of(directory), directory.key("AKIA1"), clock.now_seconds()
    assert key is not None
    directory.apply([key.having(expires=now + 10)], 2)
    assert keyring.find("AKIA1")
    monkeypatch.setattr(clock, "now_seconds", lambda: now + 10)
    assert keyring.find("AKIA1") is None


def test_sessions(directory: Directory) -> None:
    keyring, now = keyring_of(directory), clock.now_seconds()
    assert keyring.sessions is not None
    session = Session("ASIA1", "temporary", "AROA1", now, now + 60, "name")
    token = keyring.sessions.token(session)
    secret, identity = keyring.find("ASIA1", token) or ("", None)
    assert secret == "temporary"
    assert identity is not None
    assert identity.principal.arn == "arn:aws:sts::000000000000:assumed-role/AROA1/name"
    assert "temporary" not in base64.b64decode(token).decode("latin-1")
    for key, used in (
        ("ASIA2", token),
        ("ROOT", token),
        ("ASIA1", token[:-4]),
        ("ASIA1", "é"),
        ("ASIA1", "x" * 20_000),
    ):
        with pytest.raises(InvalidToken):
            keyring.find(key, used)
    late = keyring.sessions.token(Session("ASIA1", "temporary", "AROA1", now - 60, now - 1, "name"))
    with pytest.raises(ExpiredToken):
        keyring.find("ASIA1", late)
    foreign = DirectoryKeyring(directory, Sealer([OLD]), "ROOT", "x")
    with pytest.raises(InvalidToken):
        foreign.find("ASIA1", token)
    directory.apply([made(Kind.ROLE, "AROA1").deleted()], 2)
    with pytest.raises(InvalidToken):
        keyring.find("ASIA1", token)
    assert keyring.find("ASIA1") is None

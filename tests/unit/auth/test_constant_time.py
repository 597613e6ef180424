"""T14: secrets and signatures are compared in constant time, and an unknown key costs what a wrong one costs."""

import ast
from pathlib import Path

import pytest

import objstore.api.auth
from objstore.api.auth.sigv4 import HmacKey
from objstore.model.errors import RequestError
from tests.unit.auth.wire import AUTHENTICATOR, presign, request_of, sign_header

SECRETS = ("signature", "secret", "provided", "calculated", "digest", "hmac")
FILES = sorted(Path(objstore.api.auth.__file__).parent.glob("*.py"))


def name_of(node: ast.expr) -> str:
    """What an operand is called: ``signature`` for ``self.signature``, ``signature.value`` and ``signature[:3]``."""
    if isinstance(node, ast.Attribute):
        return name_of(node.value) if node.attr == "value" else node.attr
    if isinstance(node, ast.Subscript):
        return name_of(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return f"{name_of(node.func.value)} {node.func.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def offences(source: str) -> list[str]:
    """Comparisons of secrets by ``==``, ``!=``, ``in``; constants in capitals are no secrets."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(
            isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for op in node.ops
        ):
            names = [name_of(operand) for operand in (node.left, *node.comparators)]
            found += [
                f"line {node.lineno} compares {name}"
                for name in names
                if not name.isupper() and any(secret in name.lower() for secret in SECRETS)
            ]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_secret_is_compared_with_equals(path: Path) -> None:
    assert offences(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "a == signature",
        "signature.value != b",
        "x in secrets",
        "key.hexdigest() == x",
        "self._provided == x",
        "h.digest()[:4] == x",
    ],
)
def test_the_lint_sees(source: str) -> None:
    assert offences(source)


def test_compare_digest_is_used() -> None:
    users = {path.name for path in FILES if "hmac.compare_digest(" in path.read_text()}
    assert users == {"authenticator.py", "chunked.py", "claims.py", "console_session.py", "form.py"}


@pytest.mark.usefixtures("_fixed_clock")
@pytest.mark.parametrize("way", ["header", "query"])
def test_unknown_key_and_wrong_secret_take_the_same_path(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[int] = []
    hex_of = HmacKey.hex
    monkeypatch.setattr(HmacKey, "hex", lambda self, message: messages.append(len(message)) or hex_of(self, message))  # type: ignore[func-returns-value]

    def outcome(**arguments: str) -> tuple[str, int]:
        messages.clear()
        if way == "header":
            request = request_of("GET", "/bucket/key", sign_header(**arguments))  # type: ignore[arg-type]
        else:
            request = request_of("GET", *presign(**arguments))  # type: ignore[arg-type]
        with pytest.raises(RequestError) as caught:
            AUTHENTICATOR.authenticate(request)
        return caught.value.code, len(messages)

    wrong, unknown = outcome(secret="wrong"), outcome(access_key="AKIAIOSFODNN7UNKNOWN")
    assert (wrong[0], unknown[0]) == ("SignatureDoesNotMatch", "InvalidAccessKeyId")
    assert wrong[1] == unknown[1] == 2

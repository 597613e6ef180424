"""AssumeRoleWithWebIdentity: whose tokens open a role, and which do not."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.identity.conftest import DENIED, Client, new_name, policy, refused

KEY, OTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
CLIENT_ID = "my-app"
INVALID = (400, "InvalidIdentityToken")


class Provider:
    """An OpenID Connect provider: a discovery document, and keys."""

    def __init__(self) -> None:
        self.asked = 0
        self.keys = [{**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())), "kid": "one", "alg": "RS256"}]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                documents: dict[str, Any] = {
                    "/.well-known/openid-configuration": {"jwks_uri": f"{outer.url}/keys", "issuer": outer.url},
                    "/keys": {"keys": outer.keys},
                }
                body = json.dumps(documents.get(self.path)).encode()
                self.send_response(200 if self.path in documents else 404)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def name(self) -> str:
        return self.url.partition("://")[2]

    def token(self, key: Any = KEY, alg: str = "RS256", kid: str = "one", **claims: Any) -> str:
        now = int(time.time())
        whole = {"iss": self.url, "aud": CLIENT_ID, "sub": "alice", "iat": now, "exp": now + 600, **claims}
        kept = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(kept, key, alg, headers={"kid": kid})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture(scope="module")
def provider_arn(provider: Provider, client: Client) -> str:
    made = client("iam", "root1").create_open_id_connect_provider(Url=provider.url, ClientIDList=[CLIENT_ID])
    return str(made["OpenIDConnectProviderArn"])


@pytest.fixture
def role(provider: Provider, provider_arn: str, client: Client) -> Callable[..., str]:
    """Makes a role that trusts the provider; its ARN."""

    def make(*statements: dict[str, Any]) -> str:
        iam, name = client("iam", "root1"), new_name("Web")
        usual = {"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": provider_arn}}
        condition = {"StringEquals": {f"{provider.name}:aud": CLIENT_ID}, "StringLike": {f"{provider.name}:sub": "al*"}}
        trust = policy(*(statements or ({**usual, "Condition": condition},)))
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        allowed = policy({"Action": "s3:*", "Resource": "*"})
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allowed)
        return str(arn)

    return make


def ask(client: Client, arn: str, token: str, **more: Any) -> Any:
    sts = client("sts", None)
    return sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="web", WebIdentityToken=token, **more)


def test_a_token_opens_a_role(client: Client, provider: Provider, provider_arn: str, role: Callable[..., str]) -> None:
    arn = role()
    answer = ask(client, arn, provider.token(), DurationSeconds=900)
    assert answer["SubjectFromWebIdentityToken"] == "alice"
    assert (answer["Provider"], answer["Audience"]) == (provider_arn, CLIENT_ID)
    assert answer["AssumedRoleUser"]["Arn"].endswith("/web")
    made = answer["Credentials"]
    s3 = client("s3", (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]))
    bucket = new_name("of-web")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    limit = policy({"Action": "s3:GetObject", "Resource": "*"})
    made = ask(client, arn, provider.token(), Policy=limit)["Credentials"]
    limited = client("s3", (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]))
    assert limited.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert refused(limited.put_object, Bucket=bucket, Key="k", Body=b"y") == DENIED
    asked = provider.asked
    ask(client, arn, provider.token())
    assert provider.asked <= asked + 2  # each gateway has asked for the keys once, at most


def _unsigned(provider: Provider) -> str:
    head, body, _ = provider.token().split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"one"}').rstrip(b"=").decode()
    assert head
    return f"{none}.{body}."


def _by_public_key(provider: Provider) -> str:
    """Signed with the public key as if it were a shared secret."""
    import hashlib
    import hmac

    secret = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one","typ":"JWT"}').rstrip(b"=").decode()
    signed = f"{head}.{provider.token().split('.')[1]}"
    signature = base64.urlsafe_b64encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest()).rstrip(b"=")
    return f"{signed}.{signature.decode()}"


def _changed(provider: Provider) -> str:
    head, _, signature = provider.token().split(".")
    _, body, _ = provider.token(sub="alice2").split(".")
    return f"{head}.{body}.{signature}"


@pytest.mark.parametrize(
    ("token", "outcome"),
    [
        (lambda p: p.token(exp=int(time.time()) - 60), (400, "ExpiredTokenException")),
        (lambda p: p.token(exp=None), INVALID),
        (lambda p: p.token(nbf=int(time.time()) + 600), INVALID),
        (lambda p: p.token(aud="other-app"), INVALID),
        (lambda p: p.token(aud=None), INVALID),
        (lambda p: p.token(sub=None), INVALID),
        (lambda p: p.token(iss="https://other.example.com"), INVALID),
        (lambda p: p.token(iss=None), INVALID),
        (lambda p: p.token(kid="two"), INVALID),
        (lambda p: p.token(key=OTHER_KEY), INVALID),
        (lambda p: p.token(key="shared secret of thirty-two bytes", alg="HS256"), INVALID),
        (_unsigned, INVALID),
        (_by_public_key, INVALID),
        (_changed, INVALID),
        (lambda _: "no.token.x", INVALID),
        (lambda _: "a" * 4000, INVALID),
        (lambda p: p.token(sub="mallory"), DENIED),
    ],
)
def test_t16_what_opens_nothing(
    client: Client, provider: Provider, role: Callable[..., str], token: Callable[[Provider], str], outcome: Any
) -> None:
    assert refused(ask, client=client, arn=role(), token=token(provider)) == outcome


def test_roles_that_do_not_trust(
    client: Client, provider: Provider, provider_arn: str, role: Callable[..., str]
) -> None:
    token = provider.token()
    web = {"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": provider_arn}}
    others = [
        ({**web, "Principal": {"Federated": provider_arn + "x"}},),
        ({**web, "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}},),
        ({"Action": web["Action"], "NotPrincipal": {"Federated": "somebody"}},),
        (web, {**web, "Effect": "Deny"}),
    ]
    for statements in others:
        assert refused(ask, client=client, arn=role(*statements), token=token) == DENIED
    arn = role()
    for wrong in (arn + "x", arn.replace(":role/", ":role/a/"), "arn:aws:iam::999999999999:role/x", "a" * 20):
        assert refused(ask, client=client, arn=wrong, token=token) == DENIED
    too_long = {"client": client, "arn": arn, "token": token, "DurationSeconds": 7200}
    assert refused(ask, **too_long) == (400, "ValidationError")


def test_a_provider_that_is_away(client: Client) -> None:
    iam, url, name = client("iam", "root2"), "http://127.0.0.1:9/oidc", new_name("Away")
    arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=[CLIENT_ID])["OpenIDConnectProviderArn"]
    trust = policy({"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": arn}})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    token = jwt.encode({"iss": url, "aud": CLIENT_ID}, KEY, "RS256", headers={"kid": "x"})
    assert refused(ask, client=client, arn=role, token=token) == (400, "IDPCommunicationError")

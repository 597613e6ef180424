"""AdminClient: signed requests of the command line to the admin API of a server, and to S3."""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session

from objstore.cli.credentials import FILE_NAME
from objstore.cli.problem import CommandError

ENDPOINT_DEFAULT = "http://127.0.0.1:9000"
DATA_DEFAULT = "objstore-data"
ADMIN = "/-/admin/v1"
CONNECT_SECONDS, ANSWER_SECONDS = 10, 300
_LINE = re.compile(r"^(?:export )?(AWS_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY)=(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Target:
    """A server, and who asks."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)


def find_target(endpoint: str | None, credentials: Path | None, environment: dict[str, str]) -> Target:
    """Flags, then the environment, then what a server on this machine left in its directory. Raises CommandError."""
    data = Path(environment.get("OBJSTORE_DATA") or DATA_DEFAULT)
    found = (
        endpoint
        or environment.get("OBJSTORE_ENDPOINT")
        or environment.get("AWS_ENDPOINT_URL")
        or _running(data)
        or ENDPOINT_DEFAULT
    )
    if not re.match(r"https?://[^/]+/?$", found):
        raise CommandError(f"{found!r} is no endpoint: write http://HOST:PORT")
    region = environment.get("OBJSTORE_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    return Target(found.rstrip("/"), region, *_keys(credentials, data, environment))


class AdminClient:
    """Sends one request after another."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._signer = S3SigV4Auth(Keys(target.access_key, target.secret_key), "s3", target.region)
        self._session = URLLib3Session(timeout=(CONNECT_SECONDS, ANSWER_SECONDS))

    def call(self, method: str, path: str, *, query: dict[str, Any] | None = None, body: Any = None) -> Any:
        """The JSON answer to a request of the admin API; None if it has none. Raises CommandError."""
        raw = b"" if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"} if raw else {}
        given = {name: value for name, value in (query or {}).items() if value is not None}
        status, answer = self._send(method, ADMIN + path, given, raw, headers)
        if status >= 400:
            raise CommandError(_explain(status, answer))
        return json.loads(answer) if answer else None

    def put_xml(self, bucket: str, document: bytes) -> None:
        """PutBucketLifecycleConfiguration with a document as it is. Raises CommandError."""
        headers = {"content-type": "application/xml"}
        status, answer = self._send("PUT", "/" + segment(bucket), {"lifecycle": ""}, document, headers)
        if status >= 400:
            code, message = (_element(answer, name) for name in ("Code", "Message"))
            raise CommandError(f"{message} ({code})" if code else f"the server answered {status}")

    def _send(
        self, method: str, path: str, query: dict[str, Any], body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        url = self._target.endpoint + path + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        request = AWSRequest(method, url, data=body, headers=headers)
        self._signer.add_auth(request)
        try:
            answer = self._session.send(request.prepare())
            return int(answer.status_code), bytes(answer.content)
        except BotoCoreError as error:
            raise CommandError(f"{self._target.endpoint} does not answer: {error}") from None


def segment(text: str) -> str:
    """A part of a path."""
    return quote(text, safe="")


def _explain(status: int, answer: bytes) -> str:
    """What an answer of the admin API says is wrong."""
    try:
        told = json.loads(answer)
    except ValueError:
        return f"the server answered {status}: {answer[:200].decode('utf-8', 'replace')}"
    if "error" in told:
        return f"{told['error']['message']} ({told['error']['code']})"
    detail = told.get("detail", told)
    if isinstance(detail, str):
        return detail
    return "\n".join(_problem(one) for one in detail)


def _problem(one: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in one["loc"] if part not in ("body", "query"))
    text = "there is no such element" if one["type"] == "extra_forbidden" else one["msg"].removeprefix("Value error, ")
    return f"{place}: {text}" if place else str(text)


def _element(document: bytes, name: str) -> str:
    found = re.search(rf"<{name}>(.*?)</{name}>", document.decode("utf-8", "replace"), re.DOTALL)
    return found[1] if found else ""


def _running(data: Path) -> str | None:
    """The endpoint of the server whose directory this is."""
    try:
        return str(json.loads((data / "run" / "server.json").read_text())["endpoint"])
    except (OSError, ValueError, KeyError):
        return None


def _keys(path: Path | None, data: Path, environment: dict[str, str]) -> tuple[str, str]:
    if path is None:
        for names in (("OBJSTORE_ACCESS_KEY", "OBJSTORE_SECRET_KEY"), ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")):
            access_key, secret_key = (environment.get(name) for name in names)
            if access_key and secret_key:
                return access_key, secret_key
    path = path or data / FILE_NAME
    try:
        found = dict(_LINE.findall(path.read_text()))
        return found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"]
    except (OSError, KeyError):
        raise CommandError(
            f"no root credentials: {path} does not hold any; set OBJSTORE_ACCESS_KEY and OBJSTORE_SECRET_KEY, "
            "or name the server's file with --credentials"
        ) from None


def connect(endpoint: str | None, credentials: Path | None) -> AdminClient:
    """A client for the options of a command. Raises CommandError."""
    return AdminClient(find_target(endpoint, credentials, dict(os.environ)))


def connect_to(endpoint: str | None, credentials: Path | None, data: Path | None) -> AdminClient:
    """The same for the server whose data directory is named. Raises CommandError."""
    environment = dict(os.environ)
    if data is not None:
        environment["OBJSTORE_DATA"] = str(data)
        # What runs there is meant, whatever else the environment says.
        endpoint = endpoint or _running(data)
        credentials = credentials or data / FILE_NAME
        if not credentials.exists():
            credentials = None
    return AdminClient(find_target(endpoint, credentials, environment))

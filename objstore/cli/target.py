"""Which server a command means, and who asks."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from objstore.cli.credentials_file import FILE_NAME, KEY_LINE
from objstore.cli.problem import CommandError

ENDPOINT_DEFAULT = "http://127.0.0.1:9000"
DATA_DEFAULT = "objstore-data"


@dataclass(frozen=True)
class Target:
    """A server, and who asks. ``ca_bundle``: file of the authority that its certificate is checked against."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    ca_bundle: str | None = None


def find_target(endpoint: str | None, credentials: Path | None, environment: Mapping[str, str]) -> Target:
    """Flags, then the environment, then what a server on this machine left in its directory. Raises CommandError.

    Credentials of the environment go before those of a server that runs here, these before awscli's files.
    """
    data = Path(environment.get("OBJSTORE_DATA") or DATA_DEFAULT)
    named = endpoint or next(
        (
            environment[name]
            for name in ("OBJSTORE_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
            if environment.get(name)
        ),
        None,
    )
    here = None if named else running(data)
    found = named or here or _configured_endpoint(environment) or ENDPOINT_DEFAULT
    region = environment.get("OBJSTORE_REGION") or environment.get("AWS_REGION") or environment.get(
        "AWS_DEFAULT_REGION") or "us-east-1"  # fmt: skip
    keys = _keys(credentials, data, environment, prefers_data=here is not None)
    return Target(_checked(found), region, *keys, ca_bundle=environment.get("AWS_CA_BUNDLE") or None)


def find_source(
    endpoint: str | None, profile: str | None, credentials: Path | None, environment: Mapping[str, str]
) -> Target | None:
    """The other server that objects are copied from; None where none is named. Raises CommandError.

    Of a profile of awscli all of it is taken, AWS itself if it names no endpoint. Else keys and region come from
    OBJSTORE_FROM_…, and if there are none, from where those of the target do.
    """
    if endpoint is None and profile is None:
        if credentials is not None:
            raise CommandError("--from-credentials goes with --from-endpoint: say which server they are for")
        return None
    if profile is not None:
        return _of_profile(endpoint, profile, credentials, environment)
    own = {f"OBJSTORE_{name}": environment.get(f"OBJSTORE_FROM_{name}", "") for name in ("ACCESS_KEY", "SECRET_KEY")}
    if credentials is None and len([one for one in own.values() if one]) == 1:
        raise CommandError("set both of OBJSTORE_FROM_ACCESS_KEY and OBJSTORE_FROM_SECRET_KEY, or neither")
    if region := environment.get("OBJSTORE_FROM_REGION"):
        own["OBJSTORE_REGION"] = region
    return find_target(endpoint, credentials, {**environment, **{name: one for name, one in own.items() if one}})


def _of_profile(endpoint: str | None, profile: str, path: Path | None, environment: Mapping[str, str]) -> Target:
    files = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
    own = {name: environment[name] for name in files if name in environment} | {"AWS_PROFILE": profile}
    settings = _profile(own)
    region = str(settings.get("region") or "us-east-1")
    keys = _read(path) if path is not None else _shared(own)
    if keys is None:
        raise CommandError(f"{path or f'profile {profile} of awscli'} has no credentials")
    found = endpoint or str(settings.get("endpoint_url") or f"https://s3.{region}.amazonaws.com")
    return Target(_checked(found), region, *keys, ca_bundle=environment.get("AWS_CA_BUNDLE") or None)


def _checked(endpoint: str) -> str:
    if not re.match(r"https?://[^/]+/?$", endpoint):
        raise CommandError(f"{endpoint!r} is no endpoint: write http://HOST:PORT")
    return endpoint.rstrip("/")


def running(data: Path) -> str | None:
    """The endpoint of the server whose directory this is."""
    try:
        return str(json.loads((data / "run" / "server.json").read_text())["endpoint"])
    except (OSError, ValueError, KeyError):
        return None


def _configured_endpoint(environment: Mapping[str, str]) -> str | None:
    """``endpoint_url`` of awscli's profile."""
    found = _profile(environment).get("endpoint_url")
    return str(found) if found else None


def _profile(environment: Mapping[str, str]) -> dict[str, Any]:
    if not _has_files(environment):
        return {}
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        return dict(Session(profile=environment.get("AWS_PROFILE") or None).get_scoped_config())
    except BotoCoreError as error:
        raise CommandError(f"awscli's configuration: {error}") from None


def _has_files(environment: Mapping[str, str]) -> bool:
    """Whether awscli has anything here: looking for it takes a third of a second."""
    config = environment.get("AWS_CONFIG_FILE") or "~/.aws/config"
    shared = environment.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
    return bool(environment.get("AWS_PROFILE")) or any(Path(path).expanduser().is_file() for path in (config, shared))


def _keys(
    path: Path | None, data: Path, environment: Mapping[str, str], *, prefers_data: bool
) -> tuple[str, str, str | None]:
    """Access key, secret key, session token."""
    if path is None:
        for names in (("OBJSTORE_ACCESS_KEY", "OBJSTORE_SECRET_KEY"), ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")):
            access_key, secret_key = (environment.get(name) for name in names)
            if access_key and secret_key:
                token = environment.get("AWS_SESSION_TOKEN") if names[0].startswith("AWS") else None
                return access_key, secret_key, token or None
        if prefers_data and (found := _read(data / FILE_NAME)):
            return found
        if found := _shared(environment):
            return found
    path = path or data / FILE_NAME
    if found := _read(path):
        return found
    raise CommandError(
        f"no root credentials: {path} does not hold any; set OBJSTORE_ACCESS_KEY and OBJSTORE_SECRET_KEY, "
        "or name the server's file with --credentials"
    )


def _read(path: Path) -> tuple[str, str, str | None] | None:
    try:
        found = dict(KEY_LINE.findall(path.read_text()))
        return found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"], None
    except (OSError, KeyError):
        return None


def _shared(environment: Mapping[str, str]) -> tuple[str, str, str | None] | None:
    """As awscli finds them in its files: profiles, roles, programs; not from the metadata of a cloud."""
    if not _has_files(environment):
        return None
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    session = Session(profile=environment.get("AWS_PROFILE") or None)
    session.set_config_variable("metadata_service_num_attempts", 0)
    try:
        session.get_component("credential_provider").remove("iam-role")
        found = session.get_credentials()
        frozen = None if found is None else found.get_frozen_credentials()
    except BotoCoreError as error:
        raise CommandError(f"awscli's credentials: {error}") from None
    return None if frozen is None else (frozen.access_key, frozen.secret_key, frozen.token)

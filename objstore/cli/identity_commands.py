"""``objstore account``, ``objstore user`` and ``objstore key``: who may use a server."""

from pathlib import Path
from typing import Annotated, Any

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint
from objstore.cli.telling import tell

accounts = typer.Typer(no_args_is_help=True, help="Accounts: add, ls, rm.")
users = typer.Typer(no_args_is_help=True, help="Users: add, ls, rm, policy.")
keys = typer.Typer(no_args_is_help=True, help="Access keys: add, set, rm; reseal.")

Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Data directory of the server that runs here.")
]
Account = Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Id or name. [the server's own]")]
AccessKey = Annotated[str | None, typer.Option(metavar="KEY", help="Made if it is not given.")]
SecretKey = Annotated[str | None, typer.Option(metavar="SECRET", help="Made if it is not given.")]
Canonical = Annotated[str | None, typer.Option(metavar="ID", help="Canonical id, as ACLs and listings have it.")]
Display = Annotated[str | None, typer.Option(metavar="NAME", help="As ACLs and listings have it.")]
Email = Annotated[str | None, typer.Option(metavar="ADDRESS", help="By which ACLs may name it.")]


def _client(endpoint: str | None, credentials: Path | None, data: Path | None) -> Any:
    from objstore.cli.admin_client import connect_to

    return connect_to(endpoint, credentials, data)


def _show(answer: dict[str, Any], as_json: bool) -> None:
    from objstore.cli.output import print_json, say

    if as_json:
        print_json(answer)
        return
    for name, value in answer.items():
        if value not in (None, ""):
            say(f"{name}: {value}")


@accounts.command("add")
def add_account(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    id_: Annotated[str | None, typer.Option("--id", metavar="ID", help="As ARNs have it. [made]")] = None,
    canonical_id: Canonical = None,
    display_name: Display = None,
    email: Email = None,
    access_key: AccessKey = None,
    secret_key: SecretKey = None,
    data: Data = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Make an account; with an access key, also its root user's key."""
    body = {"name": name, "id": id_, "canonical_id": canonical_id, "display_name": display_name, "email": email,
            "access_key": access_key, "secret_key": secret_key}  # fmt: skip
    _show(_client(endpoint, credentials, data).call("POST", "/accounts", body=body), as_json)


@accounts.command("ls")
def list_accounts(
    data: Data = None, endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False
) -> None:
    """Show the accounts."""
    from objstore.cli.output import print_json, print_table

    answer = _client(endpoint, credentials, data).call("GET", "/accounts")
    if as_json:
        print_json(answer)
        return
    columns = ("id", "name", "canonical_id", "display_name", "email")
    print_table("", ("Id", "Name", "Canonical id", "Display name", "E-mail"),
                [[one[column] for column in columns] for one in answer["accounts"]])  # fmt: skip


@accounts.command("rm")
def remove_account(
    name: Annotated[str, typer.Argument(metavar="ACCOUNT")],
    data: Data = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove an account without users, groups, roles and policies."""
    from objstore.cli.admin_client import segment

    _client(endpoint, credentials, data).call("DELETE", f"/accounts/{segment(name)}")
    tell(as_json, {"account": name}, f"account {name} is gone")


@users.command("add")
def add_user(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]")] = None,
    access_key: AccessKey = None,
    secret_key: SecretKey = None,
    canonical_id: Canonical = None,
    display_name: Display = None,
    email: Email = None,
    account: Account = None,
    policy: Annotated[
        list[str] | None, typer.Option(metavar="POLICY", help="A managed policy, by ARN or by AWS's name; repeatable.")
    ] = None,
    root: Annotated[bool, typer.Option("--root", help="The key is that of the account's root user.")] = False,
    data: Data = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a user with an access key.

    With a canonical id it owns what it makes, as an account does; without one it may do what its policies allow.
    Without NAME, the first user of an account whose root has no key is its root user.
    """
    body = {"name": name, "access_key": access_key, "secret_key": secret_key, "canonical_id": canonical_id,
            "display_name": display_name, "email": email, "account": account or "", "policies": policy or [],
            "root": root}  # fmt: skip
    _show(_client(endpoint, credentials, data).call("POST", "/users", body=body), as_json)


@users.command("ls")
def list_users(
    account: Account = None,
    data: Data = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the users of an account."""
    from objstore.cli.output import print_json, print_table

    answer = _client(endpoint, credentials, data).call("GET", "/users", query={"account": account})
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            user["name"],
            user["canonical_id"],
            user["display_name"],
            " ".join(key["access_key"] + ("" if key["active"] else " (off)") for key in user["keys"]),
            " ".join(policy.rpartition("/")[2] for policy in user["policies"]),
        )
        for user in answer["users"]
    ]
    print_table("", ("Name", "Canonical id", "Display name", "Keys", "Policies"), rows)


@users.command("rm")
def remove_user(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    account: Account = None,
    data: Data = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove a user and its keys; its buckets stay."""
    from objstore.cli.admin_client import segment

    query = {"account": account}
    _client(endpoint, credentials, data).call("DELETE", f"/users/{segment(name)}", query=query)
    tell(as_json, {"user": name}, f"user {name} is gone")


@users.command("policy")
def set_policy(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    policy: Annotated[str, typer.Argument(metavar="POLICY")],
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Its document; without one it is taken away.")
    ] = None,
    account: Account = None,
    data: Data = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Set an inline policy of a user from FILE, or take a policy away."""
    from objstore.cli.admin_client import segment
    from objstore.cli.problem import CommandError

    path, query = f"/users/{segment(name)}/policies/{segment(policy)}", {"account": account}
    client = _client(endpoint, credentials, data)
    if file is None:
        client.call("DELETE", path, query=query)
        tell(as_json, {"user": name, "policy": policy, "set": False}, f"{name}: policy {policy} is gone")
        return
    try:
        document = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file}: {error}") from None
    client.call("PUT", path, query=query, body={"document": document})
    tell(as_json, {"user": name, "policy": policy, "set": True}, f"{name}: policy {policy} is set")


@keys.command("add")
def add_key(
    user: Annotated[str, typer.Argument(metavar="USER")],
    access_key: AccessKey = None,
    secret_key: SecretKey = None,
    expires: Annotated[float | None, typer.Option(metavar="SECONDS", help="When it ends, Unix time.")] = None,
    account: Account = None,
    data: Data = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Make another key of a user."""
    from objstore.cli.admin_client import segment

    body = {"access_key": access_key, "secret_key": secret_key, "expires": expires}
    client, query = _client(endpoint, credentials, data), {"account": account}
    _show(client.call("POST", f"/users/{segment(user)}/keys", query=query, body=body), as_json)


@keys.command("set")
def set_key(
    access_key: Annotated[str, typer.Argument(metavar="KEY")],
    active: Annotated[bool | None, typer.Option("--on/--off", help="Whether it can be used.")] = None,
    expires: Annotated[float | None, typer.Option(metavar="SECONDS", help="When it ends; 0: never.")] = None,
    data: Data = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Disable or enable a key, or say when it ends."""
    from objstore.cli.admin_client import segment

    body = {"active": active, "expires": expires}
    _show(_client(endpoint, credentials, data).call("PATCH", f"/keys/{segment(access_key)}", body=body), as_json)


@keys.command("rm")
def remove_key(
    access_key: Annotated[str, typer.Argument(metavar="KEY")],
    data: Data = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove a key."""
    from objstore.cli.admin_client import segment

    _client(endpoint, credentials, data).call("DELETE", f"/keys/{segment(access_key)}")
    tell(as_json, {"access_key": access_key}, f"key {access_key} is gone")


@keys.command("reseal")
def reseal(
    data: Data = None, endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False
) -> None:
    """Seal all secrets with the newest master key."""
    _show(_client(endpoint, credentials, data).call("POST", "/reseal"), as_json)

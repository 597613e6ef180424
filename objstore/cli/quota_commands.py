"""``objstore quota``: how much buckets and accounts may hold."""

from typing import Annotated

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint
from objstore.cli.telling import tell

app = typer.Typer(no_args_is_help=True, help="Quotas of buckets and accounts: set, ls, rm.")
Bucket = Annotated[str | None, typer.Option(metavar="BUCKET", help="Of this bucket.")]
Account = Annotated[
    str | None, typer.Option(metavar="ACCOUNT", help="Of all buckets of this account, or owner: name or id; default.")
]


def _place(bucket: str | None, account: str | None) -> str:
    from objstore.cli.admin_client import segment

    if (bucket is None) == (account is None):
        raise typer.BadParameter("give --bucket or --account")
    return f"/buckets/{segment(bucket)}/quota" if bucket is not None else f"/accounts/{segment(str(account))}/quota"


@app.command("set")
def set_quota(
    bucket: Bucket = None,
    account: Account = None,
    size: Annotated[str | None, typer.Option("--bytes", metavar="SIZE", help="Such as 500M, 1.5G, 2T.")] = None,
    objects: Annotated[int | None, typer.Option(min=0, metavar="COUNT", help="All versions count.")] = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Set what a bucket or an account may hold; it replaces what was set before."""
    from objstore.cli.admin_client import connect
    from objstore.cli.warm_commands import parse_size

    if size is None and objects is None:
        raise typer.BadParameter("give --bytes, --objects, or both")
    body = {"bytes": None if size is None else parse_size(size), "objects": objects}
    connect(endpoint, credentials).call("PUT", _place(bucket, account), body=body)
    tell(as_json, {"bucket": bucket, "account": account, **body}, f"the quota of {bucket or account} is set")


@app.command("ls")
def list_quotas(endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False) -> None:
    """Show the quotas, and what is there."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import number, print_json, print_table, size

    client = connect(endpoint, credentials)
    answer = client.call("GET", "/quotas")
    while answer["next"]:
        page = client.call("GET", "/quotas", query={"after": answer["next"]})
        answer = {"quotas": answer["quotas"] + page["quotas"], "next": page["next"]}
    if as_json:
        print_json(answer)
        return
    print_table(
        "",
        ("Bucket", "Account", "#Used", "#Of", "#Objects", "#Of"),
        [
            [
                one["bucket"],
                one["account"],
                size(one["used_bytes"]),
                "" if one["bytes"] is None else size(one["bytes"]),
                number(one["used_objects"]),
                "" if one["objects"] is None else number(one["objects"]),
            ]
            for one in answer["quotas"]
        ],
    )


@app.command("rm")
def remove_quota(
    bucket: Bucket = None,
    account: Account = None,
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove a quota."""
    from objstore.cli.admin_client import connect

    connect(endpoint, credentials).call("DELETE", _place(bucket, account))
    tell(as_json, {"bucket": bucket, "account": account}, f"{bucket or account} has no quota")

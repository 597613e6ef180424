"""``objstore pace``: how fast repair, rebalancing, scrub and lifecycle may go, changed while they run."""

from typing import Annotated

import typer

from objstore.cli.options import AsJson, CredentialsFile, Endpoint
from objstore.cli.telling import tell

app = typer.Typer(no_args_is_help=True, help="How fast background work may go: repair, rebalancing, scrub, lifecycle.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="As `objstore pace ls` has it.")]


@app.command("ls")
def list_paces(endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False) -> None:
    """Show what holds, and what the configuration says."""
    from objstore.cli.admin_client import connect
    from objstore.cli.output import number, print_json, print_table, size

    answer = connect(endpoint, credentials).call("GET", "/paces")
    if as_json:
        print_json(answer)
        return

    def rate(unit: str, value: float | None) -> str:
        if value is None:
            return "no bound"
        return f"{size(value) if unit == 'bytes' else number(value)}/s"

    print_table(
        "",
        ("Name", "#Holds", "#Configured", "Set by", "What"),
        [
            [one["name"], rate(one["unit"], one["value"]), rate(one["unit"], one["configured"]), one["by"], one["text"]]
            for one in answer["paces"]
        ],
    )


@app.command("set")
def set_pace(
    name: Name,
    value: Annotated[str, typer.Argument(metavar="RATE", help="Bytes (such as 50M) or operations a second.")],
    endpoint: Endpoint = None,
    credentials: CredentialsFile = None,
    as_json: AsJson = False,
) -> None:
    """Set one; background processes take it over within seconds."""
    from objstore.cli.admin_client import connect, segment
    from objstore.cli.warm_commands import parse_size

    rate = parse_size(value)
    connect(endpoint, credentials).call("PUT", f"/paces/{segment(name)}", body={"value": rate})
    tell(as_json, {"name": name, "value": rate}, f"{name} is set to {value}/s")


@app.command("reset")
def reset_pace(
    name: Name, endpoint: Endpoint = None, credentials: CredentialsFile = None, as_json: AsJson = False
) -> None:
    """Let the configuration's hold again."""
    from objstore.cli.admin_client import connect, segment

    connect(endpoint, credentials).call("DELETE", f"/paces/{segment(name)}")
    tell(as_json, {"name": name, "value": None}, f"{name} is as configured")

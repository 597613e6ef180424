"""``objstore certs``: certificates for TLS."""

from pathlib import Path
from typing import Annotated

import typer

from objstore.cli.options import AsJson

app = typer.Typer(no_args_is_help=True, help="Certificates for TLS: init.")


@app.callback()
def _certs() -> None:
    """Certificates for TLS."""


@app.command()
def init(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="What clients call the server; *.DOMAIN too.")],
    directory: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where the files go.")] = Path("certs"),
    host: Annotated[list[str] | None, typer.Option(help="Another name or address, repeatable.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long the certificate is good for.")] = 397,
    as_json: AsJson = False,
) -> None:
    """Make an authority (once) and a certificate that it signs; a server that runs takes the new one by itself."""
    from objstore.cli.certificates import CA_CERT, CERT, KEY, make_certificates
    from objstore.cli.output import print_json

    paths = make_certificates(directory, domain, host or [], days)
    use = f"server: --tls-cert {directory / CERT} --tls-key {directory / KEY}; clients trust {directory / CA_CERT}"
    answer = {"files": [str(path) for path in paths], "tls_cert": str(directory / CERT),
              "tls_key": str(directory / KEY), "ca": str(directory / CA_CERT)}  # fmt: skip
    print_json(answer) if as_json else print(*paths, use, sep="\n")

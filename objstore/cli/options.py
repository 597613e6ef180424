"""Options that every command against a server has."""

from pathlib import Path
from typing import Annotated

import typer

Endpoint = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The server. [OBJSTORE_ENDPOINT, AWS_ENDPOINT_URL, the server running here, http://127.0.0.1:9000]",
    ),
]
CredentialsFile = Annotated[
    Path | None,
    typer.Option(
        "--credentials",
        metavar="FILE",
        help="Access and secret key. [OBJSTORE_ACCESS_KEY and OBJSTORE_SECRET_KEY, awscli's, the server's here]",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

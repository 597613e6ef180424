"""What a person is told once the server is ready: lines that can be pasted."""

import shlex

from objstore import __version__
from objstore.cli.credentials import Credentials


def banner(endpoint: str, region: str, credentials: Credentials, codec: str, problems: list[str]) -> str:
    """Several lines; the secret is never among them."""
    if credentials.path is not None:
        where = str(credentials.path)
        source = f"set -a; . {shlex.quote(where)}; set +a; "
    else:
        where = "as set (OBJSTORE_ACCESS_KEY, OBJSTORE_SECRET_KEY, or the configuration file)"
        source = 'AWS_ACCESS_KEY_ID="$OBJSTORE_ACCESS_KEY" AWS_SECRET_ACCESS_KEY="$OBJSTORE_SECRET_KEY" '
    client = f'boto3.client("s3", endpoint_url="{endpoint}", region_name="{region}")'
    lines = [
        f"objstore {__version__} is ready",
        f"  endpoint     {endpoint}",
        f"  credentials  {where}",
        f"  awscli       {source}aws --endpoint-url {endpoint} --region {region} s3 ls",
        f"  boto3        {source}python3 -c 'import boto3; print({client}.list_buckets()[\"Buckets\"])'",
    ]
    if codec != "isal":
        lines.append(
            f"  warning      ISA-L does not load: erasure coding is computed by {codec}, thousands of times slower"
        )
    lines += [f"  warning      drive left out: {problem}" for problem in problems]
    return "\n".join(lines)

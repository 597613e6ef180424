"""Store a real corpus with the tools that you have, read it back, compare every byte, print how long it took.

    set -a; . objstore-data/credentials; set +a
    export AWS_ENDPOINT_URL=http://127.0.0.1:9000 AWS_DEFAULT_REGION=us-east-1
    .venv/bin/python examples/corpus.py /usr/share/doc

Trees go in and out with ``aws s3 sync``, and with s5cmd and rclone where they are installed. Then one large object goes
in by multipart upload and comes back whole and in ranges: ``--large-mib 5120`` for 5 GiB. Needs boto3.
"""

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3

MIB = 1024 * 1024
PART_BYTES = 64 * MIB
PARTS_AT_ONCE = 4
RANGES = 200
READ_BYTES = 4 * MIB


def main() -> None:
    """Run everything that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="*", type=Path, default=[Path("/usr/share/doc")], help="[/usr/share/doc]")
    parser.add_argument("--tools", default="aws,s5cmd,rclone", help="which of aws, s5cmd and rclone [all]")
    parser.add_argument("--large-mib", type=int, default=256, help="size of the large object, 0 for none [256]")
    arguments = parser.parse_args()
    s3 = boto3.client("s3")
    print(f"{'':24} {'files':>7} {'MiB':>8} {'seconds':>8} {'files/s':>8} {'MiB/s':>7}")
    for tree in arguments.trees:
        for tool in filter(None, arguments.tools.split(",")):
            if program(tool) is None:
                print(f"{tool} is not installed")
            else:
                round_trip(s3, tree, TOOLS[tool](s3))
    if arguments.large_mib:
        large(s3, arguments.large_mib * MIB)


class Aws:
    """``aws s3 sync``."""

    name = "aws s3 sync"

    def __init__(self, s3: Any) -> None:
        self._options = ["--only-show-errors", "--no-follow-symlinks"]

    def upload(self, tree: Path, bucket: str) -> list[list[str]]:
        """Commands that store a tree."""
        return [["aws", "s3", "sync", *self._options, str(tree), f"s3://{bucket}/tree"]]

    def download(self, bucket: str, back: Path) -> list[list[str]]:
        """Commands that read it back."""
        return [["aws", "s3", "sync", "--only-show-errors", f"s3://{bucket}/tree", str(back)]]


class S5cmd:
    """``s5cmd sync``."""

    name = "s5cmd sync"

    def __init__(self, s3: Any) -> None:
        self._command = ["s5cmd", "--log", "error", "--endpoint-url", s3.meta.endpoint_url, "sync"]

    def upload(self, tree: Path, bucket: str) -> list[list[str]]:
        """Commands that store a tree."""
        return [[*self._command, "--no-follow-symlinks", f"{tree}/", f"s3://{bucket}/tree/"]]

    def download(self, bucket: str, back: Path) -> list[list[str]]:
        """Commands that read it back."""
        return [[*self._command, f"s3://{bucket}/tree/*", f"{back}/"]]


class Rclone:
    """``rclone copy``, as of a provider that it does not know."""

    name = "rclone copy"

    def __init__(self, s3: Any) -> None:
        remote = f":s3,provider=Other,env_auth,endpoint='{s3.meta.endpoint_url}':"
        self._remote = remote
        self._command = ["rclone", "copy", "--config", os.devnull, "--transfers", "16", "--checkers", "16"]

    def upload(self, tree: Path, bucket: str) -> list[list[str]]:
        """Commands that store a tree."""
        return [[*self._command, "--skip-links", str(tree), f"{self._remote}{bucket}/tree"]]

    def download(self, bucket: str, back: Path) -> list[list[str]]:
        """Commands that read it back."""
        return [[*self._command, f"{self._remote}{bucket}/tree", str(back)]]


TOOLS: dict[str, Callable[[Any], Aws | S5cmd | Rclone]] = {"aws": Aws, "s5cmd": S5cmd, "rclone": Rclone}


def program(name: str) -> str | None:
    """A tool beside this Python, or on the path."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def round_trip(s3: Any, tree: Path, tool: Aws | S5cmd | Rclone) -> None:
    """Store a tree in a bucket of its own, read it into an empty directory, compare, remove."""
    sent = digests(tree)
    total = sum((tree / name).stat().st_size for name in sent)
    bucket = f"corpus-{os.getpid()}-{time.time_ns()}"
    s3.create_bucket(Bucket=bucket)
    with tempfile.TemporaryDirectory(prefix="corpus-") as back:
        report(f"{tool.name} in", len(sent), total, run(tool.upload(tree, bucket)))
        stored = sum(page["KeyCount"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket))
        report(f"{tool.name} out", len(sent), total, run(tool.download(bucket, Path(back))))
        returned = digests(Path(back))
    different = {name for name in sent.keys() | returned.keys() if sent.get(name) != returned.get(name)}
    if different or stored != len(sent):
        sys.exit(f"{tool.name}: {stored} stored, {len(different)} files differ: {sorted(different)[:5]}")
    empty(s3, bucket)


def run(commands: list[list[str]]) -> float:
    """Run commands one after the other; gives seconds."""
    # Debian's rclone 1.60 ends at once where this variable is set, and plain HTTP does not need it.
    environment = {name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"}
    begun = time.monotonic()
    for name, *arguments in commands:
        subprocess.run([str(program(name)), *arguments], check=True, env=environment)
    return time.monotonic() - begun


def digests(tree: Path) -> dict[str, str]:
    """SHA-256 of every regular file, by name below ``tree``. Links are left out."""
    found = {}
    for directory, _, names in os.walk(tree):
        for name in names:
            path = Path(directory, name)
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    found[str(path.relative_to(tree))] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def empty(s3: Any, bucket: str) -> None:
    """Delete all objects and the bucket."""
    begun, count = time.monotonic(), 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        keys = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
        if keys:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
            count += len(keys)
    s3.delete_bucket(Bucket=bucket)
    report("  deleted", count, 0, time.monotonic() - begun)


def report(what: str, files: int, size: int, seconds: float) -> None:
    """One line of the table."""
    rate = f"{size / MIB / seconds:7.1f}" if size else ""
    print(f"{what:24} {files:7} {size / MIB:8.1f} {seconds:8.1f} {files / seconds:8.0f} {rate}", flush=True)


# A large object whose every byte can be told from its place, so that nothing has to be kept to compare with.

_BLOCK = random.Random(1).randbytes(2 * MIB)


def content(start: int, end: int) -> bytes:
    """Bytes [start, end) of it."""
    first, last = start // MIB, -(-end // MIB)
    whole = b"".join(number.to_bytes(8, "big") + _BLOCK[number % MIB :][: MIB - 8] for number in range(first, last))
    return whole[start - first * MIB : end - first * MIB]


def large(s3: Any, size: int) -> None:
    """A multipart upload, a whole download and ranges, each compared."""
    bucket, key = f"corpus-{os.getpid()}-large", "model.safetensors"
    s3.create_bucket(Bucket=bucket)
    begun = time.monotonic()
    upload(s3, bucket, key, size)
    report("multipart in", 1, size, time.monotonic() - begun)
    begun = time.monotonic()
    at = 0
    for piece in pieces(s3.get_object(Bucket=bucket, Key=key)["Body"]):
        if piece != content(at, at + len(piece)):
            sys.exit(f"bytes from {at} differ")
        at += len(piece)
    if at != size:
        sys.exit(f"{at} bytes came back instead of {size}")
    report("one GET out, compared", 1, size, time.monotonic() - begun)
    ranges(s3, bucket, key, size)
    empty(s3, bucket)


def upload(s3: Any, bucket: str, key: str, size: int) -> None:
    """Parts, some at a time."""
    named = {"Bucket": bucket, "Key": key}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]

    def put(number: int) -> dict[str, Any]:
        start = (number - 1) * PART_BYTES
        body = content(start, min(size, start + PART_BYTES))
        return {"PartNumber": number, "ETag": s3.upload_part(**named, PartNumber=number, Body=body)["ETag"]}

    with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
        parts = list(pool.map(put, range(1, -(-size // PART_BYTES) + 1)))
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})


def pieces(body: Any) -> Iterator[bytes]:
    """A body, a piece at a time."""
    while piece := body.read(READ_BYTES):
        yield piece


def ranges(s3: Any, bucket: str, key: str, size: int) -> None:
    """Ranges of all lengths, anywhere."""
    chance, total, begun = random.Random(size), 0, time.monotonic()
    for _ in range(RANGES):
        start = chance.randrange(size)
        end = min(size, start + int(2 ** chance.uniform(0, 24)))
        got = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{end - 1}")["Body"].read()
        if got != content(start, end):
            sys.exit(f"range {start} to {end} differs")
        total += end - start
    report("ranges out, compared", RANGES, total, time.monotonic() - begun)


if __name__ == "__main__":
    main()

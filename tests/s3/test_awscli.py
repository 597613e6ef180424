"""awscli: s3 cp, sync, ls, rm, mv, presign; s3api."""

import json
from pathlib import Path

import pytest

from tests.harness.server import Server
from tests.s3.commands import Command
from tests.s3.trees import MIB, content, digests, write_tree


@pytest.fixture
def aws(server: Server, tmp_path: Path) -> Command:
    environment = {"AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    return Command(server, "aws", environment=environment)


def test_sync_round_trip(aws: Command, bucket: str, tmp_path: Path) -> None:
    source, back = tmp_path / "source tree", tmp_path / "back"
    sent = write_tree(source)
    aws("s3", "sync", "--only-show-errors", source, f"s3://{bucket}/tree é+%20/")
    assert aws("s3", "sync", source, f"s3://{bucket}/tree é+%20/") == ""
    aws("s3", "sync", "--only-show-errors", f"s3://{bucket}/tree é+%20/", back)
    assert digests(back) == sent

    (source / "plain.txt").unlink()
    (source / "upper").write_bytes(b"changed")
    aws("s3", "sync", "--only-show-errors", "--delete", source, f"s3://{bucket}/tree é+%20/")
    listed = aws("s3", "ls", "--recursive", f"s3://{bucket}/")
    assert len(listed.splitlines()) == len(sent) - 1
    assert "plain.txt" not in listed
    aws("s3", "rb", "--force", f"s3://{bucket}")


def test_cp_of_streams_and_large_files(aws: Command, bucket: str, tmp_path: Path) -> None:
    large = content(20 * MIB + 3, 1)
    file = tmp_path / "large"
    file.write_bytes(large)
    aws("s3", "cp", "--only-show-errors", file, f"s3://{bucket}/large", "--storage-class", "STANDARD_IA")
    aws("s3", "cp", "--only-show-errors", f"s3://{bucket}/large", f"s3://{bucket}/copy with space")
    aws("s3", "mv", "--only-show-errors", f"s3://{bucket}/copy with space", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == large
    aws("s3", "cp", "-", f"s3://{bucket}/stream", data=b"from standard input")
    assert aws("s3", "cp", f"s3://{bucket}/stream", "-") == "from standard input"
    assert aws("s3", "ls", f"s3://{bucket}/").split()[3::4] == ["large", "stream"]


def test_s3api(aws: Command, bucket: str, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"0123456789")
    where = ("--bucket", bucket, "--key", "a b+c%2F")
    put = json.loads(
        aws("s3api", "put-object", *where, "--body", body, "--metadata", "x=1", "--checksum-algorithm", "SHA256")
    )
    head = json.loads(aws("s3api", "head-object", *where, "--checksum-mode", "ENABLED"))
    assert head["ETag"] == put["ETag"]
    assert head["ChecksumSHA256"] == put["ChecksumSHA256"]
    assert head["Metadata"] == {"x": "1"}
    aws("s3api", "get-object", *where, "--range", "bytes=-3", tmp_path / "end")
    assert (tmp_path / "end").read_bytes() == b"789"
    aws("s3api", "put-object", *where, "--body", body, "--if-none-match", "*", status=255)

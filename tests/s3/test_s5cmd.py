"""s5cmd (a Go SDK of version 1): cp, sync, ls, cat, du, mv, rm."""

from pathlib import Path

import pytest

from tests.harness.server import Server
from tests.s3.commands import Command, program
from tests.s3.trees import MIB, content, digests, write_tree

pytestmark = pytest.mark.skipif(program("s5cmd") is None, reason="s5cmd is not installed")


@pytest.fixture
def s5cmd(server: Server) -> Command:
    return Command(server, "s5cmd")


def test_round_trip(s5cmd: Command, bucket: str, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    sent = write_tree(source)
    s5cmd("cp", f"{source}/", f"s3://{bucket}/tree é+%/")
    s5cmd("cp", f"s3://{bucket}/tree é+%/*", f"{back}/")
    assert digests(back) == sent
    s5cmd("sync", f"{source}/", f"s3://{bucket}/again/")
    assert s5cmd("sync", "--size-only", f"{source}/", f"s3://{bucket}/again/") == ""
    s5cmd("sync", f"s3://{bucket}/again/*", f"{tmp_path}/synced/")
    assert digests(tmp_path / "synced") == sent
    assert len(s5cmd("ls", f"s3://{bucket}/again/*").splitlines()) == len(sent)
    assert f" {len(sent)} objects" in s5cmd("du", f"s3://{bucket}/again/*")
    s5cmd("rm", f"s3://{bucket}/*")
    s5cmd("ls", f"s3://{bucket}/*", status=1)
    s5cmd("rb", f"s3://{bucket}")


def test_large_in_parts(s5cmd: Command, bucket: str, tmp_path: Path) -> None:
    large = content(17 * MIB + 1, 2)
    (tmp_path / "large").write_bytes(large)
    s5cmd("cp", "--part-size", 5, "--concurrency", 4, tmp_path / "large", f"s3://{bucket}/a//b")
    s5cmd("cp", "--part-size", 6, f"s3://{bucket}/a//b", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == large
    s5cmd("mv", f"s3://{bucket}/a//b", f"s3://{bucket}/moved")
    assert s5cmd("ls", f"s3://{bucket}/").split()[-1] == "moved"
    (tmp_path / "text").write_text("a few words")
    s5cmd("cp", tmp_path / "text", f"s3://{bucket}/words+and%20spaces é")
    assert s5cmd("cat", f"s3://{bucket}/words+and%20spaces é") == "a few words"

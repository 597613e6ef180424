"""ls, cp, mirror, rm, du and find against a real server."""

import itertools
import json
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from objstore.cli.resumable import download
from objstore.cli.s3_client import s3_client
from objstore.cli.target import Target
from objstore.cli.transfer_report import Report
from objstore.cli.transfers import Stopped
from tests.commands.conftest import Run, write
from tests.harness.server import Server

Answer = Callable[..., Any]
NAMES = ["a-b", "a.txt", "a/1", "a/2", "a/deep/ü x", "z"]
PART = 5 * 2**20


@pytest.fixture
def bucket(server: Server, request: pytest.FixtureRequest) -> str:
    """Of the test's own."""
    name = "f-" + request.node.name.replace("_", "-")[:55].lower().strip("-").partition("[")[0]
    server.s3().create_bucket(Bucket=name)
    return name


def keys(answer: Run, place: str) -> list[str]:
    """Below a place."""
    return [json.loads(line)["key"] for line in answer("ls", "-r", place, "--json").stdout.splitlines()]


def same(one: Path, other: Path) -> None:
    """Two trees have the same files (links of the first, and directories, aside)."""
    assert subprocess.run(["diff", "-r", "-x", "loop", "-x", "broken", one, other], check=False).returncode == 0


def test_there_and_back(run: Run, answer: Answer, bucket: str, tree: Path, tmp_path: Path) -> None:
    put = answer("cp", "-r", str(tree), f"s3://{bucket}/t")
    assert (put["files"], put["failed"], put["left_out"]) == (6, 0, 2)
    assert keys(run, f"s3://{bucket}/") == [f"t/{name}" for name in NAMES]
    got = answer("cp", "-r", f"s3://{bucket}/t/", str(tmp_path / "back"))
    assert (got["files"], got["unverified"]) == (6, 0)
    same(tree, tmp_path / "back")
    assert not [one for one in (tmp_path / "back").rglob("*") if one.name.endswith(".objstore-part")]


def test_single_files_and_pipes(run: Run, answer: Answer, bucket: str, tree: Path, tmp_path: Path) -> None:
    answer("cp", str(tree / "z"), f"s3://{bucket}/as/named")
    answer("cp", str(tree / "z"), str(tree / "a.txt"), f"s3://{bucket}/below/")
    answer("cp", "-", f"s3://{bucket}/piped", given="from a pipe")
    answer("cp", f"s3://{bucket}/piped", f"s3://{bucket}/copied")
    assert keys(run, f"s3://{bucket}/") == ["as/named", "below/a.txt", "below/z", "copied", "piped"]
    assert run("cp", f"s3://{bucket}/copied", "-").stdout == "from a pipe"
    answer("cp", f"s3://{bucket}/as/named", str(tmp_path))
    assert (tmp_path / "named").read_text() == "z" * 100


def test_mirror(run: Run, answer: Answer, bucket: str, tree: Path, tmp_path: Path) -> None:
    place, back = f"s3://{bucket}/m", tmp_path / "back"
    tried = answer("mirror", str(tree), place, "--dry-run")
    assert (tried["files"], tried["dry_run"], keys(run, f"s3://{bucket}/")) == (6, True, [])
    assert answer("mirror", str(tree), place)["files"] == 6
    for options in ((), ("--checksum",)):
        again = answer("mirror", str(tree), place, *options)
        assert (again["files"], again["unchanged"]) == (0, 6)
    assert answer("mirror", place, str(back))["files"] == 6
    assert answer("mirror", place, str(back))["unchanged"] == 6
    write(tree / "z", "another size")
    (tree / "a" / "1").unlink()
    changed = answer("mirror", str(tree), place, "--delete", "--exclude", "a-*")
    assert (changed["files"], changed["deleted"], changed["unchanged"]) == (1, 1, 3)
    (back / "mine").write_text("not in the store")
    kept = answer("mirror", place, str(back))
    assert (kept["files"], kept["deleted"]) == (1, 0)
    assert answer("mirror", place, str(back), "--delete")["deleted"] == 2
    same(tree, back)
    # What time does not tell, checksums do.
    about = (tree / "a.txt").stat()
    (tree / "a.txt").write_text("A.txt" * 100)
    os.utime(tree / "a.txt", ns=(about.st_atime_ns, about.st_mtime_ns))
    assert answer("mirror", str(tree), place)["files"] == 0
    assert answer("mirror", str(tree), place, "--checksum")["files"] == 1
    assert answer("mirror", place, f"s3://{bucket}/copy")["files"] == 5
    assert answer("mirror", place, f"s3://{bucket}/copy")["unchanged"] == 5


def test_an_upload_goes_on(server: Server, run: Run, answer: Answer, bucket: str, tmp_path: Path) -> None:
    """Parts that an interrupted run has left are kept if they are the file's; a damaged one is sent again."""
    file, s3 = tmp_path / "large", server.s3()
    content = os.urandom(PART * 3 + 123)
    file.write_bytes(content)
    upload = s3.create_multipart_upload(
        Bucket=bucket, Key="large", ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT"
    )["UploadId"]
    for number, body in ((1, content[:PART]), (2, b"x" * PART)):
        s3.upload_part(
            Bucket=bucket, Key="large", UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm="CRC64NVME"
        )
    put = answer("cp", str(file), f"s3://{bucket}/", "--part-size=5M")
    assert (put["resumed_bytes"], put["bytes"]) == (PART, PART * 2 + 123)
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == content
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_a_download_goes_on(server: Server, answer: Answer, bucket: str, tmp_path: Path) -> None:
    """What an interrupted run has got is not asked for again; what is wrong with it is seen, and got anew."""
    content, to = os.urandom(PART * 3 + 123), tmp_path / "large"
    server.s3().put_object(Bucket=bucket, Key="large", Body=content, ChecksumAlgorithm="CRC64NVME")
    interrupt(server, bucket, to)
    got = answer("cp", f"s3://{bucket}/large", str(to), "--part-size=5M")
    assert (got["resumed_bytes"] >= PART, got["resumed_bytes"] + got["bytes"]) == (True, len(content))
    assert to.read_bytes() == content
    to.unlink()
    partial = interrupt(server, bucket, to)
    with partial.open("r+b") as file:
        file.write(b"not what was stored")
    failed = answer("cp", f"s3://{bucket}/large", str(to), "--part-size=5M", code=1)
    assert "not what was stored" in failed["failures"][0]
    assert not to.exists()
    assert answer("cp", f"s3://{bucket}/large", str(to), "--part-size=5M")["resumed_bytes"] == 0
    assert to.read_bytes() == content


def interrupt(server: Server, bucket: str, to: Path) -> Path:
    """A download that is stopped after its first part; the file that it leaves."""
    access_key, secret_key = server.credentials
    client = s3_client(Target(server.endpoint, "us-east-1", access_key, secret_key))
    source, report, checks = {"Bucket": bucket, "Key": "large"}, Report("copied"), itertools.count()

    def check() -> None:
        if report.bytes >= PART and next(checks):
            raise Stopped

    about = client.head_object(**source, ChecksumMode="ENABLED")
    with ThreadPoolExecutor(1) as pool, pytest.raises(Stopped):
        download(client, source, about, to, PART, pool, report, check)
    (partial,) = to.parent.glob(".large.*.objstore-part")
    return partial


def test_names_that_lead_elsewhere(server: Server, answer: Answer, bucket: str, tmp_path: Path) -> None:
    """No key writes outside the directory; the others arrive."""
    s3 = server.s3()
    for key in ("t/../../evil", "t//double", "t/ok", "t/dir/", "t/./x"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"" if key.endswith("/") else b"x")
    got = answer("cp", "-r", f"s3://{bucket}/t", str(tmp_path / "in" / "here"), code=1)
    assert (got["failed"], got["files"]) == (3, 2)
    assert all("no file can have this name" in one for one in got["failures"])
    assert sorted(str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*")) == [
        "in", "in/here", "in/here/dir", "in/here/ok",
    ]  # fmt: skip


def test_ls_du_find(server: Server, run: Run, answer: Answer, bucket: str) -> None:
    s3 = server.s3()
    for key, size in (("a/1.bin", 10), ("a/b/2.bin", 20_000), ("c", 5), ("evil\x1b[31m\n", 1)):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x" * size)
    lines = run("ls", f"s3://{bucket}/").stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["a/", "c", "evil\\x1b[31m\\n"]
    assert f"s3://{bucket}" in run("ls").stdout
    summed = answer("du", f"s3://{bucket}/")
    assert (summed["objects"], summed["bytes"]) == (4, 20_016)
    assert [(one["folder"], one["bytes"]) for one in summed["folders"]] == [("a/", 20_010), ("", 6)]
    found = run("find", f"s3://{bucket}/", "--name", "*.bin", "--larger", "1K").stdout
    assert found == f"s3://{bucket}/a/b/2.bin\n"
    assert run("find", f"s3://{bucket}/", "--older", "1h", code=1).stdout == ""
    assert len(run("find", f"s3://{bucket}/", "--newer", "1h", "--path", "a/*").stdout.splitlines()) == 2


def test_rm(server: Server, run: Run, answer: Answer, bucket: str) -> None:
    s3 = server.s3()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: s3.put_object(Bucket=bucket, Key=f"many/{number}", Body=b""), range(1203)))
    assert answer("rm", "-r", "--dry-run", f"s3://{bucket}/many/")["deleted"] == 1203
    assert answer("rm", "-r", f"s3://{bucket}/many/")["deleted"] == 1203
    assert "deleted" in run("ls", "--versions", f"s3://{bucket}/many/1").stdout
    assert "say --yes" in run("rm", "-r", "--versions", f"s3://{bucket}/", given="", code=1).stderr
    assert answer("rm", "-r", "--yes", "--versions", f"s3://{bucket}/")["deleted"] == 2406
    run("bucket", "rm", bucket)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ls", "s3://no-such-bucket/"), "objstore bucket create"),
        (("ls", "nowhere"), "write s3://BUCKET/KEY"),
        (("cp", "/no/such", "s3://no-such-bucket/"), "there is no such file"),
        (("cp", "a", "b"), "all of these are files"),
        (("cp", "s3://no-such-bucket/a", "/tmp/x"), "there is no such bucket or key"),
        (("cp", "/tmp", "s3://no-such-bucket/"), "--recursive"),
        (("cp", "x", "s3://b/", "--part-size=1M"), "at least 5M"),
        (("mirror", "/no/such", "s3://no-such-bucket/"), "no such directory"),
        (("rm", "s3://no-such-bucket/"), "--recursive"),
        (("find", "s3://no-such-bucket/", "--older=x"), "is no age"),
        (("ls", "--endpoint=http://127.0.0.1:1"), "is the server running?"),
    ],
)
def test_errors(run: Run, arguments: tuple[str, ...], says: str) -> None:
    assert says in run(*arguments, code=1).stderr

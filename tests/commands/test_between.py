"""cp and mirror from one server to another: ours, and one that is not."""

import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from objstore.cli.crossing import Crossing, Room
from objstore.cli.problem import CommandError
from objstore.cli.transfer_report import Report
from objstore.cli.transfers import Stopped
from objstore.cli.trees import Entry
from tests.commands.conftest import Run
from tests.harness.other_s3 import ACCESS_KEY, SECRET_KEY, OtherS3
from tests.harness.server import Server

Answer = Callable[..., Any]
PART = 5 * 2**20
LARGE = os.urandom(PART * 2 + 123)
THEIRS = {"OBJSTORE_FROM_ACCESS_KEY": ACCESS_KEY, "OBJSTORE_FROM_SECRET_KEY": SECRET_KEY}
KEPT = {"ContentType": "text/x-special", "CacheControl": "max-age=7", "Metadata": {"who": "me"}}


@pytest.fixture
def bucket(server: Server, request: pytest.FixtureRequest) -> str:
    """Of the test's own."""
    name = "b-" + re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:60]
    server.s3().create_bucket(Bucket=name)
    return name


def fill(s3: Any, bucket: str) -> dict[str, bytes]:
    """Of every kind; their bytes by key."""
    objects = {"t/a b/ü&=?": b"small", "t/empty": b"", "t/large": LARGE, "t/z": b"z" * 100_000}
    for key, body in objects.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body, **KEPT, Tagging="colour=a%20b&n=%C3%BC")
    return objects


def check(s3: Any, bucket: str, objects: dict[str, bytes]) -> None:
    """They are there, with all that was said of them."""
    listed = s3.list_objects_v2(Bucket=bucket)
    assert {one["Key"]: one["Size"] for one in listed["Contents"]} == {key: len(one) for key, one in objects.items()}
    for key, body in objects.items():
        found = s3.get_object(Bucket=bucket, Key=key)
        assert found["Body"].read() == body, key
        assert {name: found[name] for name in KEPT} == KEPT, key
        tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
        assert {one["Key"]: one["Value"] for one in tags} == {"colour": "a b", "n": "ü"}, key
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_mirror_from_another_server(server: Server, other_s3: OtherS3, answer: Answer, bucket: str) -> None:
    theirs, ours, source = other_s3.s3(), server.s3(), other_s3.bucket()
    objects = fill(theirs, source)
    target = f"s3://{bucket}/"

    def mirror(*options: str) -> dict[str, Any]:
        arguments = ("mirror", f"s3://{source}/", target, "--from-endpoint", other_s3.endpoint, "--part-size=5M")
        return answer(*arguments, *options, **THEIRS)

    assert mirror("--dry-run")["files"] == 4
    assert "Contents" not in ours.list_objects_v2(Bucket=bucket)
    first = mirror()
    assert (first["files"], first["bytes"], first["failed"]) == (4, sum(map(len, objects.values())), 0)
    check(ours, bucket, objects)
    assert ours.head_object(Bucket=bucket, Key="t/large")["ETag"].endswith('-3"')
    assert mirror()["unchanged"] == 4
    # What an interrupted run has not brought, and what is of another size, comes with the next.
    ours.delete_object(Bucket=bucket, Key="t/empty")
    ours.put_object(Bucket=bucket, Key="t/z", Body=b"other")
    ours.put_object(Bucket=bucket, Key="t/zz", Body=b"only here")
    again = mirror("--delete")
    assert (again["files"], again["unchanged"], again["deleted"]) == (2, 2, 1)
    check(ours, bucket, objects)
    # Where time tells nothing checksums do.
    ours.put_object(Bucket=bucket, Key="t/a b/ü&=?", Body=b"SMALL")
    assert mirror()["files"] == 0
    assert mirror("--checksum", "--exclude", "*large")["files"] == 1
    assert ours.get_object(Bucket=bucket, Key="t/a b/ü&=?")["Body"].read() == b"small"


def test_cp_to_another_server(server: Server, other_s3: OtherS3, answer: Answer, bucket: str, tmp_path: Path) -> None:
    """The source is a profile of awscli's; the target is as always: the other end."""
    objects, target = fill(server.s3(), bucket), other_s3.bucket()
    access_key, secret_key = server.credentials
    (tmp_path / "config").write_text(
        f"[profile ours]\nendpoint_url = {server.endpoint}\n"
        f"aws_access_key_id = {access_key}\naws_secret_access_key = {secret_key}\n"
    )
    (tmp_path / "theirs").write_text(f"AWS_ACCESS_KEY_ID={ACCESS_KEY}\nAWS_SECRET_ACCESS_KEY={SECRET_KEY}\n")
    to = ("--endpoint", other_s3.endpoint, "--credentials", str(tmp_path / "theirs"))
    arguments = ("cp", "-r", f"s3://{bucket}/t", f"s3://{target}/t/", "--from-profile=ours", "--part-size=5M", *to)
    done = answer(*arguments, AWS_CONFIG_FILE=str(tmp_path / "config"))
    assert (done["files"], done["unverified"], done["failed"]) == (4, 0, 0)
    check(other_s3.s3(), target, objects)


def test_one_server_as_both(server: Server, answer: Answer, run: Run, bucket: str) -> None:
    """Keys of its own, that may only read; what is missing there is said to be the source's."""
    s3, reader = server.s3(), {"OBJSTORE_FROM_ACCESS_KEY": "BETWEENREADER123"}
    objects = fill(s3, bucket)
    made = answer("user", "add", "between-reader", "--access-key", *reader.values(), "--policy=AmazonS3ReadOnlyAccess")
    reader["OBJSTORE_FROM_SECRET_KEY"] = made["secret_key"]
    s3.create_bucket(Bucket="between-to")
    where = ("--from-endpoint", server.endpoint)
    options = (*where, "--part-size=5M", "--parallel=2", "--storage-class=STANDARD_IA")
    done = answer("mirror", f"s3://{bucket}", "s3://between-to", *options, **reader)
    assert (done["files"], done["unverified"], done["failed"]) == (4, 0, 0)
    check(s3, "between-to", objects)
    assert s3.head_object(Bucket="between-to", Key="t/large")["StorageClass"] == "STANDARD_IA"
    for source in (f"s3://{bucket}/none", "s3://no-such-bucket/x"):
        assert "the source: there is no such" in run("cp", source, "s3://between-to/x", *where, code=1, **reader).stderr
    wrong = {**reader, "OBJSTORE_FROM_SECRET_KEY": "w" * 40}
    assert "the source: access is denied" in run("mirror", f"s3://{bucket}", "s3://between-to", *where, code=1,
                                                 **wrong).stderr  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("cp", "a", "s3://b/", "--from-endpoint=http://h"), "on both sides"),
        (("mirror", "s3://b/", "there", "--from-endpoint=http://h"), "on both sides"),
        (("cp", "s3://b/k", "-", "--from-endpoint=http://h"), "on both sides"),
        (("cp", "s3://b/k", "s3://c/", "--from-credentials=file"), "--from-credentials goes with"),
        (("cp", "s3://b/k", "s3://c/", "--from-endpoint=ftp://h"), "is no endpoint"),
        (("cp", "s3://b/k", "s3://c/", "--from-profile=no-such-profile"), "no-such-profile"),
        (("cp", "s3://b/k", "s3://c/", "--from-endpoint=http://127.0.0.1:1"), "the source: Could not connect"),
    ],
)
def test_wrong_words(run: Run, arguments: tuple[str, ...], says: str) -> None:
    assert says in run(*arguments, code=1).stderr


class Origin:
    """A client of which GET does something else now and then: ``twist`` is given each answer, and how many came."""

    def __init__(self, s3: Any, twist: Callable[[dict[str, Any], int], None]) -> None:
        self._s3, self._twist, self._gets = s3, twist, 0
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def get_object(self, **request: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._s3.get_object(**request)
        with self._lock:
            self._gets += 1
            self._twist(answer, self._gets)
        return answer


class Body:
    """Other bytes than came."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        """As of botocore's."""
        return iter([self._content[at : at + size] for at in range(0, len(self._content), size)])

    def close(self) -> None:
        """Nothing is open."""


def cross(
    server: Server, bucket: str, size: int, twist: Callable[[dict[str, Any], int], None],
    check: Callable[[], None] = lambda: None,
) -> Report:  # fmt: skip
    """Copy the first bytes of LARGE from key to key through an origin that is not as it should be."""
    s3, report = server.s3(), Report("copied")
    put = s3.put_object(Bucket=bucket, Key="from", Body=LARGE[:size])
    about = s3.head_object(Bucket=bucket, Key="from")
    source, target = ({"Bucket": bucket, "Key": key} for key in ("from", "to"))
    with ThreadPoolExecutor(2) as pool:
        crossing = Crossing(Origin(s3, twist), s3, {}, PART, pool, Room(PART), report, check)
        entry = Entry("from", size, about["LastModified"], put["ETag"])
        assert crossing.copy(source, entry, target, in_parts=size >= 2 * PART)
    return report


@pytest.mark.parametrize("size", [1000, len(LARGE)])
def test_other_bytes_than_were_stored(server: Server, bucket: str, size: int) -> None:
    """They are seen before the object appears; nothing stays of them."""
    s3 = server.s3()

    def twist(answer: dict[str, Any], _: int) -> None:
        answer["Body"] = Body(bytes(answer["ContentLength"]))

    with pytest.raises(CommandError, match="not what was stored"):
        cross(server, bucket, size, twist)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["from"]
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")


@pytest.mark.parametrize("size", [1000, len(LARGE)])
def test_an_answer_that_breaks_off(server: Server, bucket: str, size: int) -> None:
    """It is asked for again."""

    def twist(answer: dict[str, Any], number: int) -> None:
        if number == 1:
            answer["Body"] = Body(answer["Body"].read()[:-1])

    assert cross(server, bucket, size, twist).bytes == size
    assert server.s3().get_object(Bucket=bucket, Key="to")["Body"].read() == LARGE[:size]


def test_a_source_that_changes(server: Server, bucket: str) -> None:
    """Never a mixture of the two; the counted bytes are taken back."""
    s3 = server.s3()

    def twist(_: dict[str, Any], number: int) -> None:
        if number == 1:
            s3.put_object(Bucket=bucket, Key="from", Body=LARGE[::-1])

    with pytest.raises(CommandError, match="changed while it was read"):
        cross(server, bucket, len(LARGE), twist)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["from"]
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_stopped(server: Server, bucket: str) -> None:
    """Nothing stays of what has been sent."""
    s3, came = server.s3(), threading.Event()

    def check_() -> None:
        if came.is_set():
            raise Stopped

    with pytest.raises(Stopped):
        cross(server, bucket, len(LARGE), lambda _, number: came.set() if number == 2 else None, check_)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["from"]
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_room() -> None:
    """Never more than there is, except what would never fit: that goes alone."""
    room, lock, held, most = Room(10), threading.Lock(), [], []

    def hold(count: int) -> None:
        with room.taken(count):
            with lock:
                held.append(count)
                most.append((sum(held), len(held)))
            with lock:
                held.remove(count)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hold, [3, 10, 25, 1, 9, 4, 4, 4] * 50))
    assert all(total <= 10 or count == 1 for total, count in most)
    assert held == []


@pytest.mark.parametrize("name", THEIRS)
def test_half_of_a_pair_of_keys(run: Run, name: str) -> None:
    arguments = ("cp", "s3://b/k", "s3://c/", "--from-endpoint=http://127.0.0.1:1")
    assert "or neither" in run(*arguments, code=1, **{name: THEIRS[name]}).stderr

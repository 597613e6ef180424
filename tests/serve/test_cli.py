"""The commands against a running server, as processes of their own: JSON for programs, tables for people."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.harness import forked
from tests.harness.server import Server

RULES = {
    "Rules": [
        {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}},
        {"ID": "cold", "Status": "Enabled", "LastAccessDays": 2, "StorageClass": "GLACIER_IR"},
    ]
}
XML = """<?xml version="1.0"?><LifecycleConfiguration><Rule><ID>xml</ID><Status>Enabled</Status><Filter/>
<Expiration><Date>2031-01-01T00:00:00Z</Date></Expiration></Rule></LifecycleConfiguration>"""


def run(server: Server, *arguments: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """A command, with the server's credentials."""
    return forked.run(arguments, server.client_environment | environment, given)


def answer(server: Server, *arguments: str, given: str = "") -> Any:
    """Its JSON."""
    done = run(server, *arguments, "--json", given=given)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def bucket(server: Server) -> str:
    """A bucket with something in it."""
    s3, name = server.s3(), "cli-rules"
    s3.create_bucket(Bucket=name)
    for number in range(3):
        s3.put_object(Bucket=name, Key=f"logs/{number}", Body=b"x" * 1000)
    return name


def test_put_get_dry_run_explain_status(server: Server, bucket: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(RULES))
    tried = answer(server, "lifecycle", "dry-run", bucket, str(file), "--days=5")
    assert {one["rule"]: one["total"]["objects"] for one in tried["actions"]} == {"old": 3, "cold": 3}
    assert tried["together"]["total"]["objects"] == 3  # each once, whoever else would have it
    assert {one["rule"]: one["total"]["objects"] for one in tried["together"]["shares"]} == {"cold": 3}
    assert answer(server, "lifecycle", "get", bucket)["Rules"] == []
    put = answer(server, "lifecycle", "put", bucket, str(file))
    assert [rule["ID"] for rule in put["Rules"]] == ["old"]
    assert [rule["ID"] for rule in put["ExtendedRules"]] == ["cold"]
    # What `get` gives, `put` takes.
    again = answer(
        server, "lifecycle", "put", bucket, "-", given=json.dumps(answer(server, "lifecycle", "get", bucket))
    )
    assert again == put
    explained = answer(server, "lifecycle", "explain", bucket, "logs/0")
    assert [(one["rule"], one["state"]) for one in explained["rules"]] == [("old", "waiting"), ("cold", "waiting")]
    assert answer(server, "lifecycle", "status", bucket)["backlog"] == 0
    assert "buckets" in answer(server, "lifecycle", "status", "--wait")


def test_xml_and_the_form_of_awscli(server: Server, bucket: str) -> None:
    tried = answer(server, "lifecycle", "dry-run", bucket, "-", given=XML)
    assert [one["rule"] for one in tried["actions"]] == ["xml"]
    put = answer(server, "lifecycle", "put", bucket, "-", given=XML)
    assert [rule["ID"] for rule in put["Rules"]] == ["xml"]
    wrapped = json.dumps({"LifecycleConfiguration": {"Rules": RULES["Rules"][:1]}})
    put = answer(server, "lifecycle", "put", bucket, "-", given=wrapped)
    assert [rule["ID"] for rule in put["Rules"]] == ["old"]


def test_tables_in_a_pipe(server: Server, bucket: str) -> None:
    answer(server, "lifecycle", "put", bucket, "-", given=json.dumps({"Rules": RULES["Rules"][:1]}))
    for arguments, says in (
        (("get", bucket), "logs/*"),
        (("dry-run", bucket), "logs/"),
        (("explain", bucket, "logs/0"), "not before"),
        (("status", bucket), "Nothing waits"),
        (("status",), "Nothing waits"),
        (("put", bucket, "-"), ": 1 rule"),
    ):
        given = json.dumps({"Rules": RULES["Rules"][:1]}) if "-" in arguments else ""
        done = run(server, "lifecycle", *arguments, given=given)
        assert done.returncode == 0, done.stderr
        assert says in done.stdout
        assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "given", "code", "says"),
    [
        (("lifecycle", "get", "no-such-bucket"), "", 1, "there is no bucket 'no-such-bucket'"),
        (("lifecycle", "put", "no-such-bucket", "-"), XML, 1, "NoSuchBucket"),
        (("lifecycle", "put", "cli-rules", "-"), "{", 1, "neither JSON nor XML"),
        (("lifecycle", "put", "cli-rules", "-"), "7", 1, 'write {"Rules": […]}'),
        (("lifecycle", "put", "cli-rules", "-"), "{}", 1, "name Rules, ExtendedRules, or both"),
        (("lifecycle", "put", "cli-rules", "-"), '{"Rules": [{"ID": "a", "Status": "Enabled", "Filters": {}}]}', 1,
         "Rules.0.Filters: there is no such element"),
        (("lifecycle", "put", "cli-rules", "/nowhere.json"), "", 1, "/nowhere.json: No such file"),
        (("lifecycle", "dry-run", "cli-rules", "-"), "<a/>", 1, "the XML is no lifecycle configuration"),
        (("lifecycle", "dry-run", "cli-rules", "--days=999"), "", 2, "--days"),
        (("lifecycle", "explain", "cli-rules"), "", 2, "KEY"),
        (("lifecycle", "get", "cli-rules", "--endpoint=nowhere"), "", 1, "is no endpoint"),
        (("lifecycle", "get", "cli-rules", "--endpoint=http://127.0.0.1:1"), "", 1, "does not answer"),
        (("lifecycle", "get", "cli-rules", "--credentials=/nowhere"), "", 1, "no root credentials"),
    ],
)  # fmt: skip
def test_errors(server: Server, bucket: str, arguments: tuple[str, ...], given: str, code: int, says: str) -> None:
    done = run(server, *arguments, given=given)
    assert done.returncode == code
    assert says in done.stderr.replace("\n", " ")
    assert done.stdout == ""


def test_where_credentials_and_endpoint_come_from(server: Server, bucket: str) -> None:
    access_key, secret_key = server.credentials
    wrong = {"AWS_SECRET_ACCESS_KEY": "wrong-secret"}
    done = run(server, "lifecycle", "get", bucket, **wrong)
    assert (done.returncode, "SignatureDoesNotMatch" in done.stderr) == (1, True)
    done = run(
        server, "lifecycle", "get", bucket, OBJSTORE_ACCESS_KEY=access_key, OBJSTORE_SECRET_KEY=secret_key, **wrong
    )
    assert done.returncode == 0
    done = run(server, "lifecycle", "get", bucket, f"--credentials={server.data / 'credentials'}", **wrong)
    assert done.returncode == 0
    # All of it from the directory of a server that runs here.
    here = {"OBJSTORE_DATA": str(server.data), "AWS_ACCESS_KEY_ID": "", "AWS_ENDPOINT_URL": ""}
    assert run(server, "lifecycle", "get", bucket, **here).returncode == 0

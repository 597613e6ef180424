"""status, top, doctor, bench, config, bucket, node and the short words for repair, against a real server."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from objstore import __version__
from objstore.cli.certificates import CERT, KEY, make_certificates
from objstore.cli.doctor_there import look_at_postgres
from objstore.cli.drive_probe import Probe, probe
from objstore.cli.load_settings import load_settings
from objstore.cli.status_command import findings
from tests.commands.conftest import Run
from tests.harness.server import Server

Answer = Callable[..., Any]


def readable(text: str) -> None:
    """On a terminal of 80 columns: nothing runs over."""
    assert max(len(line) for line in text.splitlines()) <= 80, text


def test_version(run: Run) -> None:
    assert run("--version").stdout == run("version").stdout == f"objstore {__version__}\n"


def test_status(run: Run, answer: Answer) -> None:
    found = answer("status")
    assert (found["ready"], found["volumes_short_of_redundancy"]) == (True, 0)
    assert {"server", "repair", "lifecycle", "stored", "findings"} <= found.keys()
    shown = run("status").stdout
    assert ("4+2" in shown, len(shown.splitlines()) <= 24) == (True, True)


def test_what_status_finds(answer: Answer) -> None:
    found = answer("status")
    found["drives"][0]["state"] = "gone"
    found["tiers"]["hot"] |= {"capacity_bytes": 100, "used_bytes": 97}
    found |= {"ready": False, "volumes_short_of_redundancy": 1234}
    told = "\n".join(findings(found))
    for part in ("not ready", "1,234 volumes", "1 of 20 drives", "hot is 97% full"):
        assert part in told


def test_top(server: Server, run: Run, answer: Answer) -> None:
    s3 = server.s3()
    s3.create_bucket(Bucket="top-bucket")
    found = answer("top", "--interval=0.2")
    assert {"requests_per_second", "operations", "tiers"} <= found.keys()
    assert "requests/s" in run("top", "--interval=0.2", "--count=1").stdout


def test_doctor(server: Server, run: Run, answer: Answer) -> None:
    data = ("--data", str(server.data), "--endpoint", server.endpoint)
    found = answer("doctor", *data)
    assert found["wrong"] == 0, found
    about = {one["about"] for one in found["findings"]}
    assert {"settings", "open files", "secrets", "flushes", "free space", "Postgres", "clocks", "server"} <= about
    assert "0 wrong" in run("doctor", *data, "--verbose").stdout


def test_the_doctor_finds_what_is_wrong(run: Run, answer: Answer, tmp_path: Path, postgres_url: str) -> None:
    """Secrets for all to read, an old certificate, a Postgres that does not flush, a server that is not there."""
    (tmp_path / "credentials").write_text("AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=bbbbbbbb\n")
    (tmp_path / "credentials").chmod(0o644)
    make_certificates(tmp_path, "example.test", [], 3)
    (tmp_path / "objstore.toml").write_text(
        f'tls_cert = "{tmp_path / CERT}"\ntls_key = "{tmp_path / KEY}"\ndatabase_url = "{postgres_url}"\n'
    )
    found = answer("doctor", "--data", str(tmp_path), "--endpoint", "http://127.0.0.1:1", code=1)
    told = {(one["about"], one["level"], one["found"]) for one in found["findings"]}
    assert ("Postgres", "wrong", "fsync is off") in told
    assert ("Postgres", "wrong", "synchronous_commit is off") in told
    assert ("secrets", "wrong", f"{tmp_path / 'credentials'} can be read by others (mode 644)") in told
    assert any(about == "TLS" and level == "warning" for about, level, _ in told)
    assert any(about == "server" and level == "wrong" for about, level, _ in told)
    assert all(one["advice"] for one in found["findings"] if one["level"] != "ok")
    (tmp_path / "objstore.toml").write_text("no_such_setting = 1\n")
    assert "there is no such setting" in run("doctor", "--data", str(tmp_path), "--offline", code=1).stdout


def test_a_variable_that_is_misspelt(answer: Answer, tmp_path: Path) -> None:
    (tmp_path / "objstore.toml").write_text(
        '[tier.far]\nendpoint = "http://127.0.0.1:1"\nbucket = "cold"\n'
        'access_key_env = "OBJSTORE_FAR_KEY"\nsecret_key = "s"\n'
    )
    given = {"OBJSTORE_SLOW_SECOND": "1", "OBJSTORE_FAR_KEY": "k", "OBJSTORE_TIER__HOT__K": "4", "OBJSTORE_PORT": "0"}
    found = answer("doctor", "--data", str(tmp_path), "--offline", **given)
    told = [(one["found"], one["advice"]) for one in found["findings"] if one["about"] == "environment"]
    assert told == [("OBJSTORE_SLOW_SECOND is no setting, and does nothing", "perhaps OBJSTORE_SLOW_SECONDS is meant")]


def test_no_postgres_there(tmp_path: Path) -> None:
    settings = load_settings(None, {"data": tmp_path})
    (found,) = look_at_postgres(settings, "postgresql://nobody@127.0.0.1:1/none")
    assert (found.level, "cannot connect" in found.found) == ("wrong", True)


def test_honest_flushes(tmp_path: Path) -> None:
    """A disk is told from memory."""
    found = probe(tmp_path)
    assert (found.flush_seconds > 0, found.is_in_memory) == (True, found.file_system == "tmpfs")
    assert not list(tmp_path.iterdir())
    if os.access("/dev/shm", os.W_OK):
        assert probe(Path("/dev/shm")).seems_to_lie
    assert Probe("ext4", "", "", "write back", False, 1e-6, True, True).seems_to_lie


def test_bench(server: Server, run: Run, answer: Answer) -> None:
    """Figures for each kind and size; nothing is left behind."""
    s3 = server.s3()
    before = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    found = answer("bench", "--size=4K", "--seconds=0.5", "--connections=4", "--processes=1", "--objects=20")
    assert [(one["operation"], one["failed"]) for one in found["results"]] == [("PUT", 0), ("GET", 0)]
    assert all(one["requests"] and one["p50_seconds"] <= one["longest_seconds"] for one in found["results"])
    s3.create_bucket(Bucket="bench-here")
    shown = run("bench", "--size=1K", "--seconds=0.5", "--processes=1", "--connections=2", "--bucket=bench-here").stdout
    assert "signed before the clock" in shown
    assert not s3.list_objects_v2(Bucket="bench-here").get("Contents")
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == sorted([*before, "bench-here"])


def test_config(run: Run, tmp_path: Path) -> None:
    (tmp_path / "objstore.toml").write_text('port = 9999\nsecret_key = "hidden-secret"\naccess_key = "me1"\n')
    arguments = ("config", "show", "--origin", "--json", "--data", str(tmp_path))
    text = run(*arguments, OBJSTORE_REGION="eu-1", OBJSTORE_TIER__HOT__K="2").stdout
    found = json.loads(text)
    assert "hidden-secret" not in text
    assert found["port"] == {"value": 9999, "origin": str(tmp_path / "objstore.toml")}
    assert found["region"] == {"value": "eu-1", "origin": "OBJSTORE_REGION"}
    assert [found[name]["origin"] for name in ("tier", "data", "host")] == ["OBJSTORE_TIER", "--data", "default"]
    assert "port" in run("config", "show", "--changed", "--data", str(tmp_path)).stdout
    run("config", "check", "--data", str(tmp_path))
    (tmp_path / "objstore.toml").write_text("port = 99999\n")
    assert "port: " in run("config", "check", "--data", str(tmp_path), code=1).stderr


def test_bucket(run: Run, answer: Answer, tmp_path: Path) -> None:
    name = "settings-of-a-bucket"
    answer("bucket", "create", name, "--versioning")
    assert name in [one["name"] for one in answer("bucket", "ls")["buckets"]]
    assert answer("bucket", "versioning", name)["versioning"] == "enabled"
    assert answer("bucket", "versioning", name, "off")["versioning"] == "suspended"
    assert answer("bucket", "tags", name, "team=ai", "cost=7")["tags"] == {"team": "ai", "cost": "7"}
    assert answer("bucket", "tags", name, "--delete")["tags"] is None
    rule = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.com"]}]
    assert answer("bucket", "cors", name, "-", given=json.dumps(rule))["cors"] == rule
    assert answer("bucket", "encryption", name, "AES256")["encryption"]["SSEAlgorithm"] == "AES256"
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/x/*"}
        ],
    }
    (tmp_path / "policy.json").write_text(json.dumps(document))
    assert answer("bucket", "policy", name, str(tmp_path / "policy.json"))["policy"] == document
    for setting in ("policy", "cors"):
        assert answer("bucket", setting, name, "--delete")[setting] is None
        assert "is set" in run("bucket", setting, name).stdout
    run("bucket", "rm", name)
    assert "InvalidBucketName" in run("bucket", "create", "NO", code=1).stderr


def test_words_for_repair(run: Run, answer: Answer) -> None:
    """The words of `repair`, `drive` and `cluster` stand at the top, too."""
    assert answer("heal")["volumes_short_of_redundancy"] == 0
    assert "drives" in answer("scrub")
    assert answer("node", "ls") == {"nodes": []}
    assert "--listen" in run("node", code=1).stderr


@pytest.mark.parametrize(
    "command", ["ls", "cp", "mirror", "object", "bucket", "doctor", "bench", "top", "status", "node", "heal"]
)
def test_help_is_readable(run: Run, command: str) -> None:
    readable(run(command, "--help").stdout)


def test_completion(run: Run) -> None:
    """As the shell asks for it; the runner calls the command root."""
    asked = {"_ROOT_COMPLETE": "complete_bash", "COMP_WORDS": "root lif", "COMP_CWORD": "1"}
    assert run(**asked).stdout.split() == ["lifecycle"]

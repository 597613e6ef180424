"""Every command that says something says it to programs too: the commands are walked, and run, with --json."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from objstore.cli.main import app
from tests.commands.conftest import Run
from tests.harness.server import Server

# They run until they are stopped, and print no data: what they have to say is their log (`--log-format=json`).
SERVERS = {"serve", "gateway", "worker", "node", "cluster run"}
# Run with --json where they take long already, or where a server may be stopped and its drives moved about.
ELSEWHERE = {
    "bench": "commands/test_care.py",
    "doctor": "commands/test_care.py",
    "recover": "serve/test_recover.py",
    "fsck": "serve/test_repair.py",
    "drain": "cluster/test_repair.py",  # the same function as `drive drain`
    "drive drain": "serve/test_repair.py",
    "drive undrain": "serve/test_repair.py",
    "drive retire": "serve/test_repair.py",
    "drive replace": "serve/test_repair.py",
    "rebalance": "cluster/test_repair.py",  # the same function as `cluster rebalance`
    "cluster rebalance": "serve/test_repair.py",
    "tier reencode": "s3/test_tiers_admin.py",
}


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by its words, groups that do something themselves among them."""

    def walk(words: tuple[str, ...], command: Any) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "commands") or (command.invoke_without_command and words):
            yield " ".join(words), command
        for name, one in getattr(command, "commands", {}).items():
            yield from walk((*words, name), one)

    return walk((), typer.main.get_command(app))


def test_every_command_takes_json() -> None:
    without = {name for name, command in commands() if not any("--json" in one.opts for one in command.params)}
    assert without == SERVERS


def test_every_command_prints_json(server: Server, run: Run, tmp_path: Path) -> None:
    """In an order in which each finds what it needs; what it prints can be parsed, and there is nothing else."""
    cases = _cases(server, tmp_path)
    assert {name for name, _ in cases} == {name for name, _ in commands()} - SERVERS - ELSEWHERE.keys()
    for name, arguments in cases:
        found = run(*name.split(), *arguments, "--json").stdout
        if name in ("ls", "find"):
            assert [json.loads(line) for line in found.splitlines()], name  # a document a line
        else:
            assert isinstance(json.loads(found), dict), name


def _cases(server: Server, tmp_path: Path) -> list[tuple[str, tuple[str, ...]]]:
    bucket, data = "json-of-commands", ("--data", str(server.data))
    place, file = f"s3://{bucket}", tmp_path / "file"
    file.write_text("some bytes")
    (tmp_path / "rules").write_text(
        '{"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 9}}]}'
    )
    allow = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    (tmp_path / "policy").write_text(json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    return [
        ("version", ()), ("env", ()), ("config show", data), ("config check", data),
        ("certs init", ("example.com", "--dir", str(tmp_path / "certs"))), ("migrate", ("--show",)),
        ("bucket create", (bucket,)), ("bucket ls", ()), ("bucket versioning", (bucket, "on")),
        ("bucket policy", (bucket,)), ("bucket cors", (bucket,)), ("bucket tags", (bucket, "a=b")),
        ("bucket encryption", (bucket,)),
        ("cp", (str(file), f"{place}/a")), ("mirror", (place, str(tmp_path / "to"))), ("ls", (place,)),
        ("du", (place,)), ("find", (place,)), ("object locate", (f"{place}/a",)),
        ("object stat", (f"{place}/a",)), ("object tags", (f"{place}/a", "a=b")), ("object share", (f"{place}/a",)),
        ("cp", (str(file), f"{place}/old", "--storage-class=GLACIER")), ("object restore", (f"{place}/old",)),
        ("lifecycle explain", (bucket, "a")),
        ("lifecycle put", (bucket, str(tmp_path / "rules"))), ("lifecycle get", (bucket,)),
        ("lifecycle dry-run", (bucket,)), ("lifecycle status", (bucket,)), ("tier ls", ()), ("tier savings", ()),
        ("warm", (place, "--no-wait")), ("pin add", (f"{place}/a", "--until=1d", "--budget=1M")), ("pin ls", (bucket,)),
        ("pin rm", (f"{place}/a",)),
        ("account add", ("json-account",)), ("account ls", ()),
        ("user add", ("json-user", "--access-key=JSONUSERKEY12345")),
        ("user ls", ()), ("user policy", ("json-user", "lists", str(tmp_path / "policy"))),
        ("key add", ("json-user", "--access-key=JSONUSERKEY23456")), ("key set", ("JSONUSERKEY23456", "--off")),
        ("key rm", ("JSONUSERKEY23456",)), ("key reseal", ()), ("user rm", ("json-user",)),
        ("account rm", ("json-account",)),
        ("quota set", ("--bucket", bucket, "--objects=100")), ("quota ls", ()), ("quota rm", ("--bucket", bucket)),
        ("status", ()), ("top", ("--interval=0.2",)), ("drive ls", ()),
        ("drive objects", (server.admin("GET", "/drives").json()["drives"][0]["id"], "--limit=3")),
        ("cluster durability", ()), ("heal", ()), ("scrub", ()), ("repair status", ()), ("repair heal", ()),
        ("pace ls", ()), ("pace set", ("rebalance_bytes", "64M")), ("pace reset", ("rebalance_bytes",)),
        ("repair scrub", ()), ("node ls", ()), ("backup", ("--list",)),
        ("rm", ("-r", "--yes", "--versions", f"{place}/")), ("bucket rm", (bucket,)),
    ]  # fmt: skip

"""Watch a corpus go cold and come back: heat, rules tried before they are put, demotion, promotion, restore.

    examples/tiers.py --serve                # starts a server of its own, in which a day lasts two seconds

or against any objstore, by the variables that every S3 client goes by, with its root credentials:

    set -a; . objstore-data/credentials; set +a
    export AWS_ENDPOINT_URL=http://127.0.0.1:9000 AWS_DEFAULT_REGION=us-east-1
    .venv/bin/python examples/tiers.py

What takes a day takes as long as a day of that server (``OBJSTORE_LIFECYCLE_DAY_SECONDS``). The story: a corpus of
shards in the class INTELLIGENT_TIERING, of which a part is read all the time, and checkpoints, of which the last ones
matter. The bucket is removed at the end, unless ``--keep``. Needs boto3 and rich.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

KIB = 1024
SHARD_BYTES = 256 * KIB
STEPS = 6
FILES_A_STEP = 4
HOT_PART = 4  # every fourth shard is read all the time
BAR_CHARS = 40
RULES = [
    {"ID": "old-steps", "Status": "Enabled", "Filter": {"Prefix": "ckpt/"}, "KeepLast": {"Last": 2},
     "StorageClass": "GLACIER_IR"},
    {"ID": "archive-logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"},
     "Transitions": [{"Days": 2, "StorageClass": "GLACIER"}]},
]  # fmt: skip


def main() -> None:
    """Run the story."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help="start a server of its own, and stop it at the end")
    parser.add_argument("--shards", type=int, default=60, help="how many shards of 256 KiB the corpus has [60]")
    parser.add_argument("--keep", action="store_true", help="do not remove the bucket at the end")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        if arguments.serve:
            stack.enter_context(own_server())
        Story(arguments.shards, arguments.keep).run()


class Story:
    """A bucket's life, chapter by chapter. What was put is known by its SHA-256."""

    def __init__(self, shards: int, keep: bool) -> None:
        self._console = Console()
        self._s3 = boto3.client("s3", config=Config(max_pool_connections=16, s3={"addressing_style": "path"}))
        self._admin = Admin(self._s3)
        self._bucket = f"tiers-{random.randrange(10**8):08}"
        self._keep = keep
        self._shards = [f"corpus/shard-{number:04}.bin" for number in range(shards)]
        self._read_often = self._shards[::HOT_PART]
        self._steps = [
            f"ckpt/step-{step * 1000}/part-{n}.bin" for step in range(1, STEPS + 1) for n in range(FILES_A_STEP)
        ]
        self._logs = [f"logs/day-{number}.jsonl" for number in range(4)]
        self._digests: dict[str, str] = {}

    def run(self) -> None:
        """All chapters, one after the other."""
        server = self._admin.call("GET", "/server")
        self._day, self._idle_days = server["lifecycle_day_seconds"], server["intelligent_tiering_days"]
        self._say(f"objstore {server['version']}: a day lasts {self._day:g} s here; what nobody reads for "
                  f"{self._idle_days} days goes to the capacity tier")  # fmt: skip
        self._s3.create_bucket(Bucket=self._bucket)
        try:
            self._load()
            self._try_rules()
            self._apply()
            self._go_cold()
            self._read_cold()
            self._restore()
            self._savings()
        finally:
            if not self._keep:
                self._remove()

    # ---- Chapters.

    def _load(self) -> None:
        self._chapter("1  Load a corpus")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: self._put(key, "INTELLIGENT_TIERING"), self._shards))
            list(pool.map(lambda key: self._put(key, "STANDARD"), self._steps + self._logs))
        self._say(
            f"{len(self._digests)} objects, {len(self._digests) * SHARD_BYTES // KIB // KIB} MiB, all on the hot tier"
        )
        self._console.print(self._picture())

    def _try_rules(self) -> None:
        self._chapter("2  Try the rules, before anybody puts them")
        found = self._admin.call("POST", f"/buckets/{self._bucket}/lifecycle/dry-run", {"days": 40}, split(RULES))
        table = Table("Rule", "Does", "Due now", "In 40 days", "For instance", box=None, header_style="bold")
        for share in sorted(found["together"]["shares"], key=lambda share: share["rule"]):
            target = share["storage_class"] or share["tier"]
            now, total = share["now"]["objects"], share["total"]["objects"]
            keys = share["samples"][0]["key"]
            table.add_row(share["rule"] or "(by access)", f"→ {target}", str(now), str(total), keys)
        self._console.print(table)
        total = found["together"]["total"]
        size = total["bytes"] // KIB // KIB
        self._say(f"together {total['objects']} objects, {size} MiB, each counted once; nothing was changed")

    def _apply(self) -> None:
        self._chapter("3  Put them")
        put = self._admin.call("PUT", f"/buckets/{self._bucket}/lifecycle", body=split(RULES))
        self._say(f"{len(put['Rules'])} rule of S3's and {len(put['ExtendedRules'])} of our own are in force")

    def _go_cold(self) -> None:
        self._chapter("4  Read a part of it, and watch the rest go cold")
        unread = [key for key in self._shards if key not in self._read_often]
        cold = len(unread) + (STEPS - 2) * FILES_A_STEP + len(self._logs)
        seconds = (self._idle_days + 2) * self._day + 60

        def done() -> bool:
            for key in self._read_often:
                self._get(key)
            return self._objects("capacity") >= cold

        self._watch(done, seconds, f"reading {len(self._read_often)} shards over and over")
        self._say(
            f"{cold} objects went to the capacity tier: {len(unread)} shards that nobody read, old steps, old logs"
        )
        told = self._admin.call("GET", f"/buckets/{self._bucket}/lifecycle/explain", {"key": unread[0]})
        version = told["version"]
        self._say(f"{unread[0]} is of class {version['storage_class']}, and lies on the {version['tier']} tier")

    def _read_cold(self) -> None:
        self._chapter("5  Read cold data, and see it promoted")
        wanted = [key for key in self._shards if key not in self._read_often][:10]
        times = [self._get(key) for key in wanted]
        self._say(
            f"{len(wanted)} cold shards, whole and checked: {min(times) * 1e3:.0f} to {max(times) * 1e3:.0f} ms each"
        )
        before = self._objects("hot")

        def done() -> bool:
            return self._objects("hot") >= before + len(wanted) or self._is_hot(wanted)

        self._watch(done, 5 * self._day + 60, "what was read comes back")
        self._say(f"{len(wanted)} shards are hot again, and nobody had to ask for it")

    def _restore(self) -> None:
        self._chapter("6  What is archived asks to be restored")
        key = self._logs[0]
        try:
            self._get(key)
            raise SystemExit(f"{key} should be archived by now")
        except ClientError as error:
            self._say(f"GET {key}: {error.response['Error']['Code']}, class {error.response.get('StorageClass')}")
        self._s3.restore_object(Bucket=self._bucket, Key=key, RestoreRequest={"Days": 5})

        def done() -> bool:
            return 'ongoing-request="false"' in self._s3.head_object(Bucket=self._bucket, Key=key).get("Restore", "")

        self._watch(done, 60, f"restoring {key} for 5 days")
        self._say(f"x-amz-restore: {self._s3.head_object(Bucket=self._bucket, Key=key)['Restore']}")
        self._say(f"GET {key}: {self._get(key) * 1e3:.0f} ms, checked")

    def _savings(self) -> None:
        self._chapter("7  What it saves")
        found = self._admin.call("GET", "/savings", {"bucket": self._bucket})
        table = Table("Tier", "Objects", "MiB", "On drives, MiB", box=None, header_style="bold")
        for tier in found["tiers"]:
            row = (tier["bytes"] / KIB / KIB, tier["raw_bytes"] / KIB / KIB)
            table.add_row(tier["tier"], str(tier["objects"]), *(f"{value:.1f}" for value in row))
        self._console.print(table)
        self._say(f"{found['hot_raw_bytes_avoided'] / KIB / KIB:.1f} MiB less on the drives of the hot tier")

    def _remove(self) -> None:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket):
            keys = [{"Key": entry["Key"]} for entry in page.get("Contents", ())]
            if keys:
                self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
        self._s3.delete_bucket(Bucket=self._bucket)

    # ---- What chapters need.

    def _put(self, key: str, storage_class: str) -> None:
        payload = random.randbytes(SHARD_BYTES)
        self._digests[key] = hashlib.sha256(payload).hexdigest()
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=payload, StorageClass=storage_class)

    def _get(self, key: str) -> float:
        """Read an object whole and compare it; seconds that it took."""
        begun = time.perf_counter()
        payload = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        took = time.perf_counter() - begun
        if hashlib.sha256(payload).hexdigest() != self._digests[key]:
            raise SystemExit(f"{key} did not come back as it was put")
        return took

    def _heat(self) -> list[dict[str, Any]]:
        heat: list[dict[str, Any]] = self._admin.call("GET", f"/buckets/{self._bucket}/heat", {"by": "prefix"})["heat"]
        return heat

    def _objects(self, tier: str) -> int:
        return sum(one["objects"] for one in self._heat() if one["tier"] == tier)

    def _is_hot(self, keys: list[str]) -> bool:
        path = f"/buckets/{self._bucket}/lifecycle/explain"
        return all(self._admin.call("GET", path, {"key": key})["version"]["tier"] == "hot" for key in keys)

    def _watch(self, done: Callable[[], bool], seconds: float, doing: str) -> None:
        """Show where everything lies until it is done; a picture at the end where nobody watches."""
        deadline = time.monotonic() + seconds
        with Live(self._picture(doing), console=self._console, transient=True, auto_refresh=False) as live:
            while not done():
                if time.monotonic() > deadline:
                    raise SystemExit(f"{doing}: not done within {seconds:.0f} s")
                live.update(self._picture(doing), refresh=self._console.is_terminal)
                time.sleep(min(0.5, self._day / 4))
        self._console.print(self._picture())

    def _picture(self, doing: str = "") -> Group:
        """A bar a prefix: hot and cold objects."""
        sums: dict[str, dict[str, int]] = {}
        for one in self._heat():
            sums.setdefault(one["prefix"], {})[one["tier"]] = one["objects"]
        table = Table.grid(padding=(0, 2))
        for prefix, tiers in sorted(sums.items()):
            hot, total = tiers.get("hot", 0), sum(tiers.values())
            chars = round(BAR_CHARS * hot / total)
            bar = Text.assemble(("█" * chars, "bright_red"), ("░" * (BAR_CHARS - chars), "blue"))
            table.add_row(prefix, bar, f"{hot} hot, {total - hot} cold")
        return Group(table, Text(f"… {doing}" if doing else "", style="dim"))

    def _chapter(self, title: str) -> None:
        self._console.print(Panel(title, style="bold", expand=False))

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)


class Admin:
    """Requests of the admin API, signed as those of S3 are."""

    def __init__(self, s3: Any) -> None:
        self._endpoint = f"{s3.meta.endpoint_url}/-/admin/v1"
        self._session = URLLib3Session(timeout=(10, 120))
        keys = boto3.Session().get_credentials()
        self._signer = S3SigV4Auth(keys, "s3", s3.meta.region_name or "us-east-1")

    def call(self, method: str, path: str, query: dict[str, Any] | None = None, body: Any = None) -> Any:
        """The JSON answer."""
        url = f"{self._endpoint}{quote(path)}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        raw = b"" if body is None else json.dumps(body).encode()
        request = AWSRequest(method, url, headers={"content-type": "application/json"} if raw else {}, data=raw)
        self._signer.add_auth(request)
        answer = self._session.send(request.prepare())
        if answer.status_code >= 400:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
        return json.loads(answer.content)


def split(rules: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Rules as the admin API takes them: those of S3, and our own."""
    own = [rule for rule in rules if "StorageClass" in rule]
    return {"Rules": [rule for rule in rules if rule not in own], "ExtendedRules": own}


@contextlib.contextmanager
def own_server() -> Iterator[None]:
    """A server on a free port, in a directory that is gone afterwards."""
    settings = {"LIFECYCLE_DAY_SECONDS": "2", "INTELLIGENT_TIERING_DAYS": "3", "RETIRE_GRACE_SECONDS": "0"}
    environment = os.environ | {f"OBJSTORE_{name}": value for name, value in settings.items()}
    with tempfile.TemporaryDirectory(prefix="objstore-tiers-") as name:
        directory = Path(name)
        ready = directory / "ready.json"
        command = [sys.executable, "-m", "objstore", "serve", "--port=0", "--workers=1", "--profile=hot=2+1",
                   "--profile=capacity=3+1", f"--data={directory / 'data'}", f"--ready-file={ready}"]  # fmt: skip
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            while not ready.exists():
                if process.poll() is not None:
                    raise SystemExit((directory / "log").read_text())
                time.sleep(0.1)
            os.environ["AWS_ENDPOINT_URL"] = json.loads(ready.read_text())["endpoint"]
            os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
            for line in (directory / "data" / "credentials").read_text().splitlines():
                variable, found, value = line.partition("=")
                if found and variable.startswith("AWS_"):
                    os.environ[variable] = value
            yield
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()

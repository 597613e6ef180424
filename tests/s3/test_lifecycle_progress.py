"""What the admin API and the metrics say while rules act, on a server whose days are short."""

import json
import re
from collections.abc import Iterator
from functools import partial

import pytest

from tests.harness.server import SETTINGS, Server
from tests.harness.waiting import until as until_true
from tests.s3.trees import content

until = partial(until_true, seconds=90)
DAY_SECONDS = 2
BUCKET = "progress"


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with short days."""
    environment = {"OBJSTORE_LIFECYCLE_DAY_SECONDS": str(DAY_SECONDS)}
    server = Server(tmp_path_factory.mktemp("progress"), workers=1, settings=SETTINGS, environment=environment).start()
    yield server
    server.close()


def test_what_was_done_is_told(own_server: Server) -> None:
    s3 = own_server.s3()
    s3.create_bucket(Bucket=BUCKET)
    for number in range(4):
        s3.put_object(Bucket=BUCKET, Key=f"old/{number}", Body=content(1000, number))
    s3.put_object(Bucket=BUCKET, Key="cold", Body=content(300_000, 9))
    rules = {
        "Rules": [
            {"ID": "expire", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 1}},
            {
                "ID": "demote", "Status": "Enabled", "Filter": {"Prefix": "cold"},
                "Transitions": [{"Days": 1, "StorageClass": "GLACIER_IR"}],
            },
        ]
    }  # fmt: skip
    # The forecast, then what really happens.
    path = f"/buckets/{BUCKET}/lifecycle"
    forecast = own_server.admin("POST", f"{path}/dry-run", body=json.dumps(rules).encode()).json()["actions"]
    totals = {one["rule"]: (one["total"]["objects"], one["total"]["bytes"]) for one in forecast}
    assert totals == {"expire": (4, 4000), "demote": (1, 300_000)}
    assert own_server.admin("PUT", path, body=json.dumps(rules).encode()).status_code == 200

    def done() -> dict[str, tuple[int, int]] | None:
        actions = own_server.admin("GET", f"{path}/status").json()["actions"]
        sums = {rule: [one for one in actions if one["rule"] == rule] for rule in totals}
        found = {rule: (sum(a["objects"] for a in own), sum(a["bytes"] for a in own)) for rule, own in sums.items()}
        return found if found == totals else None

    until(done)
    status = own_server.admin("GET", f"{path}/status").json()
    assert status["backlog"] == 0
    assert {one["last_error"] for one in status["actions"]} == {None}
    assert all(one["seen_until"] for one in status["actions"] if one["rule"] == "expire" and one["action"] == "expire")
    (everything,) = [
        one for one in own_server.admin("GET", "/lifecycle/status").json()["buckets"] if one["bucket"] == BUCKET
    ]
    assert (everything["objects"], everything["bytes"], everything["errors"]) == (5, 304_000, 0)
    work = {(one["action"], one["tier"]): one["objects"] for one in own_server.admin("GET", "/savings").json()["done"]}
    assert work == {("delete", ""): 4, ("transition", "capacity"): 1}
    gone = own_server.admin("GET", f"{path}/explain?key=cold").json()
    assert [(one["rule"], one["state"]) for one in gone["rules"]] == [("expire", "unmatched"), ("demote", "done")]
    text = until(lambda: _metrics(own_server))
    assert "objstore_lifecycle_backlog 0.0" in text
    assert BUCKET not in text
    (series,) = {one["series"] for one in status["actions"] if one["rule"] == "demote"}
    assert f'objstore_lifecycle_rule_bytes{{rule="{series}"}} 300000.0' in text
    assert f'objstore_lifecycle_rule_backlog{{rule="{series}"}} 0.0' in text


def _metrics(server: Server) -> str | None:
    """The metrics, once they have what was done."""
    text = server.get("/-/metrics").text
    wanted = [
        r'lifecycle_objects_total\{action="delete",tier=""\} 4',
        r'bytes_total\{action="transition",tier="capacity"\} 300',
    ]
    return text if all(re.search(one, text) for one in wanted) else None

"""Tiers, heat and savings over the admin API and the command line; a tier's profile is changed between two starts."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.server import SETTINGS, Server
from tests.s3.trees import content
from tests.serve.test_cli import answer, run

PRICES = "[tier_prices]\nhot = 100.0\ncapacity = 20.0\n"


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with prices."""
    server = Server(tmp_path_factory.mktemp("tiers"), workers=1, settings=SETTINGS + PRICES).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def bucket(own_server: Server) -> str:
    """Objects on both tiers."""
    s3 = own_server.s3()
    s3.create_bucket(Bucket="tiers")
    for key, size, storage_class in (
        ("a/1", 300_000, "STANDARD"), ("a/2", 5000, "STANDARD_IA"), ("b/1", 700_000, "GLACIER_IR"),
        ("top", 10, "STANDARD"),
    ):  # fmt: skip
        s3.put_object(Bucket="tiers", Key=key, Body=content(size, size), StorageClass=storage_class)
    return "tiers"


def get(server: Server, path: str) -> Any:
    found = server.admin("GET", path)
    assert found.status_code == 200, found.text
    return found.json()


def test_heat(own_server: Server, bucket: str) -> None:
    def sums(query: str) -> dict[tuple[str | None, str], tuple[int, int]]:
        found = get(own_server, f"/buckets/{bucket}/heat?{query}")["heat"]
        assert all([age["from_days"] for age in one["ages"]] == [0] for one in found)
        return {(one["prefix"], one["tier"]): (one["objects"], one["bytes"]) for one in found}

    assert sums("") == {(None, "hot"): (2, 300_010), (None, "capacity"): (2, 705_000)}
    assert sums("by=prefix") == {
        ("", "hot"): (1, 10), ("a/", "hot"): (1, 300_000), ("a/", "capacity"): (1, 5000),
        ("b/", "capacity"): (1, 700_000),
    }  # fmt: skip
    assert sums("prefix=a/") == {("a/", "hot"): (1, 300_000), ("a/", "capacity"): (1, 5000)}
    assert sums("prefix=c/") == {}
    assert own_server.admin("GET", "/buckets/nobody-t/heat").status_code == 404


def test_savings(own_server: Server, bucket: str) -> None:
    found = get(own_server, "/savings")
    assert {one["storage_class"]: one["bytes"] for one in found["classes"]} == {
        "STANDARD": 300_010, "STANDARD_IA": 5000, "GLACIER_IR": 700_000,
    }  # fmt: skip
    assert {tier["tier"]: tier["overhead"] for tier in found["tiers"]} == {"hot": 1.5, "capacity": 1.4}
    raw_hot, raw_cold = 450_015, 987_000
    assert (found["raw_bytes"], found["raw_bytes_if_all_hot"]) == (raw_hot + raw_cold, round(1.5 * 1_005_010))
    assert found["hot_raw_bytes_avoided"] == round(1.5 * 705_000)
    assert found["cost"] == pytest.approx(raw_hot * 1e-10 + raw_cold * 2e-11, abs=2e-4)
    assert get(own_server, f"/savings?bucket={bucket}")["raw_bytes"] == found["raw_bytes"]
    assert own_server.admin("GET", "/savings?bucket=nobody-t").status_code == 404
    assert "Kept off the hot tier: 1.0 MiB" in run(own_server, "tier", "savings").stdout


def test_a_tier_gets_another_profile(own_server: Server, bucket: str) -> None:
    tiers = {tier["name"]: tier for tier in answer(own_server, "tier", "ls")["tiers"]}
    assert [tier["profile"] for tier in tiers.values()] == ["4+2", "10+4"]
    assert tiers["capacity"]["classes"] == ["STANDARD_IA", "ONEZONE_IA", "GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"]
    assert tiers["hot"]["reencode"] is None
    assert own_server.admin("GET", "/tiers/hot/reencode").status_code == 404
    assert own_server.admin("POST", "/tiers/tepid/reencode").status_code == 404
    own_server._config.write_text(SETTINGS.replace("[tier.hot]", "[tier.hot]\nk = 3\nm = 3") + PRICES)
    own_server.restart()
    s3 = own_server.s3()
    s3.put_object(Bucket=bucket, Key="later", Body=content(400_000, 9))
    profiles = {one["profile"] for tier in get(own_server, "/tiers")["tiers"] for one in tier["profiles"]}
    assert profiles == {"4+2", "3+3", "10+4"}
    done = answer(own_server, "tier", "reencode", "hot")
    assert done["profile"] == "3+3"
    assert done["finished"]
    assert (done["left_volumes"], done["volumes"] > 0, done["bytes"] >= 300_010) == (0, True, True)
    (hot, _) = get(own_server, "/tiers")["tiers"]
    assert [one["profile"] for one in hot["profiles"]] == ["3+3"]
    for key, size in (("a/1", 300_000), ("top", 10)):
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == content(size, size)
    assert "3+3" in run(own_server, "tier", "ls").stdout
    assert run(own_server, "tier", "reencode", "tepid").returncode == 1

"""On a small server of its own: what an operator sees when a drive is lost, until it is healed; telling a target of
events; what moves next."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.console.conftest import DESKTOP, WAIT_MILLISECONDS, Console
from tests.harness.server import Server
from tests.harness.waiting import until

SETTINGS = """\
retire_grace_seconds = 0
repair_interval_seconds = 0.2
compact_interval_seconds = 3600
snapshot_hours = 0
drive_suspect_seconds = 1.5
[tier.hot]
k = 2
m = 1
shard_bytes_max = 1048576
[events.sink]
kind = "webhook"
url = "http://127.0.0.1:9/"
"""
DRIVES = 4
MOVES_MILLISECONDS = 90_000  # until a new rule is looked at, and the picture knows


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Server]:
    """A small server of its own, 2+1 on four drives, with something in sealed volumes."""
    root = tmp_path_factory.mktemp("lost-drive")
    for number in range(DRIVES):
        (root / f"d{number}").mkdir()
    drives = [f"--drive=hot={root}/d{number}" for number in range(DRIVES)]
    server = Server(root, *drives, f"--database-url={database_url}", workers=1, settings=SETTINGS).start()
    s3 = server.s3()
    s3.create_bucket(Bucket="corpus")
    for number in range(6):
        s3.put_object(Bucket="corpus", Key=f"part-{number}", Body=os.urandom(700_000))
    assert server.admin("POST", "/compact?all=true").status_code == 200
    yield server
    server.close()


@pytest.fixture
def page(box: Server, browser: Browser) -> Iterator[Page]:
    """Signed in to this server as root."""
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce", locale="en-GB")  # type: ignore[arg-type]
    console = Console(context.new_page(), box)
    yield console.sign_in()
    assert not [error for error in console.errors if "412 (Precondition Failed)" not in error]
    context.close()


def most_used(box: Server) -> Path:
    """The drive that holds most."""
    return max(
        (box.directory / f"d{number}" for number in range(DRIVES)),
        key=lambda drive: len(list((drive / "shards").glob("*/*.shard"))),
    )


def go(page: Page, place: str) -> None:
    page.evaluate("place => { location.hash = place }", place)


def test_a_drive_is_lost_and_healed(box: Server, page: Page) -> None:
    rack, reasons = page.locator(".rack"), page.locator(".reasons")
    durability = page.locator("main dl.facts").filter(has_text="As it is now")
    expect(rack.locator(".drive.up")).to_have_count(DRIVES)
    expect(reasons.get_by_text("Drive out")).to_have_count(0)
    go(page, "#/cluster")
    expect(page.get_by_text("every volume is whole")).to_be_visible()
    expect(durability).to_contain_text("As it is nowone drive")
    lost = most_used(box)
    lost.rename(box.directory / "lost")
    expect(page.get_by_text("short of redundancy")).to_be_visible(timeout=WAIT_MILLISECONDS)
    expect(durability).to_contain_text("As it is nownothing one more failure loses data", timeout=WAIT_MILLISECONDS)
    expect(page.get_by_text("1 suspect")).to_be_visible()

    go(page, "#/")
    expect(reasons).to_contain_text("Drive out")
    drive = rack.locator(".drive.suspect")
    expect(drive).to_have_count(1)
    expect(drive).to_contain_text("?")
    expect(page.locator(".tile", has_text="Short of redundancy")).not_to_contain_text("0 volumes")
    page.get_by_role("link", name="Short of redundancy").first.click()
    expect(page.get_by_role("region", name="Waiting")).to_contain_text("A drive that is suspect may come back.")
    go(page, "#/")
    drive.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(str(lost))
    expect(page.get_by_text("not heard of for")).to_be_visible()
    page.get_by_role("button", name="Replace").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="To confirm").fill(page.url.rpartition("/")[2][:8])
    dialog.get_by_role("button", name="Replace").click()
    expect(page.locator(".toast").last).to_contain_text("its shards are being rebuilt")

    expect(page.locator("main .badge").first).to_have_text("out", timeout=WAIT_MILLISECONDS)
    go(page, "#/cluster?tab=drives")
    expect(page.locator("tbody tr")).to_have_count(DRIVES - 1)
    page.get_by_label("Also one that is out").check()
    expect(page.locator("tbody tr")).to_have_count(DRIVES)
    go(page, "#/cluster?tab=repair")
    expect(page.get_by_role("region", name="Done").locator("tbody tr").first).to_contain_text("heal")
    go(page, "#/cluster")
    expect(page.get_by_text("every volume is whole")).to_be_visible()
    expect(durability).to_contain_text("As it is nowone drive")
    go(page, "#/")
    expect(rack.locator(".drive.up")).to_have_count(DRIVES - 1)
    expect(rack.locator(".drive")).to_have_count(DRIVES - 1)
    expect(reasons.get_by_text("Drive out")).to_have_count(0)


def test_telling_a_target_of_events(box: Server, page: Page) -> None:
    s3 = box.s3()
    go(page, "#/buckets/corpus/events")
    page.get_by_role("button", name="Tell a target").click()
    arn = "arn:aws:sqs:us-east-1:000000000000:sink"
    expect(page.locator(f'datalist option[value="{arn}"]')).to_have_count(1)
    page.get_by_label("Target").fill(arn)
    page.get_by_label("s3:ObjectRemoved:*").check()
    page.get_by_label("Keys begin with").fill("<b>a&b/")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast").last).to_contain_text("Saved.")
    [entry] = s3.get_bucket_notification_configuration(Bucket="corpus")["QueueConfigurations"]
    assert (entry["QueueArn"], entry["Events"]) == (arn, ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"])
    assert entry["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "<b>a&b/"}]
    expect(page.get_by_label("Name")).to_have_value(entry["Id"])
    page.get_by_role("button", name="Remove notification 1").click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text("Nobody is told of anything.")
    until(lambda: "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket="corpus"))


def test_pinning_warming_and_pausing_what_moves_next(box: Server, page: Page) -> None:
    """Here, for on the server that all tests share there may be more that moves before."""
    rule = {"ID": "cool-down", "Status": "Enabled", "Filter": {"Prefix": "part-"}, "Expiration": {"Days": 30}}
    box.s3().put_bucket_lifecycle_configuration(Bucket="corpus", LifecycleConfiguration={"Rules": [rule]})
    go(page, "#/")
    row = page.locator("tr").filter(has_text="cool-down").first
    row.get_by_role("button", name="Pin").click(timeout=MOVES_MILLISECONDS)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Prefix")).to_have_value("part-")
    dialog.get_by_label("Bring at most").fill("0.5")
    dialog.get_by_role("button", name="Pin").click()
    expect(page.locator(".toast").last).to_contain_text("Pinned.")
    [pin] = box.admin("GET", "/pins?bucket=corpus").json()["pins"]
    assert (pin["prefix"], pin["budget_bytes"]) == ("part-", 2**29)
    row.get_by_role("button", name="Warm up").click()
    expect(dialog.get_by_label("Prefix")).to_have_value("part-")
    dialog.get_by_role("button", name="Cancel").click()

    def status() -> str:
        rules = box.s3().get_bucket_lifecycle_configuration(Bucket="corpus")["Rules"]
        assert [one["ID"] for one in rules] == ["cool-down", "other"]
        return str(rules[0]["Status"])

    # Somebody else adds a rule between the console's look and its change: neither change is lost.
    def meanwhile(route: Route) -> None:
        if route.request.method == "PUT" and not others:
            other = {"ID": "other", "Status": "Enabled", "Filter": {"Prefix": "o/"}, "Expiration": {"Days": 9}}
            others.append(other)
            both = {"Rules": [rule, other]}
            box.s3().put_bucket_lifecycle_configuration(Bucket="corpus", LifecycleConfiguration=both)
        route.continue_()

    others: list[Any] = []
    page.route("**/buckets/corpus/lifecycle", meanwhile)
    row.get_by_role("button", name="Pause").click()
    dialog.get_by_role("button", name="Pause").click()
    expect(page.locator(".toast").last).to_contain_text("cool-down is paused.")
    page.unroute("**/buckets/corpus/lifecycle")
    assert status() == "Disabled"
    assert others
    page.locator(".toast").last.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast").last).to_contain_text("enabled again")
    assert status() == "Enabled"

    go(page, "#/jobs?tab=warm&bucket=corpus")
    pins = page.get_by_role("region", name="Pins of corpus").first
    pins.get_by_role("button", name="End").click()
    dialog.get_by_role("button", name="End").click()
    expect(pins).to_contain_text("No pins")

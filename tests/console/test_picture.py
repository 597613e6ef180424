"""The picture and the pages of the cluster, with data that moves."""

import json
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.console.conftest import Console
from tests.console.watch import serious, watched
from tests.harness.server import Server

SUMS_MILLISECONDS = 90_000  # of places: made anew every minute


@pytest.fixture(scope="module")
def places(server: Server) -> str:
    """A bucket that has something in it."""
    s3 = server.s3()
    s3.create_bucket(Bucket="pictured")
    for number in range(12):
        s3.put_object(Bucket="pictured", Key=f"corpus/part-{number}", Body=os.urandom(200_000))
        s3.get_object(Bucket="pictured", Key=f"corpus/part-{number}")["Body"].read()
    s3.put_bucket_lifecycle_configuration(
        Bucket="pictured",
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "cool-down",
                    "Status": "Enabled",
                    "Filter": {"Prefix": "corpus/"},
                    "Transitions": [{"Days": 30, "StorageClass": "GLACIER_IR"}],
                }
            ]
        },
    )
    return "pictured"


def test_the_picture_shows_tiers_drives_and_places(console: Console, places: str) -> None:
    page = console.page
    expect(page.locator("#flow-svg")).to_contain_text("hot")
    expect(page.locator("#flow-svg")).to_contain_text("capacity")
    expect(page.locator(".tile")).to_have_count(6)
    assert page.locator(".rack .drive").count() == 20
    expect(page.locator("table.heat tbody tr")).to_have_count(2)
    page.get_by_text("As a table").click()
    expect(page.get_by_role("cell", name="Written", exact=True).first).to_be_visible()


def test_the_flow_by_bucket_and_by_program(console: Console, places: str) -> None:
    page = console.page
    page.get_by_role("button", name="1 h", exact=True).click()
    page.get_by_role("button", name="By program", exact=True).click()
    table = page.get_by_role("region", name="By program", exact=True)
    expect(table.get_by_role("row").filter(has_text="boto3")).to_be_visible(timeout=SUMS_MILLISECONDS)
    expect(page.locator("#flow-svg")).to_contain_text("boto3")
    page.get_by_role("button", name="By bucket", exact=True).click()
    expect(page.get_by_role("region", name="By bucket", exact=True).get_by_role("link").first).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="All clients", exact=True).click()
    expect(page.locator("#flow-svg")).to_contain_text("Clients")


def test_the_map_goes_into_prefixes(console: Console, places: str) -> None:
    page = console.page
    area = page.locator(f'#map-svg [aria-label^="{places}:"]')
    area.wait_for(timeout=SUMS_MILLISECONDS)
    area.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="corpus/: ")).to_be_visible()
    page.get_by_role("button", name="All buckets").click()
    page.get_by_role("button", name="Table", exact=True).click()
    page.get_by_role("button", name=places, exact=True).click()
    expect(page.get_by_role("button", name="corpus/", exact=True)).to_be_visible()
    page.get_by_role("button", name="corpus/", exact=True).click()
    expect(page.locator(".map-links").get_by_role("link", name="Objects here")).to_have_attribute(
        "href", f"#/buckets/{places}?prefix=corpus%2F"
    )
    page.get_by_role("button", name="part-0", exact=False).first.click()
    expect(page.locator("h1")).to_have_text("corpus/part-0")
    expect(page.locator(".fragment")).to_have_count(6)


def test_freezing_and_exporting(console: Console, places: str, tmp_path: Path) -> None:
    page = console.page
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    download.value.save_as(tmp_path / "picture.json")
    picture = json.loads((tmp_path / "picture.json").read_text())
    assert {tier["name"] for tier in picture["tiers"]} == {"hot", "capacity"}
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    download.value.save_as(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "picture.png").stat().st_size > 20_000


def test_the_slider_turns_the_picture_back(console: Console, places: str) -> None:
    page = console.page
    slider = page.get_by_role("slider", name="Moment to show")
    expect(slider).to_be_visible()
    with page.expect_response(lambda answer: "/picture" in answer.url and "at=" in answer.url) as answered:
        slider.focus()
        page.keyboard.press("PageDown")
    assert answered.value.status == 200
    expect(page.locator(".page-head .lead")).to_contain_text("As it was at")
    page.get_by_role("button", name="Live").click()
    expect(page.locator(".page-head .lead")).to_contain_text("Live")


def test_finding_an_object_by_the_search_box(console: Console, places: str) -> None:
    page = console.page
    page.get_by_role("searchbox").fill(f"s3://{places}/corpus/part-3")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("corpus/part-3")
    expect(page.locator(".facts").first).to_contain_text("STANDARD")
    expect(page.locator(".fragment.parity")).to_have_count(2)
    page.get_by_role("textbox", name="Key").fill("nothing")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("There is no such object")
    console.errors.clear()


def test_draining_a_drive_and_using_it_again(console: Console, server: Server) -> None:
    page = console.page
    drive = next(
        one for one in server.admin("GET", "/drives").json()["drives"] if one["address"].endswith("capacity-9")
    )
    console.go(f"#/cluster/drive/{drive['id']}")
    page.get_by_role("button", name="Drain").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Clients notice nothing")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Drain").click()
    page.get_by_role("dialog").get_by_role("button", name="Drain").click()
    expect(page.locator("main .badge").first).to_have_text("draining")
    page.get_by_role("button", name="Retire").click()
    confirm = page.get_by_role("dialog").get_by_role("button", name="Retire")
    expect(confirm).to_be_disabled()
    page.get_by_role("textbox", name="To confirm").fill(drive["id"][:8])
    expect(confirm).to_be_enabled()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Use again").click()
    page.get_by_role("dialog").get_by_role("button", name="Use again").click()
    expect(page.locator("main .badge").first).to_have_text("up")


def test_checks_heal_and_backup(console: Console, server: Server) -> None:
    page = console.page
    console.go("#/cluster?tab=repair")
    page.get_by_role("button", name="Look now").click()
    expect(page.locator(".toast").last).to_contain_text("Looking")
    console.go("#/cluster?tab=checks")
    page.get_by_role("button", name="Start on all drives").first.click()
    expect(page.locator(".toast").last).to_contain_text("Started")
    expect(page.locator("tbody tr")).to_have_count(20)
    console.go("#/jobs?tab=backups")
    page.get_by_role("button", name="Back up now").click()
    expect(page.locator(".toast").last).to_contain_text("durable")
    expect(page.locator("tbody tr").first).to_contain_text("full")


def test_warming_up_a_prefix(console: Console, places: str) -> None:
    page = console.page
    console.go(f"#/jobs?tab=warm&bucket={places}")
    page.get_by_role("button", name="Warm up").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Prefix").fill("corpus/")
    dialog.get_by_role("button", name="Warm up").click()
    expect(page.locator("tbody tr").first).to_contain_text("corpus/")


def test_work_of_rules(console: Console, places: str) -> None:
    page = console.page
    console.go(f"#/jobs?bucket={places}")
    expect(page.locator("main")).to_contain_text("Work of rules")
    expect(page.get_by_role("heading", name=places)).to_be_visible()


def test_from_a_cell_to_objects_and_rules(console: Console, server: Server, places: str) -> None:
    """One click from the matrix; then places, objects and rules by keyboard."""
    page = console.page
    cell = page.get_by_role("link", name="hot, last used today")
    cell.wait_for(timeout=SUMS_MILLISECONDS)
    cell.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("hot · last used today")
    place = page.get_by_role("button", name=f"{places}/corpus/", exact=True)
    place.focus()
    page.keyboard.press("Enter")
    expect(place).to_have_attribute("aria-pressed", "true")
    objects = page.get_by_role("region", name=f"Objects in {places}/corpus/")
    expect(objects.get_by_role("link", name="corpus/part-3")).to_be_visible()
    rules = page.get_by_role("region", name="Rules that apply", exact=True).first
    expect(rules).to_contain_text("to GLACIER_IR: after 30 days")
    assert serious(page) == []
    page.get_by_label("Last used").select_option("30–90 days")
    expect(page.locator("main")).to_contain_text("Nothing lies here")
    page.go_back()
    page.get_by_role("link", name="Refine the search").click()
    expect(page.get_by_label("Used within days")).to_have_value("1")
    expect(page.get_by_role("link", name="corpus/part-3")).to_be_visible()


def test_places_lead_to_objects_and_rules(console: Console, places: str) -> None:
    page = console.page
    page.locator("#flow-svg a", has_text="capacity").click()
    expect(page.locator("h1")).to_have_text("capacity")
    page.get_by_role("link", name="Drives of this tier").click()
    expect(page).to_have_url(re.compile("#/cluster"))
    console.go("#/home")
    page.get_by_role("button", name="Table", exact=True).click()
    row = page.get_by_role("row").filter(has=page.get_by_role("button", name=places, exact=True))
    row.wait_for(timeout=SUMS_MILLISECONDS)
    row.get_by_role("link", name="Rules here").click()
    expect(page).to_have_url(re.compile(f"#/lifecycle/{places}$"))


def test_from_a_drive_of_the_rack_to_its_objects(console: Console, server: Server, places: str) -> None:
    with watched(console) as page:
        located = server.admin("GET", f"/locate?bucket={places}&key=corpus/part-3").json()
        drive = located["versions"][0]["extents"][0]["shards"][0]
        page.locator(f'.rack a.drive[href$="{drive["drive"]}"]').focus()
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text(drive["address"])
        rows = page.get_by_role("region", name="Objects here", exact=True).first.locator("tbody tr")
        expect(rows.first).to_be_visible()
        shown = rows.first.get_by_role("link").first.text_content() or ""
        page_of = server.admin("GET", f"/drives/{drive['drive']}/objects?limit=200").json()["objects"]
        assert shown in {f"{one['bucket']}/{one['key']}" for one in page_of}
        assert serious(page) == []
        rows.first.get_by_role("link").last.click()
        expect(page.locator(".fragment").first).to_be_visible()


def test_setting_a_pace_while_it_runs(console: Console, server: Server) -> None:
    page = console.page
    console.go("#/cluster?tab=pace")
    row = page.get_by_role("row").filter(has_text="Drain and rebalance")
    row.get_by_role("button", name="Change the pace of: Drain and rebalance").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    rate = dialog.get_by_label("Bytes a second, at most")
    rate.fill("1")
    expect(rate).to_have_attribute("aria-invalid", "true")
    rate.fill("64")
    page.keyboard.press("Enter")
    expect(row).to_contain_text("64 MiB/s")
    expect(row).to_contain_text("root")
    paces = {one["name"]: one for one in server.admin("GET", "/paces").json()["paces"]}
    assert paces["rebalance_bytes"]["value"] == 64 * 2**20
    assert serious(page) == []
    row.get_by_role("button", name="As configured").click()
    expect(row.get_by_role("button", name="As configured")).to_be_hidden()
    expect(row).not_to_contain_text("64 MiB/s")

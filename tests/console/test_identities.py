"""Identities in the console: users, keys, groups, policies, the tester."""

import itertools
import json
import re

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from playwright.sync_api import Page, expect

from tests.console.watch import go, serious, settled
from tests.harness.server import Server

_numbers = itertools.count(1)


@pytest.fixture
def name() -> str:
    return f"console-user-{next(_numbers)}"


def lists(server: Server, keys: tuple[str, str]) -> bool:
    """Whether these keys may list buckets."""
    client = boto3.client(
        "s3", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1], config=Config(retries={"max_attempts": 0}),
    )  # fmt: skip
    try:
        client.list_buckets()
    except ClientError:
        return False
    return True


def made_key(page: Page) -> tuple[str, str]:
    """The key that the dialog shows, which is closed."""
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("shown this once")
    access, secret = dialog.locator("dd code").all_inner_texts()
    dialog.get_by_role("button", name="Close").last.click()
    assert secret not in page.content()
    return access, secret


def make_user(page: Page, name: str) -> tuple[str, str]:
    go(page, "identities")
    page.get_by_role("button", name="Create user").first.click()
    page.get_by_label("User name").fill(name)
    page.keyboard.press("Enter")
    keys = made_key(page)
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    settled(page)
    return keys


def test_user_keys_and_policies(page: Page, server: Server, name: str) -> None:
    keys = make_user(page, name)
    assert not lists(server, keys)
    page.get_by_label("Attach a policy").select_option(label="AmazonS3ReadOnlyAccess")
    expect(page.get_by_role("button", name="Detach AmazonS3ReadOnlyAccess")).to_be_visible()
    assert lists(server, keys)

    card = page.get_by_role("region", name="Access keys").first
    card.get_by_role("button", name="Create key").click()
    second = made_key(page)
    assert lists(server, second)
    row = card.get_by_role("row").filter(has_text=keys[0])
    row.get_by_role("button", name="Disable").click()
    expect(row.get_by_role("button", name="Enable")).to_be_visible()
    assert not lists(server, keys)
    row.get_by_role("button", name=f"Delete key {keys[0]}").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(row).to_be_hidden()

    page.get_by_role("button", name="Add inline policy").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Policy", exact=True).fill("none")
    denied = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}
    dialog.get_by_label("Policy document").fill(json.dumps(denied))
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="none", exact=True)).to_be_visible()
    assert not lists(server, second)
    page.get_by_role("button", name="Delete policy none").click()
    expect(page.get_by_text("No inline policies.")).to_be_visible()
    assert lists(server, second)

    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("textbox").fill(name)
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"User {name} is deleted.")).to_be_visible()
    assert not lists(server, second)


def test_groups(page: Page, server: Server, name: str) -> None:
    keys = make_user(page, name)
    go(page, "identities", "groups")
    page.get_by_role("button", name="Create group").first.click()
    page.get_by_label("Group name").fill(f"{name}-group")
    page.keyboard.press("Enter")
    page.get_by_label("Attach a policy").select_option(label="AmazonS3FullAccess")
    expect(page.get_by_role("button", name="Detach AmazonS3FullAccess")).to_be_visible()
    go(page, "identities", "users", name)
    page.get_by_label("Join a group").select_option(f"{name}-group")
    page.get_by_role("link", name=f"{name}-group").click()
    expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
    assert lists(server, keys)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text(f"Group {name}-group is deleted.")).to_be_visible()
    assert not lists(server, keys)


def test_policies(page: Page, name: str) -> None:
    go(page, "identities", "policies")
    page.get_by_role("button", name="ReadOnlyAccess", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("s3:Get*")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="New policy").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Policy", exact=True).fill(f"{name}-policy")
    dialog.get_by_label("Policy document").fill('{"Version": "2012-10-17"}')
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("MalformedPolicyDocument")
    for action in "s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteObject", "s3:Get*", "s3:List*":
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}}
        dialog.get_by_label("Policy document").fill(json.dumps(document))
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_be_hidden()
        page.get_by_role("button", name=f"{name}-policy", exact=True).click()
        expect(dialog.get_by_label("Policy document")).to_have_value(json.dumps(document, indent=2))
    page.keyboard.press("Escape")
    page.get_by_role("button", name=f"Delete policy {name}-policy").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("button", name=f"{name}-policy", exact=True)).to_be_hidden()


def test_tester(page: Page, server: Server, name: str) -> None:
    server.s3().create_bucket(Bucket=f"{name}-tested")
    make_user(page, name)
    page.get_by_role("link", name="Test policies").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value(name)
    page.get_by_label("Bucket", exact=True).fill(f"{name}-tested")
    page.get_by_label("Key", exact=True).fill("<img src=x onerror=window.pwned=1>")
    page.get_by_role("button", name="Test", exact=True).click()
    answer = page.get_by_role("region", name="The server's answer")
    expect(answer).to_contain_text("Nothing allows it.")
    page.get_by_text("Try a policy that is not saved").click()
    document = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
    }
    page.get_by_label("Another policy").fill(json.dumps(document))
    page.get_by_role("button", name="Test", exact=True).click()
    expect(answer).to_contain_text("A policy allows it.")
    expect(answer).to_contain_text("draft")
    page.get_by_label("Bucket", exact=True).fill("no-such-bucket")
    page.get_by_role("button", name="Test", exact=True).click()
    expect(answer.get_by_role("alert")).to_contain_text("NoSuchBucket")


def test_roles_and_providers(page: Page, server: Server, name: str) -> None:
    """A user takes a role on as soon as its trust policy says so; a provider comes and goes."""
    keys = make_user(page, name)
    arn = page.get_by_text(re.compile(rf"^arn:aws:iam::\d+:user/{name}$")).first.inner_text()
    sts = boto3.client(
        "sts", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1], config=Config(retries={"max_attempts": 0}),
    )  # fmt: skip
    role = f"{name}-role"
    go(page, "identities", "roles")
    page.get_by_role("button", name="Create role").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Role name").fill(role)
    dialog.get_by_label("Trust policy").fill("{")
    expect(dialog.get_by_label("Trust policy")).to_have_attribute("aria-invalid", "true")
    statement: dict[str, object] = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}
    denied = {"Version": "2012-10-17", "Statement": statement | {"Effect": "Deny"}}
    dialog.get_by_label("Trust policy").fill(json.dumps(denied))
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name=f"Role {role}")).to_be_visible()
    role_arn = arn.replace(f"user/{name}", f"role/{role}")
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=role_arn, RoleSessionName="session")
    page.get_by_label("Trust policy").fill(json.dumps({"Version": "2012-10-17", "Statement": statement}))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".toast").last).to_contain_text("Saved.")
    assert sts.assume_role(RoleArn=role_arn, RoleSessionName="session")["Credentials"]["SessionToken"]
    page.get_by_label("Attach a policy").select_option(label="AmazonS3ReadOnlyAccess")
    expect(page.get_by_role("button", name="Detach AmazonS3ReadOnlyAccess")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text(f"Role {role} is deleted.")).to_be_visible()

    go(page, "identities", "providers")
    page.get_by_role("button", name="Add provider").first.click()
    dialog.get_by_label("Issuer").fill("no address")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("Invalid Open ID Connect Provider URL")
    dialog.get_by_label("Issuer").fill(f"https://{name}.example.com/<b>")
    dialog.get_by_label("Client ids").fill("one\ntwo")
    dialog.get_by_role("button", name="Create", exact=True).click()
    row = page.get_by_role("row").filter(has_text=f"https://{name}.example.com/<b>")
    expect(row).to_contain_text("one, two")
    row.get_by_role("button", name="Delete provider").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(row).to_be_hidden()

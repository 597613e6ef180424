"""Condition keys that operations and documents tell, not headers alone: of conditional writes, locks, places, lists."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.harness.server import Server
from tests.identity.conftest import DENIED, Client, admin, new_name, policy, refused


def test_conditional_writes_are_enforced(main: Any, alt: Any, bucket: str) -> None:
    put = {"Principal": {"AWS": "*"}, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    unconditional = {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}
    main.put_bucket_policy(Bucket=bucket, Policy=policy(put, {**put, "Effect": "Deny", "Condition": unconditional}))
    named = {"Bucket": bucket, "Key": "k"}
    assert refused(alt.put_object, **named, Body=b"x") == DENIED
    upload = alt.create_multipart_upload(**named)["UploadId"]
    part = alt.upload_part(**named, UploadId=upload, PartNumber=1, Body=b"x")
    complete = {**named, "UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}}
    assert refused(alt.complete_multipart_upload, **complete) == DENIED
    alt.complete_multipart_upload(**complete, IfNoneMatch="*")
    assert refused(alt.put_object, **named, Body=b"y", IfNoneMatch="*") == (412, "PreconditionFailed")


def test_conditions_on_what_documents_say(main: Any, alt: Any, client: Client, compat: Server) -> None:
    locked = {"Bucket": new_name("locked"), "Key": "k"}
    main.create_bucket(Bucket=locked["Bucket"], ObjectLockEnabledForBucket=True)
    every = {"Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": f"arn:aws:s3:::{locked['Bucket']}/*"}
    too_long = {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}}
    for_good = {"StringEquals": {"s3:object-lock-mode": "COMPLIANCE"}}
    held = {"StringEquals": {"s3:object-lock-legal-hold": "ON"}}
    denied = [{**every, "Effect": "Deny", "Condition": one} for one in (too_long, for_good, held)]
    main.put_bucket_policy(Bucket=locked["Bucket"], Policy=policy(every, *denied))
    now = datetime.now(UTC)
    short, long = now + timedelta(days=10), now + timedelta(days=10, minutes=5)
    for mode, until, outcome in (
        ("GOVERNANCE", short, None),
        ("GOVERNANCE", long, DENIED),
        ("COMPLIANCE", short, DENIED),
    ):
        given = {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until}
        assert refused(alt.put_object, **locked, Body=b"x", **given) == outcome
        retention = {"Mode": mode, "RetainUntilDate": until}
        assert refused(alt.put_object_retention, **locked, Retention=retention) == outcome
    assert refused(alt.put_object_legal_hold, **locked, LegalHold={"Status": "ON"}) == DENIED
    assert refused(alt.put_object_legal_hold, **locked, LegalHold={"Status": "OFF"}) is None

    name, key = new_name("placed"), ("PLACEDPLACEDPLACEDPL", "placed-secret-0123456789")
    elsewhere = {"StringNotEqualsIfExists": {"s3:LocationConstraint": "eu-west-1"}}
    admin(compat, "POST", "/users", {"name": name, "access_key": key[0], "secret_key": key[1]})
    every, making = {"Action": "s3:*", "Resource": "*"}, {"Action": "s3:CreateBucket", "Resource": "*"}
    document = policy(every, {**making, "Effect": "Deny", "Condition": elsewhere})
    admin(compat, "PUT", f"/users/{name}/policies/p", {"document": document})
    placing = client("s3", key)
    for region, outcome in (("eu-west-1", None), ("eu-central-1", DENIED)):
        place = {"LocationConstraint": region}
        assert refused(placing.create_bucket, Bucket=new_name("placed"), CreateBucketConfiguration=place) == outcome


def test_fields_of_inventories_that_a_policy_allows(main: Any, alt: Any, bucket: str) -> None:
    allowed = {"ForAllValues:StringEquals": {"s3:InventoryAccessibleOptionalFields": ["Size", "ETag"]}}
    main.put_bucket_policy(Bucket=bucket, Policy=policy({
        "Principal": {"AWS": "*"}, "Action": "s3:PutInventoryConfiguration", "Resource": f"arn:aws:s3:::{bucket}",
        "Condition": allowed}))  # fmt: skip
    for fields, outcome in ((["Size"], None), (["Size", "ObjectOwner"], DENIED)):
        wanted = {
            "Id": "i", "IsEnabled": False, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Weekly"},
            "Destination": {"S3BucketDestination": {"Bucket": f"arn:aws:s3:::{bucket}", "Format": "CSV"}},
            "OptionalFields": fields,
        }  # fmt: skip
        call = {"Bucket": bucket, "Id": "i", "InventoryConfiguration": wanted}
        assert refused(alt.put_bucket_inventory_configuration, **call) == outcome

"""Condition keys that operations and documents tell, not headers alone: of conditional writes, locks, places, lists."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.harness.server import Server
from tests.identity.conftest import DENIED, Client, admin, new_name, policy, refused

FAILED = (412, "PreconditionFailed")


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
    assert refused(alt.put_object, **named, Body=b"y", IfNoneMatch="*") == FAILED


def test_conditional_deletes_are_enforced(main: Any, alt: Any, bucket: str) -> None:
    every = {"Principal": {"AWS": "*"}, "Resource": f"arn:aws:s3:::{bucket}/*"}
    deletes = {**every, "Action": "s3:DeleteObject", "Condition": {"Null": {"s3:if-match": "false"}}}
    main.put_bucket_policy(Bucket=bucket, Policy=policy(deletes, {**every, "Action": "s3:GetObject"}))
    tags = {key: main.put_object(Bucket=bucket, Key=key, Body=b"x")["ETag"] for key in "abc"}
    assert refused(alt.delete_object, Bucket=bucket, Key="a") == DENIED
    assert refused(alt.delete_object, Bucket=bucket, Key="a", IfMatch='"0"') == FAILED
    alt.delete_object(Bucket=bucket, Key="a", IfMatch=tags["a"])

    def claim(params: dict[str, Any], **_: Any) -> None:
        params["headers"]["If-Match"] = "*"  # of the request as a whole: no condition on any of its keys

    alt.meta.events.register("before-call.s3.DeleteObjects", claim)
    try:
        entries = [{"Key": "b"}, {"Key": "c", "ETag": tags["c"]}]
        answer = alt.delete_objects(Bucket=bucket, Delete={"Objects": entries})
    finally:
        alt.meta.events.unregister("before-call.s3.DeleteObjects", claim)
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("b", "AccessDenied")]
    assert [one["Key"] for one in main.list_objects_v2(Bucket=bucket)["Contents"]] == ["b"]


def test_who_asks_what_is_there_has_to_be_let_read_it(main: Any, alt: Any, bucket: str) -> None:
    every = {"Principal": {"AWS": "*"}, "Resource": f"arn:aws:s3:::{bucket}/*"}
    writes = {**every, "Action": ["s3:PutObject", "s3:DeleteObject"]}
    main.put_bucket_policy(Bucket=bucket, Policy=policy(writes))
    named = {"Bucket": bucket, "Key": "k"}
    tag = main.put_object(**named, Body=b"x")["ETag"]
    for guess in (tag, '"0"'):
        assert refused(alt.put_object, **named, Body=b"y", IfMatch=guess) == DENIED
        assert refused(alt.delete_object, **named, IfMatch=guess) == DENIED
        many = alt.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "ETag": guess}]})
        assert many["Errors"][0]["Code"] == "AccessDenied"
    assert refused(alt.delete_object, **named, IfMatchSize=1) == DENIED
    assert refused(alt.put_object, **named, Body=b"y", IfNoneMatch="*") == FAILED
    alt.put_object(**named, Body=b"y", IfMatch="*")
    main.put_bucket_policy(Bucket=bucket, Policy=policy(writes, {**every, "Action": "s3:GetObject"}))
    alt.put_object(**named, Body=b"z", IfMatch=main.put_object(**named, Body=b"y")["ETag"])


def test_a_form_has_no_conditions(compat: Server, main: Any, bucket: str) -> None:
    put = {"Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    unconditional = {**put, "Effect": "Deny", "Condition": {"Null": {"s3:if-none-match": "true"}}}
    for statements, status in (([put], 204), ([put, unconditional], 403)):
        main.put_bucket_policy(Bucket=bucket, Policy=policy(*statements))
        form = {"key": (None, "k"), "file": (None, b"x")}
        sent = httpx.post(f"{compat.endpoint}/{bucket}", files=form, headers={"if-none-match": "*"})
        assert sent.status_code == status


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

"""Who gets at a bucket and its objects: policy, ACL, public access block, ownership."""

import json
from typing import Any

import httpx

from tests.harness.server import Server
from tests.identity.conftest import (
    ALT,
    DENIED,
    KEYS,
    MAIN,
    Client,
    admin,
    audit_lines,
    command,
    new_name,
    policy,
    refused,
)

EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


def open_to(bucket: str, principal: Any, *actions: str, **more: Any) -> str:
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    return policy({"Principal": principal, "Action": list(actions), "Resource": resources, **more})


def test_buckets_have_owners(main: Any, alt: Any, nobody: Any, bucket: str) -> None:
    assert refused(alt.create_bucket, Bucket=bucket) == (409, "BucketAlreadyExists")
    main.put_object(Bucket=bucket, Key="kept", Body=b"x")
    main.create_bucket(Bucket=bucket)
    assert main.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"x"
    assert bucket in [one["Name"] for one in main.list_buckets()["Buckets"]]
    assert bucket not in [one["Name"] for one in alt.list_buckets()["Buckets"]]
    assert main.list_buckets()["Owner"] == {"ID": MAIN, "DisplayName": "Main One"}
    for call in (alt.list_objects_v2, alt.get_bucket_acl, alt.delete_bucket, alt.get_bucket_location, alt.head_bucket):
        assert refused(call, Bucket=bucket)[0] == 403
    assert refused(nobody.list_objects_v2, Bucket=bucket) == DENIED
    assert nobody.list_buckets()["Buckets"] == []
    assert main.list_objects(Bucket=bucket)["Contents"][0]["Owner"]["ID"] == MAIN


def test_locations_are_echoed(main: Any) -> None:
    name = new_name("far")
    main.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert main.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    unknown = {"LocationConstraint": "nowhere-1"}
    outcome = refused(main.create_bucket, Bucket=new_name("far"), CreateBucketConfiguration=unknown)
    assert outcome == (400, "InvalidLocationConstraint")


def test_a_policy(main: Any, alt: Any, nobody: Any, bucket: str) -> None:
    main.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert refused(main.get_bucket_policy, Bucket=bucket) == (404, "NoSuchBucketPolicy")
    text = open_to(bucket, "*", "s3:GetObject")
    main.put_bucket_policy(Bucket=bucket, Policy=text)
    assert main.get_bucket_policy(Bucket=bucket)["Policy"] == text
    assert main.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    for one in (alt, nobody):
        assert one.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
        assert refused(one.get_object, Bucket=bucket, Key="absent") == DENIED
        assert refused(one.list_objects_v2, Bucket=bucket) == DENIED
        assert refused(one.put_object, Bucket=bucket, Key="k", Body=b"y") == DENIED
    main.put_bucket_policy(Bucket=bucket, Policy=open_to(bucket, "*", "s3:GetObject", "s3:ListBucket"))
    assert refused(alt.get_object, Bucket=bucket, Key="absent") == (404, "NoSuchKey")
    main.delete_bucket_policy(Bucket=bucket)
    assert refused(nobody.get_object, Bucket=bucket, Key="k") == DENIED


def test_a_policy_that_is_none(main: Any, bucket: str) -> None:
    for text in ("{", open_to("another", "*", "s3:GetObject"), open_to(bucket, "*", "s3:Nothing")):
        assert refused(main.put_bucket_policy, Bucket=bucket, Policy=text) == (400, "MalformedPolicy")
    long = open_to(bucket, "*", "s3:GetObject", Sid="x" * 20_480)
    assert refused(main.put_bucket_policy, Bucket=bucket, Policy=long) == (400, "MalformedPolicy")


def test_owners_are_denied_too_and_can_change_it(main: Any, bucket: str) -> None:
    closed = open_to(bucket, "*", "s3:PutObject", Effect="Deny")
    main.put_bucket_policy(Bucket=bucket, Policy=closed)
    assert refused(main.put_object, Bucket=bucket, Key="k", Body=b"x") == DENIED
    assert refused(main.create_multipart_upload, Bucket=bucket, Key="k") == DENIED
    main.delete_bucket_policy(Bucket=bucket)
    main.put_object(Bucket=bucket, Key="k", Body=b"x")


def test_who_would_lock_themselves_out_has_to_say_so(client: Client, main: Any, bucket: str) -> None:
    shut = open_to(bucket, "*", "s3:*", Effect="Deny")
    main.put_bucket_policy(Bucket=bucket, Policy=shut)
    assert refused(main.list_objects_v2, Bucket=bucket) == DENIED
    main.put_bucket_policy(Bucket=bucket, Policy=shut, ConfirmRemoveSelfBucketAccess=True)
    for call in (main.delete_bucket_policy, main.get_bucket_policy):
        assert refused(call, Bucket=bucket) == DENIED
    iam, root, name = client("iam", "root1"), client("s3", "root1"), new_name("roots")
    root.create_bucket(Bucket=name)
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user, shut = client("s3", (key["AccessKeyId"], key["SecretAccessKey"])), open_to(name, "*", "s3:*", Effect="Deny")
    assert refused(user.put_bucket_policy, Bucket=name, Policy=shut) == DENIED
    user.put_bucket_policy(Bucket=name, Policy=open_to(name, "*", "s3:*"))
    root.put_bucket_policy(Bucket=name, Policy=shut)
    assert refused(user.get_bucket_policy, Bucket=name) == refused(root.list_objects_v2, Bucket=name) == DENIED
    root.delete_bucket_policy(Bucket=name)


CONDITIONS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"StringLike": {"s3:x-amz-acl": "public*"}}, {"ACL": "public-read"}, True),
    ({"StringLike": {"s3:x-amz-acl": "public*"}}, {"ACL": "private"}, False),
    ({"StringLike": {"s3:x-amz-acl": "public*"}}, {}, False),
    ({"StringEquals": {"s3:x-amz-grant-full-control": f"id={MAIN}"}}, {"GrantFullControl": f"id={MAIN}"}, True),
    ({"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}}, {}, False),
    ({"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}}, {"ServerSideEncryption": "AES256"}, True),
    ({"StringEquals": {"s3:RequestObjectTag/security": "public"}}, {"Tagging": "security=public"}, True),
    ({"StringEquals": {"s3:RequestObjectTag/security": "public"}}, {"Tagging": "security=private"}, False),
    ({"StringEquals": {"s3:RequestObjectTag/security": "public"}}, {"Tagging": "Security=public"}, False),
    ({"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}, {"StorageClass": "STANDARD_IA"}, True),
    ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, {}, True),
    ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {}, False),
    ({"Bool": {"aws:SecureTransport": "true"}}, {}, False),
    ({"StringEquals": {"aws:PrincipalType": "User"}}, {}, True),
    ({"StringEquals": {"aws:username": ALT}}, {}, True),
    ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, {}, True),
    ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, {}, False),
    ({"Null": {"s3:x-amz-acl": "true"}}, {}, True),
    ({"StringNotEqualsIfExists": {"s3:x-amz-acl": "private"}}, {}, True),
    ({"StringEquals": {"s3:authType": "REST-HEADER"}}, {}, True),
]


def test_conditions_of_requests(main: Any, alt: Any, bucket: str) -> None:
    for condition, fields, outcome in CONDITIONS:
        text = open_to(bucket, {"AWS": f"arn:aws:iam:::user/{ALT}"}, "s3:PutObject", Condition=condition)
        main.put_bucket_policy(Bucket=bucket, Policy=text)
        found = refused(alt.put_object, Bucket=bucket, Key="k", Body=b"x", **fields)
        assert (found is None) is outcome, (condition, fields)


def test_conditions_on_lists_tags_and_sources(main: Any, alt: Any, bucket: str) -> None:
    main.put_object(Bucket=bucket, Key="open", Body=b"x", Tagging="security=public")
    main.put_object(Bucket=bucket, Key="closed", Body=b"x", Tagging="security=private")
    main.put_object(Bucket=bucket, Key="bare", Body=b"x")
    tagged = {"StringEquals": {"s3:ExistingObjectTag/security": "public"}}
    main.put_bucket_policy(Bucket=bucket, Policy=open_to(bucket, "*", "s3:GetObject", Condition=tagged))
    assert [refused(alt.get_object, Bucket=bucket, Key=key) for key in ("open", "closed", "bare")] == [
        None, DENIED, DENIED,
    ]  # fmt: skip
    prefix = {"StringEquals": {"s3:prefix": "home/"}}
    main.put_bucket_policy(Bucket=bucket, Policy=open_to(bucket, "*", "s3:ListBucket", Condition=prefix))
    assert refused(alt.list_objects_v2, Bucket=bucket, Prefix="home/") is None
    assert refused(alt.list_objects_v2, Bucket=bucket) == DENIED
    source = {"StringLike": {"s3:x-amz-copy-source": f"{bucket}/op*"}}
    text = policy(
        {"Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*", "Condition": source},
        {"Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
    )
    main.put_bucket_policy(Bucket=bucket, Policy=text)
    copy = {"Bucket": bucket, "Key": "copy"}
    assert refused(alt.copy_object, **copy, CopySource=f"{bucket}/open") is None
    assert refused(alt.copy_object, **copy, CopySource=f"{bucket}/closed") == DENIED


def test_the_source_of_a_copy_has_to_be_readable(main: Any, alt: Any, bucket: str) -> None:
    main.put_object(Bucket=bucket, Key="secret", Body=b"x")
    mine = new_name("thief")
    alt.create_bucket(Bucket=mine)
    assert refused(alt.copy_object, Bucket=mine, Key="k", CopySource=f"{bucket}/secret") == DENIED
    upload = alt.create_multipart_upload(Bucket=mine, Key="k")["UploadId"]
    part = {"Bucket": mine, "Key": "k", "UploadId": upload, "PartNumber": 1}
    assert refused(alt.upload_part_copy, **part, CopySource=f"{bucket}/secret") == DENIED
    assert refused(alt.upload_part_copy, **part, CopySource=f"{bucket}/secret?versionId=null") == DENIED
    main.put_object_acl(Bucket=bucket, Key="secret", ACL="public-read")
    assert refused(alt.copy_object, Bucket=mine, Key="k", CopySource=f"{bucket}/secret") is None
    grants = alt.get_object_acl(Bucket=mine, Key="k")["Grants"]
    assert [(one["Grantee"]["ID"], one["Permission"]) for one in grants] == [(ALT, "FULL_CONTROL")]


def test_many_keys_are_asked_about_one_by_one(main: Any, alt: Any, bucket: str) -> None:
    for key in ("a", "b"):
        main.put_object(Bucket=bucket, Key=key, Body=b"x")
    text = policy({"Principal": "*", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/a"})
    main.put_bucket_policy(Bucket=bucket, Policy=text)
    answer = alt.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
    assert [one["Key"] for one in answer["Deleted"]] == ["a"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("b", "AccessDenied")]
    assert [one["Key"] for one in main.list_objects(Bucket=bucket)["Contents"]] == ["b"]


def test_acls_of_buckets(main: Any, alt: Any, nobody: Any, bucket: str) -> None:
    main.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert refused(nobody.list_objects_v2, Bucket=bucket) is None
    assert refused(alt.put_object, Bucket=bucket, Key="k", Body=b"x") == DENIED
    main.put_bucket_acl(Bucket=bucket, GrantWrite=f'id="{ALT}"', GrantReadACP="emailAddress=alt@example.com")
    assert refused(alt.put_object, Bucket=bucket, Key="k", Body=b"x") is None
    assert refused(alt.list_objects_v2, Bucket=bucket) == DENIED
    # Who is not in the list does not get at the bytes, even the owner; the list itself stays theirs.
    assert refused(main.put_object, Bucket=bucket, Key="l", Body=b"x") == DENIED
    grants = {one["Permission"]: one["Grantee"] for one in alt.get_bucket_acl(Bucket=bucket)["Grants"]}
    assert grants["WRITE"] == {"ID": ALT, "DisplayName": "alt.two", "Type": "CanonicalUser"}
    main.put_bucket_acl(Bucket=bucket, ACL="private")
    for fields, outcome in (
        ({"GrantRead": "id=nobody-at-all"}, (400, "InvalidArgument")),
        ({"GrantRead": "emailAddress=nobody@example.com"}, (400, "UnresolvableGrantByEmailAddress")),
        ({"GrantRead": "uri=http://example.com/"}, (400, "InvalidArgument")),
        ({"GrantRead": "nonsense"}, (400, "InvalidArgument")),
        ({"ACL": "public-read", "GrantRead": f"id={ALT}"}, (400, "InvalidRequest")),
        ({"AccessControlPolicy": {"Owner": {"ID": ALT}, "Grants": []}}, DENIED),
    ):
        assert refused(main.put_bucket_acl, Bucket=bucket, **fields) == outcome


def test_acls_of_objects(main: Any, alt: Any, nobody: Any, bucket: str) -> None:
    main.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    main.put_object(Bucket=bucket, Key="open", Body=b"x", ACL="public-read")
    main.put_object(Bucket=bucket, Key="closed", Body=b"x")
    assert refused(nobody.get_object, Bucket=bucket, Key="open") is None
    assert refused(nobody.get_object, Bucket=bucket, Key="closed") == DENIED
    assert refused(nobody.get_object, Bucket=bucket, Key="absent") == (404, "NoSuchKey")
    # What somebody else has put there is theirs, until they give it to the owner.
    alt.put_object(Bucket=bucket, Key="theirs", Body=b"x")
    assert refused(main.get_object, Bucket=bucket, Key="theirs") == DENIED
    assert refused(main.get_object_acl, Bucket=bucket, Key="theirs") == DENIED
    alt.put_object_acl(Bucket=bucket, Key="theirs", ACL="bucket-owner-full-control")
    assert refused(main.get_object, Bucket=bucket, Key="theirs") is None
    assert main.get_object_acl(Bucket=bucket, Key="theirs")["Owner"]["ID"] == ALT
    main.delete_object(Bucket=bucket, Key="theirs")
    upload = alt.create_multipart_upload(Bucket=bucket, Key="parts", ACL="public-read")["UploadId"]
    part = alt.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    assert alt.list_parts(Bucket=bucket, Key="parts", UploadId=upload)["Owner"]["ID"] == ALT
    done = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    alt.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload=done)
    assert {one["Permission"] for one in alt.get_object_acl(Bucket=bucket, Key="parts")["Grants"]} == {
        "READ", "FULL_CONTROL",
    }  # fmt: skip
    nobody.put_object(Bucket=bucket, Key="of-nobody", Body=b"x")
    assert refused(nobody.get_object, Bucket=bucket, Key="of-nobody") == DENIED


def test_public_access_block(main: Any, nobody: Any, bucket: str) -> None:
    get = {"Bucket": bucket}
    assert refused(main.get_public_access_block, **get) == (404, "NoSuchPublicAccessBlockConfiguration")
    main.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")

    def block(**fields: bool) -> None:
        main.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=fields)

    block(BlockPublicAcls=True)
    assert main.get_public_access_block(**get)["PublicAccessBlockConfiguration"]["BlockPublicAcls"]
    assert refused(main.put_bucket_acl, **get, ACL="public-read") == DENIED
    assert refused(main.put_object, **get, Key="l", Body=b"x", ACL="public-read") == DENIED
    assert refused(nobody.get_object, **get, Key="k") is None
    block(IgnorePublicAcls=True)
    assert refused(nobody.get_object, **get, Key="k") == DENIED
    block(BlockPublicPolicy=True)
    assert refused(main.put_bucket_policy, **get, Policy=open_to(bucket, "*", "s3:GetObject")) == DENIED
    block()
    main.put_bucket_policy(**get, Policy=open_to(bucket, "*", "s3:ListBucket"))
    assert refused(nobody.list_objects_v2, **get) is None
    block(RestrictPublicBuckets=True)
    assert refused(nobody.list_objects_v2, **get) == DENIED
    main.delete_public_access_block(**get)
    assert refused(nobody.list_objects_v2, **get) is None


def test_whether_a_key_is_there_is_told_to_who_may_list_it(main: Any, alt: Any, bucket: str) -> None:
    condition = {"StringLike": {"s3:prefix": "public/*"}}
    one = {"Principal": {"AWS": "*"}, "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}
    main.put_bucket_policy(Bucket=bucket, Policy=policy({**one, "Condition": condition}))
    assert refused(alt.head_object, Bucket=bucket, Key="public/absent") == (404, "404")
    assert refused(alt.get_object, Bucket=bucket, Key="public/absent") == (404, "NoSuchKey")
    assert refused(alt.head_object, Bucket=bucket, Key="private/absent") == (403, "403")
    main.put_object(Bucket=bucket, Key="public/there", Body=b"x")
    assert refused(alt.head_object, Bucket=bucket, Key="public/there") == (403, "403")


def test_object_ownership(main: Any, alt: Any, bucket: str) -> None:
    get = {"Bucket": bucket}
    assert refused(main.get_bucket_ownership_controls, **get) == (404, "OwnershipControlsNotFoundError")
    main.put_bucket_acl(**get, ACL="public-read-write")

    def own(value: str) -> Any:
        controls = {"Rules": [{"ObjectOwnership": value}]}
        return refused(main.put_bucket_ownership_controls, **get, OwnershipControls=controls)

    assert own("BucketOwnerEnforced") == (400, "InvalidBucketAclWithObjectOwnership")
    assert own("BucketOwnerPreferred") is None
    alt.put_object(**get, Key="given", Body=b"x", ACL="bucket-owner-full-control")
    assert main.get_object_acl(**get, Key="given")["Owner"]["ID"] == MAIN
    main.put_bucket_acl(**get, ACL="private")
    assert own("BucketOwnerEnforced") is None
    assert refused(main.put_bucket_acl, **get, ACL="public-read") == (400, "AccessControlListNotSupported")
    assert refused(main.put_object, **get, Key="k", ACL="public-read") == (400, "AccessControlListNotSupported")
    main.put_object(**get, Key="k", Body=b"x", ACL="bucket-owner-full-control")
    for call, more in (
        (main.put_object, {"Key": "k"}), (main.create_multipart_upload, {"Key": "k"}), (main.put_bucket_acl, {}),
        (main.copy_object, {"Key": "l", "CopySource": f"{bucket}/k"}), (main.put_object_acl, {"Key": "k"}),
    ):  # fmt: skip
        assert refused(call, **get, **more, ACL="private") == (400, "AccessControlListNotSupported"), call
    main.delete_bucket_ownership_controls(**get)
    assert refused(main.put_bucket_acl, **get, ACL="public-read") is None


def test_an_operator_s_commands(compat: Server, client: Client) -> None:
    name = new_name("cli")
    made = command(compat, "user", "add", name, "--policy=AmazonS3ReadOnlyAccess")
    s3 = client("s3", (made["access_key"], made["secret_key"]))
    assert refused(s3.list_buckets) is None
    assert refused(s3.create_bucket, Bucket=new_name("not")) == DENIED
    assert name in json.dumps(command(compat, "user", "ls"))
    command(compat, "key", "set", made["access_key"], "--off")
    assert refused(s3.list_buckets) == (403, "InvalidAccessKeyId")
    admin(compat, "PATCH", f"/keys/{made['access_key']}", {"active": True, "expires": 1.0})
    assert refused(s3.list_buckets) == (403, "InvalidAccessKeyId")
    admin(compat, "PATCH", f"/keys/{made['access_key']}", {"expires": 0})
    assert refused(s3.list_buckets) is None
    another = admin(compat, "POST", f"/users/{name}/keys", {})
    assert refused(client("s3", (another["access_key"], another["secret_key"])).list_buckets) is None
    assert admin(compat, "POST", "/reseal?everything=true")["resealed"] >= len(KEYS)
    assert refused(s3.list_buckets) is None
    admin(compat, "DELETE", f"/users/{name}")
    assert refused(s3.list_buckets) == (403, "InvalidAccessKeyId")
    admin(compat, "POST", "/users", {"access_key": KEYS["main"][0]}, outcome=409)
    admin(compat, "POST", "/users", {"canonical_id": MAIN}, outcome=409)
    admin(compat, "POST", "/users", {"policies": ["Nothing"]}, outcome=400)
    admin(compat, "DELETE", "/accounts/default", outcome=400)
    for who in ("main", "root1"):
        assert compat.admin("GET", "/users", secret_key=KEYS[who][1]).status_code == 403


def test_the_audit_log(compat: Server, main: Any, nobody: Any, bucket: str) -> None:
    key = 'line\nend"} {"x":1'
    main.put_object(Bucket=bucket, Key=key, Body=b"x")
    refused(nobody.get_object, Bucket=bucket, Key=key)
    httpx.get(main.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}))
    for _ in range(1000):
        if len([one for one in audit_lines(compat) if one["bucket"] == bucket]) >= 4:
            break
        httpx.get(compat.endpoint + "/-/health/live")
    # Each gateway writes for itself.
    found = sorted((one for one in audit_lines(compat) if one["bucket"] == bucket), key=lambda one: str(one["time"]))
    assert [(one["operation"], one["status"], one["allowed"], one["error"]) for one in found[1:4]] == [
        ("PutObject", 200, True, ""),
        ("GetObject", 403, False, "AccessDenied"),
        ("GetObject", 200, True, ""),
    ]
    assert found[1]["principal"] == f"arn:aws:iam:::user/{MAIN}"
    assert found[1]["key"] == key
    assert found[2]["principal"] == ""
    text = (compat.directory / "audit.jsonl").read_text()
    assert not any(secret in text for _, secret in KEYS.values())
    assert "X-Amz-Signature" not in text
    assert (compat.directory / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_no_secret_is_written_anywhere(compat: Server) -> None:
    for path in (compat.log, *(compat.data / "run").rglob("*.json")):
        text = path.read_text()
        assert not any(secret in text for _, secret in KEYS.values())


def test_listings_say_whose_each_object_is(main: Any, alt: Any) -> None:
    name = new_name("owned")
    main.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    main.delete_public_access_block(Bucket=name)
    main.put_bucket_acl(Bucket=name, ACL="public-read-write")
    main.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for who, key in ((main, "mine"), (alt, "theirs"), (main, "theirs")):
        who.put_object(Bucket=name, Key=key, Body=b"x")
    theirs, mine = {"ID": ALT, "DisplayName": "alt.two"}, {"ID": MAIN, "DisplayName": "Main One"}
    for client in (main, alt):
        found = client.list_objects(Bucket=name)["Contents"]
        assert [one["Owner"] for one in found] == [mine, mine]
        versions = client.list_object_versions(Bucket=name)["Versions"]
        assert [(one["Key"], one["Owner"]["ID"]) for one in versions] == [
            ("mine", MAIN), ("theirs", MAIN), ("theirs", ALT),
        ]  # fmt: skip
    alt.put_object(Bucket=name, Key="theirs", Body=b"y")
    found = main.list_objects_v2(Bucket=name, FetchOwner=True)["Contents"]
    assert [one["Owner"] for one in found] == [mine, theirs]
    assert "Owner" not in main.list_objects_v2(Bucket=name)["Contents"][0]
    assert alt.get_object_acl(Bucket=name, Key="theirs")["Owner"]["ID"] == ALT

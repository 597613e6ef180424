"""Users and their access keys."""

from datetime import UTC, datetime

from objstore.api.auth.keyring import secret_context
from objstore.api.iam.ask import (
    Changed,
    IamAsk,
    Values,
    below,
    new_entity,
    new_id,
    page,
    renamed,
    tag_list,
    tags_given,
)
from objstore.identity.directory import Directory
from objstore.identity.entity import Entity, Kind
from objstore.identity.sealing import Sealer
from objstore.model import clock
from objstore.model.identity_errors import DeleteConflict, LimitExceeded, NoSuchEntity

KEYS_MAX = 2


def user_values(directory: Directory, user: Entity) -> Values:
    """The ``User`` structure."""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": directory.arn(user),
        "CreateDate": user.created,
        "PermissionsBoundary": _boundary(user),
        "Tags": tag_list(user),
    }


def _boundary(entity: Entity) -> Values | None:
    arn = entity.body.get("boundary")
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn} if arn else None


async def create_user(ask: IamAsk) -> Values:
    """CreateUser."""

    def work(directory: Directory) -> Changed:
        user = new_entity(
            directory, Kind.USER, ask.account, ask.given["UserName"], path=ask.given.get("Path", "/"),
            tags=tags_given(ask.given), boundary=ask.given.get("PermissionsBoundary"),
        )  # fmt: skip
        user = user.having()
        directory_after = user_values(directory, user)
        return {"User": directory_after}, [user]

    return await ask.desk.change(work)


async def get_user(ask: IamAsk) -> Values:
    """GetUser: without a name, who asks; the root of an account has an ARN of its own."""
    if "UserName" in ask.given:
        return {"User": user_values(ask.directory, ask.find(Kind.USER, "UserName"))}
    principal = ask.principal
    user = ask.directory.get(principal.unique_id)
    if principal.kind == "user" and user is not None:
        return {"User": user_values(ask.directory, user)}
    account = ask.directory.get(principal.internal_account)
    created = account.created if account else datetime.fromtimestamp(0, UTC)
    name = account.name if account else ask.directory.display_name
    return {
        "User": {
            "Path": "/",
            "UserName": name,
            "UserId": principal.account,
            "Arn": principal.arn,
            "CreateDate": created,
        }
    }


async def list_users(ask: IamAsk) -> Values:
    """ListUsers."""
    users = below(ask.given, ask.directory.of(Kind.USER, ask.account))
    return page(ask.given, users, "Users", lambda user: user_values(ask.directory, user) | {"Tags": None})


async def update_user(ask: IamAsk) -> Values:
    """UpdateUser: another name or path."""

    def work(directory: Directory) -> Changed:
        user = ask.find(Kind.USER, "UserName", directory)
        return {}, [renamed(directory, user, ask.given.get("NewUserName"), ask.given.get("NewPath"))]

    return await ask.desk.change(work)


async def delete_user(ask: IamAsk) -> Values:
    """DeleteUser: nothing may hang on it any more."""

    def work(directory: Directory) -> Changed:
        user = ask.find(Kind.USER, "UserName", directory)
        if user.body.get("attached"):
            raise DeleteConflict("Cannot delete entity, must detach all policies first.")
        if user.body.get("inline"):
            raise DeleteConflict("Cannot delete entity, must delete policies first.")
        if user.body.get("groups"):
            raise DeleteConflict("Cannot delete entity, must remove users from group first.")
        if directory.keys_of(user.id):
            raise DeleteConflict("Cannot delete entity, must delete access keys first.")
        return {}, [user.deleted()]

    return await ask.desk.change(work)


async def tag_user(ask: IamAsk) -> Values:
    """TagUser."""

    def work(directory: Directory) -> Changed:
        user = ask.find(Kind.USER, "UserName", directory)
        return {}, [user.having(tags={**user.body.get("tags", {}), **(tags_given(ask.given) or {})})]

    return await ask.desk.change(work)


async def untag_user(ask: IamAsk) -> Values:
    """UntagUser."""

    def work(directory: Directory) -> Changed:
        user = ask.find(Kind.USER, "UserName", directory)
        gone = set(ask.given["TagKeys"])
        left = {name: value for name, value in user.body.get("tags", {}).items() if name not in gone}
        return {}, [user.having(tags=left or None)]

    return await ask.desk.change(work)


async def list_user_tags(ask: IamAsk) -> Values:
    """ListUserTags."""
    return page(ask.given, tag_list(ask.find(Kind.USER, "UserName")) or [], "Tags", lambda tag: tag)


def holder_of(ask: IamAsk, directory: Directory) -> tuple[str, str]:
    """Id and name of whose keys are meant: the user that is named, or who asks. Raises NoSuchEntity."""
    if "UserName" in ask.given:
        user = ask.find(Kind.USER, "UserName", directory)
        return user.id, user.name
    if ask.principal.kind == "root":
        return ask.account, ""
    user_id = ask.principal.unique_id
    return user_id, ask.principal.name


def sealed_key(
    sealer: Sealer, holder: str, account: str, access_key: str, secret_key: str, expires: float | None = None
) -> Entity:
    """An access key, its secret sealed."""
    body = {"user": holder, "active": True} | ({"expires": expires} if expires else {})
    key = Entity(access_key, Kind.KEY, account, access_key, clock.now().replace(microsecond=0), body)
    return key.sealed(sealer.seal(secret_key.encode(), secret_context(key)))


def new_secret() -> str:
    """A random secret, 40 characters."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return "".join(alphabet[byte & 63] for byte in clock.random_bytes(40))


async def create_access_key(ask: IamAsk) -> Values:
    """CreateAccessKey: the only time that the secret is told."""
    access_key, secret = new_id(Kind.KEY), new_secret()

    def work(directory: Directory) -> Changed:
        holder, name = holder_of(ask, directory)
        if len(directory.keys_of(holder)) >= KEYS_MAX:
            raise LimitExceeded(f"Cannot exceed quota for AccessKeysPerUser: {KEYS_MAX}")
        key = sealed_key(ask.desk.sealer, holder, ask.account, access_key, secret)
        return {"AccessKey": key_values(key, name) | {"SecretAccessKey": secret}}, [key]

    return await ask.desk.change(work)


def key_values(key: Entity, name: str) -> Values:
    """What is told of a key."""
    status = "Active" if key.body.get("active") else "Inactive"
    return {"UserName": name, "AccessKeyId": key.id, "Status": status, "CreateDate": key.created}


def _key(ask: IamAsk, directory: Directory) -> Entity:
    holder, _ = holder_of(ask, directory)
    key = directory.key(ask.given["AccessKeyId"])
    if key is None or key.account != ask.account or key.body["user"] != holder:
        raise NoSuchEntity(f"The Access Key with id {ask.given['AccessKeyId'][:128]} cannot be found.")
    return key


async def update_access_key(ask: IamAsk) -> Values:
    """UpdateAccessKey: active or not."""

    def work(directory: Directory) -> Changed:
        return {}, [_key(ask, directory).having(active=ask.given["Status"] == "Active")]

    return await ask.desk.change(work)


async def delete_access_key(ask: IamAsk) -> Values:
    """DeleteAccessKey."""
    return await ask.desk.change(lambda directory: ({}, [_key(ask, directory).deleted()]))


async def list_access_keys(ask: IamAsk) -> Values:
    """ListAccessKeys."""
    holder, name = holder_of(ask, ask.directory)
    return page(ask.given, ask.directory.keys_of(holder), "AccessKeyMetadata", lambda key: key_values(key, name))


async def get_access_key_last_used(ask: IamAsk) -> Values:
    """GetAccessKeyLastUsed: it is not kept."""
    key = ask.directory.key(ask.given["AccessKeyId"])
    if key is None or key.account != ask.account:
        raise NoSuchEntity(f"The Access Key with id {ask.given['AccessKeyId'][:128]} cannot be found.")
    user = ask.directory.get(key.body["user"])
    last = {"Region": "N/A", "ServiceName": "N/A"}
    return {"UserName": user.name if user else "", "AccessKeyLastUsed": last}

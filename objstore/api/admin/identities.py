"""Accounts, users and their keys, for the operator: what IAM cannot do is to say keys and canonical ids beforehand."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from objstore.api.admin.state import AdminState, admin_state
from objstore.api.auth.keyring import secret_context
from objstore.api.iam.ask import check_document, new_id
from objstore.api.iam.desk import Desk
from objstore.api.iam.users import new_secret, sealed_key
from objstore.identity.directory import Directory
from objstore.identity.entity import Entity, Kind, settings_id
from objstore.identity.managed import MANAGED
from objstore.model import clock
from objstore.model.errors import RequestError

router = APIRouter(tags=["identities"])
_ACCESS_KEY = r"^[A-Za-z0-9._+=@-]{3,128}$"
_CANONICAL = r"^[A-Za-z0-9._-]{1,128}$"
_NAME = r"^[\w+=,.@$-]{1,128}$"
_ID = re.compile(r"(\d{12}|[A-Za-z0-9]{16,64})\Z")
State = Annotated[AdminState, Depends(admin_state)]
Changed = tuple[Any, list[Entity]]


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid")

    access_key: str | None = Field(None, pattern=_ACCESS_KEY)
    secret_key: str | None = Field(None, min_length=8, max_length=256, repr=False)
    expires: float | None = Field(None, gt=0, description="Seconds since the epoch.")


class NewAccount(_Keys):
    """``id``: as ARNs have it; made if it is not given. Keys are its root user's."""

    name: str = Field(pattern=_NAME)
    id: str | None = Field(None, pattern=r"^[A-Za-z0-9]{1,64}$")
    canonical_id: str | None = Field(None, pattern=_CANONICAL)
    display_name: str | None = Field(None, max_length=256)
    email: str | None = Field(None, max_length=256)


class NewUser(_Keys):
    """``account``: id or name, the server's own if not given. ``canonical_id``: one who owns what they make.

    ``root``: the keys are the account's root user's. ``policies``: ARNs of managed policies, or their names.
    """

    name: str | None = Field(None, pattern=_NAME)
    account: str = ""
    canonical_id: str | None = Field(None, pattern=_CANONICAL)
    display_name: str | None = Field(None, max_length=256)
    email: str | None = Field(None, max_length=256)
    policies: list[str] = []
    root: bool = False


class NewKey(_Keys):
    """What is not given is made."""


class KeyChange(BaseModel):
    """What is null stays as it is; ``expires`` 0: never."""

    model_config = ConfigDict(extra="forbid")

    active: bool | None = None
    expires: float | None = Field(None, ge=0)


class InlinePolicy(BaseModel):
    """A policy document, as text."""

    model_config = ConfigDict(extra="forbid")

    document: str


async def _change(desk: Desk, work: Any) -> Any:
    try:
        return await desk.change(work)
    except RequestError as error:
        raise _refusal(400, str(error), error.code) from None


def _refusal(status: int, message: str, code: str = "InvalidRequest") -> HTTPException:
    return HTTPException(status, f"{message} ({code})")


def account_named(directory: Directory, named: str) -> str:
    """The account's key in the directory, by its id or name. Raises HTTPException (404)."""
    if named in ("", "default", directory.account_id):
        return ""
    found = directory.get(named)
    if found is None or found.kind is not Kind.ACCOUNT:
        found = directory.named(Kind.ACCOUNT, "", named)
    if found is None:
        raise _refusal(404, f"there is no account {named}")
    return found.id


def _user(directory: Directory, name: str, account: str) -> Entity:
    found = directory.named(Kind.USER, account_named(directory, account), name)
    if found is None:
        raise _refusal(404, f"there is no user {name}")
    return found


def _free_key(directory: Directory, keys: _Keys) -> tuple[str, str]:
    access_key, secret = keys.access_key or new_id(Kind.KEY), keys.secret_key or new_secret()
    if directory.get(access_key) is not None:
        raise _refusal(409, f"the access key {access_key} is taken")
    return access_key, secret


def _check_owner(directory: Directory, canonical: str | None, email: str | None, but: str = "") -> None:
    known = directory.owner(canonical) if canonical else None
    if known is not None and known.id != but:
        raise _refusal(409, f"the canonical id {canonical} is taken")
    if email and (other := directory.owner_by_email(email)) is not None and other.id != but:
        raise _refusal(409, f"the e-mail address {email} is taken")


@router.post("/accounts", status_code=201)
async def add_account(state: State, given: NewAccount) -> dict[str, Any]:
    """Make an account, and keys of its root user if they are given."""
    desk = state.desk

    def work(directory: Directory) -> Changed:
        made = given.id or (given.name if _ID.match(given.name) else f"{_twelve_digits()}")
        if (
            directory.account_of(made) is not None
            or directory.get(made)
            or directory.named(Kind.ACCOUNT, "", given.name)
        ):
            raise _refusal(409, f"the account {given.name} is there already")
        _check_owner(directory, given.canonical_id, given.email)
        body = {
            "canonical": given.canonical_id or made,
            "provisional": None if given.canonical_id else True,
            "display": given.display_name or given.name,
            "email": given.email,
        }
        account = Entity(made, Kind.ACCOUNT, "", given.name, clock.now().replace(microsecond=0)).having(**body)
        entities, answer = [account], _account_answer(account)
        if given.access_key or given.secret_key:
            access_key, secret = _free_key(directory, given)
            entities.append(sealed_key(desk.sealer, made, made, access_key, secret, given.expires))
            answer |= {"access_key": access_key, "secret_key": secret}
        return answer, entities

    return dict(await _change(desk, work))


def _twelve_digits() -> str:
    return f"{int.from_bytes(clock.random_bytes(8), 'big') % 10**12:012}"


def _account_answer(account: Entity) -> dict[str, Any]:
    body = account.body
    return {
        "id": account.id,
        "name": account.name,
        "canonical_id": body["canonical"],
        "display_name": body.get("display"),
        "email": body.get("email"),
    }


@router.get("/accounts")
async def list_accounts(state: State) -> dict[str, Any]:
    """All accounts; the server's own goes first."""
    directory = state.desk.directory
    own = {"id": directory.account_id, "name": "default", "canonical_id": directory.owner_id,
           "display_name": directory.display_name, "email": None}  # fmt: skip
    return {"accounts": [own, *map(_account_answer, directory.of(Kind.ACCOUNT, ""))]}


@router.delete("/accounts/{name}", status_code=204)
async def remove_account(state: State, name: str) -> None:
    """Remove an account that has no users, groups, roles and policies; its root's keys go with it."""

    def work(directory: Directory) -> Changed:
        id_ = account_named(directory, name)
        account = directory.get(id_)
        if account is None:
            raise _refusal(400, "the server's own account stays")
        if any(any(directory.of(kind, id_)) for kind in (Kind.USER, Kind.GROUP, Kind.ROLE, Kind.POLICY)):
            raise _refusal(409, f"the account {name} has users, groups, roles or policies")
        settings = directory.get(settings_id(id_))
        gone = [account, *directory.keys_of(id_), *([settings] if settings else [])]
        return None, [one.deleted() for one in gone]

    await _change(state.desk, work)


@router.post("/users", status_code=201)
async def add_user(state: State, given: NewUser) -> dict[str, Any]:
    """Make a user with a key, or the key of an account's root user.

    Without a name of its own, the first user of an account whose root has no key is its root user.
    """
    desk = state.desk

    def work(directory: Directory) -> Changed:
        account = account_named(directory, given.account)
        entity = directory.get(account)
        access_key, secret = _free_key(directory, given)
        answer = {"access_key": access_key, "secret_key": secret}
        if entity is not None and _is_root(directory, entity, given):
            changed = _as_root(directory, entity, given)
            key = sealed_key(desk.sealer, account, account, access_key, secret, given.expires)
            return {"name": "", "arn": directory.arn(changed), **answer}, [changed, key]
        if given.root and entity is None:
            key = sealed_key(desk.sealer, "", "", access_key, secret, given.expires)
            return {"name": "", "arn": "", **answer}, [key]
        user = _new_user(directory, account, given, access_key)
        key = sealed_key(desk.sealer, user.id, account, access_key, secret, given.expires)
        return {"name": user.name, "arn": directory.arn(user), **answer}, [user, key]

    return dict(await _change(desk, work))


def _is_root(directory: Directory, account: Entity, given: NewUser) -> bool:
    if given.root or given.canonical_id == account.body["canonical"]:
        return True
    return given.name is None and not directory.keys_of(account.id)


def _as_root(directory: Directory, account: Entity, given: NewUser) -> Entity:
    """The account with what is said of its root user; a canonical id that was said before stays."""
    body: dict[str, Any] = {}
    if given.canonical_id and given.canonical_id != account.body["canonical"]:
        if not account.body.get("provisional"):
            raise _refusal(409, f"the account's canonical id is {account.body['canonical']}")
        body |= {"canonical": given.canonical_id, "provisional": None}
    _check_owner(directory, given.canonical_id, given.email, str(account.body["canonical"]))
    if given.display_name:
        body["display"] = given.display_name
    if given.email:
        body["email"] = given.email
    return account.having(**body)


def _new_user(directory: Directory, account: str, given: NewUser, access_key: str) -> Entity:
    name = given.name or given.canonical_id or access_key
    if directory.named(Kind.USER, account, name) is not None:
        raise _refusal(409, f"the user {name} is there already")
    _check_owner(directory, given.canonical_id, given.email)
    attached = [
        policy if policy.startswith("arn:") else f"arn:aws:iam::aws:policy/{policy}" for policy in given.policies
    ]
    for arn in attached:
        if directory.document(arn, account) is None:
            raise _refusal(400, f"there is no policy {arn}; those of AWS that are here: {', '.join(sorted(MANAGED))}")
    user = Entity(new_id(Kind.USER), Kind.USER, account, name, clock.now().replace(microsecond=0), {"path": "/"})
    return user.having(
        canonical=given.canonical_id,
        display=given.display_name,
        email=given.email,
        attached=attached or None,
    )


@router.get("/users")
async def list_users(state: State, account: str = "") -> dict[str, Any]:
    """Users of an account, with their keys."""
    directory = state.desk.directory
    users = directory.of(Kind.USER, account_named(directory, account))
    return {"users": [_user_answer(directory, user) for user in users]}


def _user_answer(directory: Directory, user: Entity) -> dict[str, Any]:
    return {
        "name": user.name,
        "arn": directory.arn(user),
        "canonical_id": user.body.get("canonical"),
        "display_name": user.body.get("display"),
        "email": user.body.get("email"),
        "policies": [*user.body.get("attached", ()), *user.body.get("inline", ())],
        "keys": [_key_answer(key) for key in directory.keys_of(user.id)],
    }


def _key_answer(key: Entity) -> dict[str, Any]:
    return {"access_key": key.id, "active": bool(key.body.get("active")), "expires": key.body.get("expires")}


@router.delete("/users/{name}", status_code=204)
async def remove_user(state: State, name: str, account: str = "") -> None:
    """Remove a user and all that hangs on it; its buckets stay."""

    def work(directory: Directory) -> Changed:
        user = _user(directory, name, account)
        return None, [*(key.deleted() for key in directory.keys_of(user.id)), user.deleted()]

    await _change(state.desk, work)


@router.post("/users/{name}/keys", status_code=201)
async def add_key(state: State, name: str, given: NewKey, account: str = "") -> dict[str, Any]:
    """Another key of a user: to rotate, add one, use it, remove the old one."""
    desk = state.desk

    def work(directory: Directory) -> Changed:
        user = _user(directory, name, account)
        access_key, secret = _free_key(directory, given)
        key = sealed_key(desk.sealer, user.id, user.account, access_key, secret, given.expires)
        return {"access_key": access_key, "secret_key": secret}, [key]

    return dict(await _change(desk, work))


@router.patch("/keys/{access_key}")
async def change_key(state: State, access_key: str, given: KeyChange) -> dict[str, Any]:
    """Disable or enable a key, say when it ends."""

    def work(directory: Directory) -> Changed:
        key = _key(directory, access_key)
        active = key.body.get("active") if given.active is None else given.active
        expires = key.body.get("expires") if given.expires is None else (given.expires or None)
        changed = key.having(active=active, expires=expires)
        return _key_answer(changed), [changed]

    return dict(await _change(state.desk, work))


@router.delete("/keys/{access_key}", status_code=204)
async def remove_key(state: State, access_key: str) -> None:
    """Remove a key: it is of no use any more on any gateway when this is answered, at most a second later."""
    await _change(state.desk, lambda directory: (None, [_key(directory, access_key).deleted()]))


def _key(directory: Directory, access_key: str) -> Entity:
    key = directory.key(access_key)
    if key is None:
        raise _refusal(404, f"there is no access key {access_key}")
    return key


@router.put("/users/{name}/policies/{policy}", status_code=204)
async def put_policy(state: State, name: str, policy: str, given: InlinePolicy, account: str = "") -> None:
    """Set an inline policy of a user."""

    def work(directory: Directory) -> Changed:
        user = _user(directory, name, account)
        inline = {**user.body.get("inline", {}), policy: check_document(given.document)}
        return None, [user.having(inline=inline)]

    await _change(state.desk, work)


@router.delete("/users/{name}/policies/{policy}", status_code=204)
async def remove_policy(state: State, name: str, policy: str, account: str = "") -> None:
    """Remove an inline policy of a user, or take a managed one away."""

    def work(directory: Directory) -> Changed:
        user = _user(directory, name, account)
        inline = {one: text for one, text in user.body.get("inline", {}).items() if one != policy}
        attached = [arn for arn in user.body.get("attached", ()) if arn != policy and arn.rpartition("/")[2] != policy]
        return None, [user.having(inline=inline or None, attached=attached or None)]

    await _change(state.desk, work)


@router.post("/reseal")
async def reseal(
    state: State, everything: Annotated[bool, Query(description="Also what the newest key has sealed.")] = False
) -> dict[str, int]:
    """Seal all secrets with the newest master key: afterwards the older ones can be removed."""
    desk = state.desk

    def work(directory: Directory) -> Changed:
        changed = []
        for key in directory.everything():
            if key.secret is None or (desk.sealer.is_newest(key.secret) and not everything):
                continue
            context = secret_context(key)
            changed.append(key.sealed(desk.sealer.seal(desk.sealer.open(key.secret, context), context)))
        return {"resealed": len(changed)}, changed

    return dict(await _change(desk, work))

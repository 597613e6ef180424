"""Policies: inline ones of users, groups and roles, and managed ones that are attached to them."""

import json
from collections.abc import Awaitable, Callable

from objstore.api.iam.ask import (
    ATTACHED_MAX,
    INLINE_CHARS_MAX,
    Changed,
    IamAsk,
    Values,
    check_document,
    check_name,
    encoded,
    new_entity,
    page,
    tag_list,
    tags_given,
)
from objstore.identity.directory import Directory
from objstore.identity.entity import Entity, Kind
from objstore.identity.managed import MANAGED
from objstore.model import clock
from objstore.model.identity_errors import DeleteConflict, InvalidInput, LimitExceeded, NoSuchEntity

Handler = Callable[[IamAsk], Awaitable[Values]]
MANAGED_CHARS_MAX = 6144
VERSIONS_MAX = 5
_EPOCH_NAME = "v1"


def inline_handlers(kind: Kind, noun: str) -> dict[str, Handler]:
    """Put, Get, Delete and List of the inline policies of a kind (``User``, ``Group``, ``Role``)."""
    member = f"{noun}Name"

    async def put(ask: IamAsk) -> Values:
        def work(directory: Directory) -> Changed:
            entity = ask.find(kind, member, directory)
            check_name(ask.given["PolicyName"])
            given = ask.given["PolicyDocument"]
            document = check_document(_without_principals(given) if ask.lenient and kind is Kind.ROLE else given)
            inline = {**entity.body.get("inline", {}), ask.given["PolicyName"]: document}
            _check_size(kind, inline)
            return {}, [entity.having(inline=inline)]

        return await ask.desk.change(work)

    async def get(ask: IamAsk) -> Values:
        entity = ask.find(kind, member)
        document = _inline(entity, ask.given["PolicyName"])
        return {member: entity.name, "PolicyName": ask.given["PolicyName"], "PolicyDocument": encoded(document)}

    async def delete(ask: IamAsk) -> Values:
        def work(directory: Directory) -> Changed:
            entity = ask.find(kind, member, directory)
            _inline(entity, ask.given["PolicyName"])
            left = {name: text for name, text in entity.body["inline"].items() if name != ask.given["PolicyName"]}
            return {}, [entity.having(inline=left or None)]

        return await ask.desk.change(work)

    async def listed(ask: IamAsk) -> Values:
        entity = ask.find(kind, member)
        return page(ask.given, sorted(entity.body.get("inline", ())), "PolicyNames", str)

    return {
        f"Put{noun}Policy": put,
        f"Get{noun}Policy": get,
        f"Delete{noun}Policy": delete,
        f"List{noun}Policies": listed,
    }


def _without_principals(text: str) -> str:
    """The document of a role without its principals, which other servers pass over."""
    try:
        document = json.loads(text)
        statements = document["Statement"]
        for statement in [statements] if isinstance(statements, dict) else statements:
            statement.pop("Principal", None)
        return json.dumps(document)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return text


def _check_size(kind: Kind, inline: dict[str, str]) -> None:
    total = sum(len("".join(document.split())) for document in inline.values())
    if total > INLINE_CHARS_MAX[kind]:
        raise LimitExceeded(f"Maximum policy size of {INLINE_CHARS_MAX[kind]} bytes exceeded")


def _inline(entity: Entity, name: str) -> str:
    document = entity.body.get("inline", {}).get(name)
    if document is None:
        raise NoSuchEntity(f"The policy with name {name[:128]} cannot be found.")
    return str(document)


def attach_handlers(kind: Kind, noun: str) -> dict[str, Handler]:
    """Attach, Detach and List of the managed policies of a kind."""
    member = f"{noun}Name"

    async def attach(ask: IamAsk) -> Values:
        arn = ask.given["PolicyArn"]

        def work(directory: Directory) -> Changed:
            entity = ask.find(kind, member, directory)
            if directory.document(arn, ask.account) is None:
                raise NoSuchEntity(f"Policy {arn[:200]} does not exist or is not attachable.")
            attached = list(dict.fromkeys([*entity.body.get("attached", ()), arn]))
            if len(attached) > ATTACHED_MAX:
                raise LimitExceeded(f"Cannot exceed quota for PoliciesPer{noun}: {ATTACHED_MAX}")
            return {}, [entity.having(attached=attached)]

        return await ask.desk.change(work)

    async def detach(ask: IamAsk) -> Values:
        arn = ask.given["PolicyArn"]

        def work(directory: Directory) -> Changed:
            entity = ask.find(kind, member, directory)
            if arn not in entity.body.get("attached", ()):
                raise NoSuchEntity(f"Policy {arn[:200]} was not found.")
            left = [one for one in entity.body["attached"] if one != arn]
            return {}, [entity.having(attached=left or None)]

        return await ask.desk.change(work)

    async def listed(ask: IamAsk) -> Values:
        attached = ask.find(kind, member).body.get("attached", ())
        return page(ask.given, attached, "AttachedPolicies", _attached)

    return {
        f"Attach{noun}Policy": attach,
        f"Detach{noun}Policy": detach,
        f"ListAttached{noun}Policies": listed,
    }


def _attached(arn: str) -> Values:
    return {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}


def _policy_values(directory: Directory, policy: Entity) -> Values:
    arn = directory.arn(policy)
    newest = max(created for _, created in policy.body["versions"].values())
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": policy.body["default"],
        "AttachmentCount": len(directory.attached_to(arn, policy.account)),
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "Description": policy.body.get("description"),
        "CreateDate": policy.created,
        "UpdateDate": newest,
        "Tags": tag_list(policy),
    }


def _aws_values(arn: str) -> Values:
    return {
        "PolicyName": arn.rpartition("/")[2],
        "PolicyId": arn.rpartition("/")[2],
        "Arn": arn,
        "Path": "/",
        "DefaultVersionId": _EPOCH_NAME,
        "AttachmentCount": 0,
        "IsAttachable": True,
    }


def _managed(ask: IamAsk, directory: Directory) -> Entity:
    policy = directory.managed(ask.given["PolicyArn"], ask.account)
    if policy is None:
        raise NoSuchEntity(f"Policy {ask.given['PolicyArn'][:200]} was not found.")
    return policy


def _now_text() -> str:
    return clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")


async def create_policy(ask: IamAsk) -> Values:
    """CreatePolicy."""

    def work(directory: Directory) -> Changed:
        document = check_document(ask.given["PolicyDocument"], chars_max=MANAGED_CHARS_MAX)
        policy = new_entity(
            directory, Kind.POLICY, ask.account, ask.given["PolicyName"], path=ask.given.get("Path", "/"),
            description=ask.given.get("Description"), tags=tags_given(ask.given), default=_EPOCH_NAME,
            versions={_EPOCH_NAME: [document, _now_text()]}, counter=1,
        ).having()  # fmt: skip
        return {"Policy": _policy_values(directory, policy)}, [policy]

    return await ask.desk.change(work)


async def get_policy(ask: IamAsk) -> Values:
    """GetPolicy."""
    if ask.given["PolicyArn"] in MANAGED:
        return {"Policy": _aws_values(ask.given["PolicyArn"])}
    return {"Policy": _policy_values(ask.directory, _managed(ask, ask.directory))}


async def list_policies(ask: IamAsk) -> Values:
    """ListPolicies: the account's own, and those that every account has."""
    scope = ask.given.get("Scope", "All")
    directory, prefix = ask.directory, ask.given.get("PathPrefix", "/")
    found = [] if scope == "AWS" else [_policy_values(directory, one) for one in directory.of(Kind.POLICY, ask.account)]
    if scope != "Local":
        found += [_aws_values(arn) for arn in sorted(MANAGED)]
    if ask.given.get("OnlyAttached"):
        found = [one for one in found if one["AttachmentCount"]]
    shown = [one | {"Description": None, "Tags": None} for one in found if one["Path"].startswith(prefix)]
    return page(ask.given, shown, "Policies", lambda one: one)


async def delete_policy(ask: IamAsk) -> Values:
    """DeletePolicy: it may not be attached, nor have other versions."""

    def work(directory: Directory) -> Changed:
        policy = _managed(ask, directory)
        if directory.attached_to(directory.arn(policy), ask.account):
            raise DeleteConflict("Cannot delete a policy attached to entities.")
        if len(policy.body["versions"]) > 1:
            raise DeleteConflict("This policy has more than one version. Delete the other versions first.")
        return {}, [policy.deleted()]

    return await ask.desk.change(work)


async def create_policy_version(ask: IamAsk) -> Values:
    """CreatePolicyVersion."""

    def work(directory: Directory) -> Changed:
        policy = _managed(ask, directory)
        document = check_document(ask.given["PolicyDocument"], chars_max=MANAGED_CHARS_MAX)
        if len(policy.body["versions"]) >= VERSIONS_MAX:
            raise LimitExceeded(f"A managed policy can have up to {VERSIONS_MAX} versions.")
        counter = policy.body["counter"] + 1
        name = f"v{counter}"
        versions = {**policy.body["versions"], name: [document, _now_text()]}
        default = name if ask.given.get("SetAsDefault") else policy.body["default"]
        changed = policy.having(versions=versions, default=default, counter=counter)
        return {"PolicyVersion": _version_values(changed, name, with_document=False)}, [changed]

    return await ask.desk.change(work)


def _version_values(policy: Entity, name: str, *, with_document: bool = True) -> Values:
    if name not in policy.body["versions"]:
        raise NoSuchEntity(f"Policy version {name[:20]} was not found.")
    document, created = policy.body["versions"][name]
    values = {"VersionId": name, "IsDefaultVersion": name == policy.body["default"], "CreateDate": created}
    return ({"Document": encoded(document)} if with_document else {}) | values


async def get_policy_version(ask: IamAsk) -> Values:
    """GetPolicyVersion."""
    arn = ask.given["PolicyArn"]
    if arn in MANAGED:
        values = {"Document": encoded(MANAGED[arn]), "VersionId": _EPOCH_NAME, "IsDefaultVersion": True}
        return {"PolicyVersion": values}
    return {"PolicyVersion": _version_values(_managed(ask, ask.directory), ask.given["VersionId"])}


async def list_policy_versions(ask: IamAsk) -> Values:
    """ListPolicyVersions."""
    policy = _managed(ask, ask.directory)
    names = sorted(policy.body["versions"], key=lambda name: -int(name[1:]))
    return page(ask.given, names, "Versions", lambda name: _version_values(policy, name, with_document=False))


async def delete_policy_version(ask: IamAsk) -> Values:
    """DeletePolicyVersion."""

    def work(directory: Directory) -> Changed:
        policy, name = _managed(ask, directory), ask.given["VersionId"]
        _version_values(policy, name)
        if name == policy.body["default"]:
            raise DeleteConflict("Cannot delete the default version of a policy.")
        left = {one: text for one, text in policy.body["versions"].items() if one != name}
        return {}, [policy.having(versions=left)]

    return await ask.desk.change(work)


async def set_default_policy_version(ask: IamAsk) -> Values:
    """SetDefaultPolicyVersion."""

    def work(directory: Directory) -> Changed:
        policy = _managed(ask, directory)
        _version_values(policy, ask.given["VersionId"])
        return {}, [policy.having(default=ask.given["VersionId"])]

    return await ask.desk.change(work)


async def list_entities_for_policy(ask: IamAsk) -> Values:
    """ListEntitiesForPolicy."""
    found = ask.directory.attached_to(ask.given["PolicyArn"], ask.account)
    nouns = {Kind.USER: "User", Kind.GROUP: "Group", Kind.ROLE: "Role"}
    lists: Values = {
        f"Policy{noun}s": [{f"{noun}Name": one.name, f"{noun}Id": one.id} for one in found if one.kind is kind]
        for kind, noun in nouns.items()
    }
    return lists | {"IsTruncated": False}


def boundary_handlers(kind: Kind, noun: str) -> dict[str, Handler]:
    """Put and Delete of the permissions boundary of a kind."""

    async def put(ask: IamAsk) -> Values:
        arn = ask.given["PermissionsBoundary"]

        def work(directory: Directory) -> Changed:
            if directory.document(arn, ask.account) is None:
                raise InvalidInput(f"Policy {arn[:200]} does not exist or is not attachable.")
            return {}, [ask.find(kind, f"{noun}Name", directory).having(boundary=arn)]

        return await ask.desk.change(work)

    async def delete(ask: IamAsk) -> Values:
        return await ask.desk.change(
            lambda directory: ({}, [ask.find(kind, f"{noun}Name", directory).having(boundary=None)])
        )

    return {f"Put{noun}PermissionsBoundary": put, f"Delete{noun}PermissionsBoundary": delete}

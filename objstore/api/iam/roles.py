"""Roles."""

from objstore.api.iam.ask import (
    Changed,
    IamAsk,
    Values,
    below,
    check_document,
    encoded,
    new_entity,
    page,
    tag_list,
    tags_given,
)
from objstore.identity.directory import Directory
from objstore.identity.entity import Entity, Kind
from objstore.identity.parse import TRUST
from objstore.model.identity_errors import DeleteConflict, ValidationError

SESSION_SECONDS_DEFAULT = 3600


def role_values(directory: Directory, role: Entity) -> Values:
    """The ``Role`` structure."""
    boundary = role.body.get("boundary")
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": directory.arn(role),
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": encoded(role.body["trust"]),
        "Description": role.body.get("description"),
        "MaxSessionDuration": role.body.get("session_seconds_max", SESSION_SECONDS_DEFAULT),
        "PermissionsBoundary": (
            {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary} if boundary else None
        ),
        "Tags": tag_list(role),
    }


async def create_role(ask: IamAsk) -> Values:
    """CreateRole."""

    def work(directory: Directory) -> Changed:
        given = ask.given
        role = new_entity(
            directory, Kind.ROLE, ask.account, given["RoleName"], path=given.get("Path", "/"),
            trust=check_document(given["AssumeRolePolicyDocument"], TRUST), description=given.get("Description"),
            session_seconds_max=given.get("MaxSessionDuration"), boundary=given.get("PermissionsBoundary"),
            tags=tags_given(given),
        ).having()  # fmt: skip
        return {"Role": role_values(directory, role)}, [role]

    return await ask.desk.change(work)


async def get_role(ask: IamAsk) -> Values:
    """GetRole."""
    return {"Role": role_values(ask.directory, ask.find(Kind.ROLE, "RoleName"))}


async def list_roles(ask: IamAsk) -> Values:
    """ListRoles."""
    roles = below(ask.given, ask.directory.of(Kind.ROLE, ask.account))
    return page(ask.given, roles, "Roles", lambda role: role_values(ask.directory, role) | {"Tags": None})


async def update_role(ask: IamAsk) -> Values:
    """UpdateRole: description and length of sessions."""

    def work(directory: Directory) -> Changed:
        role = ask.find(Kind.ROLE, "RoleName", directory)
        fields = {"description": "Description", "session_seconds_max": "MaxSessionDuration"}
        given = {name: ask.given[member] for name, member in fields.items() if member in ask.given}
        return {}, [role.having(**given)]

    return await ask.desk.change(work)


async def update_assume_role_policy(ask: IamAsk) -> Values:
    """UpdateAssumeRolePolicy."""

    def work(directory: Directory) -> Changed:
        role = ask.find(Kind.ROLE, "RoleName", directory)
        return {}, [role.having(trust=check_document(ask.given["PolicyDocument"], TRUST))]

    return await ask.desk.change(work)


async def delete_role(ask: IamAsk) -> Values:
    """DeleteRole: nothing may hang on it any more."""

    def work(directory: Directory) -> Changed:
        role = ask.find(Kind.ROLE, "RoleName", directory)
        if role.body.get("attached"):
            raise DeleteConflict("Cannot delete entity, must detach all policies first.")
        if role.body.get("inline"):
            raise DeleteConflict("Cannot delete entity, must delete policies first.")
        return {}, [role.deleted()]

    return await ask.desk.change(work)


async def tag_role(ask: IamAsk) -> Values:
    """TagRole."""

    def work(directory: Directory) -> Changed:
        role = ask.find(Kind.ROLE, "RoleName", directory)
        tags = {**role.body.get("tags", {}), **(tags_given(ask.given) or {})}
        if len(tags) > 50:
            raise ValidationError("Cannot exceed quota for TagsPerResource: 50")
        return {}, [role.having(tags=tags)]

    return await ask.desk.change(work)


async def untag_role(ask: IamAsk) -> Values:
    """UntagRole."""

    def work(directory: Directory) -> Changed:
        role, gone = ask.find(Kind.ROLE, "RoleName", directory), set(ask.given["TagKeys"])
        left = {name: value for name, value in role.body.get("tags", {}).items() if name not in gone}
        return {}, [role.having(tags=left or None)]

    return await ask.desk.change(work)


async def list_role_tags(ask: IamAsk) -> Values:
    """ListRoleTags."""
    return page(ask.given, tag_list(ask.find(Kind.ROLE, "RoleName")) or [], "Tags", lambda tag: tag)

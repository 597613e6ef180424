"""Groups and who is in them."""

from objstore.api.iam.ask import Changed, IamAsk, Values, below, new_entity, page, renamed
from objstore.api.iam.users import user_values
from objstore.identity.directory import Directory
from objstore.identity.entity import Entity, Kind
from objstore.model.identity_errors import DeleteConflict, LimitExceeded

GROUPS_MAX = 10


def group_values(directory: Directory, group: Entity) -> Values:
    """The ``Group`` structure."""
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": directory.arn(group),
        "CreateDate": group.created,
    }


async def create_group(ask: IamAsk) -> Values:
    """CreateGroup."""

    def work(directory: Directory) -> Changed:
        path = ask.given.get("Path", "/")
        group = new_entity(directory, Kind.GROUP, ask.account, ask.given["GroupName"], path=path)
        return {"Group": group_values(directory, group)}, [group]

    return await ask.desk.change(work)


async def get_group(ask: IamAsk) -> Values:
    """GetGroup: with its users."""
    group = ask.find(Kind.GROUP, "GroupName")
    users = sorted(ask.directory.members_of(group.id), key=lambda user: user.name.lower())
    shown = page(ask.given, users, "Users", lambda user: user_values(ask.directory, user) | {"Tags": None})
    return {"Group": group_values(ask.directory, group), **shown}


async def list_groups(ask: IamAsk) -> Values:
    """ListGroups."""
    groups = below(ask.given, ask.directory.of(Kind.GROUP, ask.account))
    return page(ask.given, groups, "Groups", lambda group: group_values(ask.directory, group))


async def update_group(ask: IamAsk) -> Values:
    """UpdateGroup: another name or path."""

    def work(directory: Directory) -> Changed:
        group = ask.find(Kind.GROUP, "GroupName", directory)
        return {}, [renamed(directory, group, ask.given.get("NewGroupName"), ask.given.get("NewPath"))]

    return await ask.desk.change(work)


async def delete_group(ask: IamAsk) -> Values:
    """DeleteGroup: nothing may hang on it any more."""

    def work(directory: Directory) -> Changed:
        group = ask.find(Kind.GROUP, "GroupName", directory)
        if directory.members_of(group.id):
            raise DeleteConflict("Cannot delete entity, must remove users from group first.")
        if group.body.get("attached"):
            raise DeleteConflict("Cannot delete entity, must detach all policies first.")
        if group.body.get("inline"):
            raise DeleteConflict("Cannot delete entity, must delete policies first.")
        return {}, [group.deleted()]

    return await ask.desk.change(work)


async def add_user_to_group(ask: IamAsk) -> Values:
    """AddUserToGroup."""

    def work(directory: Directory) -> Changed:
        group, user = ask.find(Kind.GROUP, "GroupName", directory), ask.find(Kind.USER, "UserName", directory)
        groups = list(dict.fromkeys([*user.body.get("groups", ()), group.id]))
        if len(groups) > GROUPS_MAX:
            raise LimitExceeded(f"Cannot exceed quota for GroupsPerUser: {GROUPS_MAX}")
        return {}, [user.having(groups=groups)]

    return await ask.desk.change(work)


async def remove_user_from_group(ask: IamAsk) -> Values:
    """RemoveUserFromGroup."""

    def work(directory: Directory) -> Changed:
        group, user = ask.find(Kind.GROUP, "GroupName", directory), ask.find(Kind.USER, "UserName", directory)
        left = [one for one in user.body.get("groups", ()) if one != group.id]
        return {}, [user.having(groups=left or None)]

    return await ask.desk.change(work)


async def list_groups_for_user(ask: IamAsk) -> Values:
    """ListGroupsForUser."""
    user = ask.find(Kind.USER, "UserName")
    found = [group for one in user.body.get("groups", ()) if (group := ask.directory.get(one)) is not None]
    found.sort(key=lambda group: group.name.lower())
    return page(ask.given, found, "Groups", lambda group: group_values(ask.directory, group))

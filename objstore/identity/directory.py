"""Directory: all entities, by every name that requests have for them; in memory, as of one epoch of the database.

It is as large as there are entities, some kilobytes each: every gateway holds all of it, so that a signature is checked
without asking anybody.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from objstore.identity.arn import entity_arn, root_arn
from objstore.identity.entity import Entity, Kind, settings_id
from objstore.identity.managed import MANAGED
from objstore.identity.parse import IDENTITY, stored_policy
from objstore.identity.policy import Policy
from objstore.identity.principal import Principal

ARN_KINDS = {Kind.USER: "user", Kind.GROUP: "group", Kind.ROLE: "role", Kind.POLICY: "policy"}


class Owner:
    """Whom a canonical id belongs to. ``account``: as ARNs have it."""

    __slots__ = ("account", "display_name", "id")

    def __init__(self, canonical: str, display_name: str, account: str) -> None:
        self.id, self.display_name, self.account = canonical, display_name, account


class Directory:
    """``account_id``, ``owner_id`` and ``display_name`` are those of the server's own account, which has no entity.

    ``owners_manage``: those who own by a canonical id of their own may manage their account's users and roles.
    """

    def __init__(self, account_id: str, owner_id: str, display_name: str = "root", owners_manage: bool = False) -> None:
        self.account_id, self.owner_id, self.display_name = account_id, owner_id, display_name
        self.owners_manage = owners_manage
        self.epoch = 0
        self._entities: dict[str, Entity] = {}
        self._by_name: dict[tuple[Kind, str, str], Entity] = {}
        self._owners: dict[str, Owner] = {}
        self._by_email: dict[str, str] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._keys: dict[str, dict[str, None]] = {}
        self._principals: dict[str, Principal] = {}
        self._forget()

    def apply(self, entities: Iterable[Entity], epoch: int) -> None:
        """Take changes in; nothing that was derived before is used any more."""
        for entity in entities:
            self._take_out(entity.id)
            if not entity.gone:
                self._put_in(entity)
        self.epoch = epoch
        self._forget()

    def clear(self) -> None:
        """Know nothing, as of no epoch."""
        fresh = Directory(self.account_id, self.owner_id, self.display_name, self.owners_manage)
        self.__dict__.update(fresh.__dict__)

    def everything(self) -> list[Entity]:
        """All entities."""
        return list(self._entities.values())

    def key(self, id_: str) -> Entity | None:
        """An access key."""
        found = self._entities.get(id_)
        return found if found is not None and found.kind is Kind.KEY else None

    def get(self, id_: str) -> Entity | None:
        """An entity by its id."""
        return self._entities.get(id_)

    def named(self, kind: Kind, account: str, name: str) -> Entity | None:
        """An entity by its name, whatever its case; a user also by its canonical id."""
        found = self._by_name.get((kind, account, name.lower()))
        if found is None and kind is Kind.USER:
            found = next((user for user in self.of(kind, account) if user.body.get("canonical") == name), None)
        return found

    def of(self, kind: Kind, account: str) -> Iterator[Entity]:
        """All of a kind in an account, by name."""
        found = [entity for (a_kind, its, _), entity in self._by_name.items() if a_kind is kind and its == account]
        return iter(sorted(found, key=lambda entity: entity.name.lower()))

    def keys_of(self, id_: str) -> list[Entity]:
        """Access keys of a user, or of the root of an account, the oldest first."""
        found = [self._entities[key] for key in self._keys.get(id_, ())]
        return sorted(found, key=lambda key: (key.created, key.id))

    def members_of(self, group_id: str) -> list[Entity]:
        """Users of a group."""
        return [self._entities[user] for user in self._members.get(group_id, ())]

    def arn_account(self, account: str) -> str:
        """The account's id as ARNs have it."""
        return account or self.account_id

    def account_of(self, arn_account: str) -> str | None:
        """Inverse of ``arn_account``; None for an account that is not here."""
        if arn_account == self.account_id:
            return ""
        found = self._entities.get(arn_account)
        return arn_account if found is not None and found.kind is Kind.ACCOUNT else None

    def arn(self, entity: Entity) -> str:
        """ARN of a user, group, role, policy, or of an account's root."""
        account = self.arn_account(entity.account)
        if entity.kind is Kind.ACCOUNT:
            return root_arn(self.arn_account(entity.id))
        return entity_arn(account, ARN_KINDS[entity.kind], entity.path, entity.name)

    def settings(self, account: str) -> Mapping[str, Any]:
        """What is set for an account (not as ARNs have it) as a whole; see ``Kind.SETTINGS``."""
        found = self._entities.get(settings_id(account))
        return {} if found is None else found.body

    def settings_of_owner(self, canonical: str) -> Mapping[str, Any]:
        """The same, for the account that a canonical id belongs to."""
        owner = self.owner(canonical)
        account = None if owner is None else self.account_of(owner.account)
        return {} if account is None else self.settings(account)

    def owner(self, canonical: str) -> Owner | None:
        """Whom a canonical id belongs to; a user's unique id is as good."""
        found = self._owners.get(canonical)
        if found is None and (user := self._entities.get(canonical)) is not None and user.kind is Kind.USER:
            return Owner(user.id, user.name, self.arn_account(user.account))
        return found

    def owner_by_email(self, email: str) -> Owner | None:
        """Whom an e-mail address belongs to."""
        canonical = self._by_email.get(email.strip().lower())
        return None if canonical is None else self._owners.get(canonical)

    def canonical_of(self, account: str) -> str:
        """The canonical id of an account."""
        entity = self._entities.get(account)
        return self.owner_id if entity is None else str(entity.body["canonical"])

    def principal(self, id_: str) -> Principal | None:
        """The principal that a user, a role, or the root of an account (by the account's id) is."""
        found = self._principals.get(id_)
        if found is None:
            entity = self._entities.get(id_)
            if id_ == "":
                found = self._root("", self.owner_id, self.display_name)
            elif entity is None:
                return None
            elif entity.kind is Kind.ACCOUNT:
                found = self._root(entity.id, entity.body["canonical"], entity.body.get("display", entity.name))
            else:
                found = self._member(entity)
            self._principals[id_] = found
        return found

    def document(self, arn: str, account: str) -> str | None:
        """The document of a managed policy in force: ours, or one that AWS has under this name."""
        if arn in MANAGED:
            return MANAGED[arn]
        policy = self.managed(arn, account)
        return None if policy is None else str(policy.body["versions"][policy.body["default"]][0])

    def managed(self, arn: str, account: str) -> Entity | None:
        """A managed policy of an account by its ARN."""
        found = self._by_name.get((Kind.POLICY, account, arn.rpartition("/")[2].lower()))
        return found if found is not None and self.arn(found) == arn else None

    def attached_to(self, arn: str, account: str) -> list[Entity]:
        """Who has a managed policy."""
        everybody = (Kind.USER, Kind.GROUP, Kind.ROLE)
        return [one for kind in everybody for one in self.of(kind, account) if arn in one.body.get("attached", ())]

    def _root(self, account: str, canonical: str, display: str) -> Principal:
        shown = self.arn_account(account)
        arn = root_arn(shown)
        return Principal("root", shown, canonical, display, arn, shown, "", owns=True, manages=True, arns=(arn,),
                         internal_account=account)  # fmt: skip

    def _member(self, entity: Entity) -> Principal:
        body, arn, shown = entity.body, self.arn(entity), self.arn_account(entity.account)
        owns = "canonical" in body
        boundary = body.get("boundary")
        return Principal(
            "user" if entity.kind is Kind.USER else "role",
            shown,
            str(body.get("canonical", self.canonical_of(entity.account))),
            str(body.get("display", entity.name)) if owns else self._account_display(entity.account),
            arn,
            entity.id,
            entity.name,
            owns=owns,
            manages=owns and self.owners_manage,
            policies=tuple(self._policies(entity)),
            boundary=self._boundary(str(boundary), entity.account) if boundary else None,
            arns=(arn, entity.id),
            tags=dict(body.get("tags", {})),
            internal_account=entity.account,
        )

    def _account_display(self, account: str) -> str:
        entity = self._entities.get(account)
        return self.display_name if entity is None else str(entity.body.get("display", entity.name))

    def _policies(self, entity: Entity) -> Iterator[Policy]:
        groups = [group for id_ in entity.body.get("groups", ()) if (group := self._entities.get(id_)) is not None]
        for one in (entity, *groups):
            for document in one.body.get("inline", {}).values():
                yield stored_policy(document, IDENTITY)
            for arn in one.body.get("attached", ()):
                attached = self.document(arn, entity.account)
                if attached is not None:
                    yield stored_policy(attached, IDENTITY)

    def _boundary(self, arn: str, account: str) -> Policy:
        """A boundary that is not there any more lets nothing through."""
        return stored_policy(self.document(arn, account) or "", IDENTITY)

    def _put_in(self, entity: Entity) -> None:
        self._entities[entity.id] = entity
        if entity.kind is Kind.KEY:
            self._keys.setdefault(entity.body["user"], {})[entity.id] = None
            return
        self._by_name[entity.kind, entity.account, entity.name.lower()] = entity
        for group in entity.body.get("groups", ()):
            self._members.setdefault(group, {})[entity.id] = None
        canonical = entity.body.get("canonical")
        if canonical:
            account = entity.id if entity.kind is Kind.ACCOUNT else self.arn_account(entity.account)
            self._owners[canonical] = Owner(canonical, entity.body.get("display", entity.name), account)
            if entity.body.get("email"):
                self._by_email[entity.body["email"].lower()] = canonical

    def _take_out(self, id_: str) -> None:
        entity = self._entities.pop(id_, None)
        if entity is None:
            return
        if entity.kind is Kind.KEY:
            self._keys.get(entity.body["user"], {}).pop(id_, None)
            return
        self._by_name.pop((entity.kind, entity.account, entity.name.lower()), None)
        for group in entity.body.get("groups", ()):
            self._members.get(group, {}).pop(id_, None)
        self._owners.pop(entity.body.get("canonical", ""), None)
        self._by_email.pop(str(entity.body.get("email", "")).lower(), None)

    def _forget(self) -> None:
        self._principals.clear()
        self._owners[self.owner_id] = Owner(self.owner_id, self.display_name, self.account_id)

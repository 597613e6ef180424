"""Principal: who asks, and which of the names in a policy mean them."""

from dataclasses import dataclass, field
from enum import IntEnum

from objstore.identity.arn import IAM, root_arn
from objstore.identity.policy import Policy, Statement


class Meant(IntEnum):
    """How a statement names somebody: not at all, by the account that they belong to, or by themselves."""

    NOT = 0
    ACCOUNT = 1
    SELF = 2


@dataclass(frozen=True, slots=True)
class Principal:
    """``kind``: ``anonymous``, ``root``, ``user`` or ``role``. ``account``: id of the account as ARNs have it.

    ``owner_id``: the canonical id that owns what they make. ``owns``: they need nobody's leave for what is owned by it,
    as the root user of an account. ``manages``: the same for the users of the account. ``policies`` are those of the
    user or role and of its groups; ``session``: what a session is limited to, and ``boundary`` a user or role.
    ``arns``: names by which a policy may mean them. ``admin``: the operator's root credentials.
    ``restricted``: anything but ownership has a say in what they may do.
    """

    kind: str
    account: str
    owner_id: str
    display_name: str
    arn: str
    unique_id: str = ""
    name: str = ""
    owns: bool = False
    manages: bool = False
    admin: bool = False
    policies: tuple[Policy, ...] = ()
    session: Policy | None = None
    boundary: Policy | None = None
    arns: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    issued: float = 0.0
    internal_account: str = ""
    mfa: bool | None = None
    restricted: bool = field(init=False)

    def __post_init__(self) -> None:
        restricted = not self.owns or bool(self.policies) or self.session is not None or self.boundary is not None
        object.__setattr__(self, "restricted", restricted)

    @property
    def anonymous(self) -> bool:
        """Nobody in particular."""
        return self.kind == "anonymous"


ANONYMOUS = Principal("anonymous", "", "", "anonymous", "", name="anonymous", unique_id="anonymous")


def meant(statement: Statement, principal: Principal) -> Meant:
    """How a statement of a resource's policy names the principal.

    A NotPrincipal means whom its list does not name, in any way.
    """
    sets = statement.principals
    if sets is None:
        return Meant.SELF
    found = Meant.NOT
    for name in sets.get("AWS", ()):
        found = max(found, _aws(name, principal))
    if principal.owner_id and principal.owner_id in sets.get("CanonicalUser", ()):
        found = max(found, Meant.SELF if principal.owns else Meant.ACCOUNT)
    if statement.not_principal:
        return Meant.NOT if found else Meant.SELF
    return found


def _aws(name: str, principal: Principal) -> Meant:
    if name == "*":
        return Meant.SELF
    if principal.anonymous:
        return Meant.NOT
    if name in principal.arns or name == principal.arn:
        return Meant.SELF
    if name in (principal.account, root_arn(principal.account)):
        return Meant.SELF if principal.kind == "root" else Meant.ACCOUNT
    return Meant.NOT


def is_anybody(statement: Statement) -> bool:
    """Whether the statement names everybody."""
    sets = statement.principals or {}
    return statement.not_principal or "*" in sets.get("AWS", ()) or f"{IAM}*" in sets.get("AWS", ())

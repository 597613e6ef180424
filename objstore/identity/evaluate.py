"""Evaluation: what policies say to a question.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterable
from dataclasses import dataclass

from objstore.identity.conditions import holds
from objstore.identity.policy import Ask, Policy, Statement
from objstore.identity.principal import Meant, Principal, meant
from objstore.identity.variables import expanded
from objstore.identity.wildcard import matcher


@dataclass(slots=True)
class Verdict:
    """``denied`` goes before everything; ``allowed``: how the most direct statement that allows it names who asks."""

    denied: bool = False
    allowed: Meant = Meant.NOT


def applies(statement: Statement, ask: Ask) -> bool:
    """Whether a statement speaks of this action, resource and context; of the principal it says nothing yet."""
    if any(matcher(action)(ask.action) for action in statement.actions) == statement.not_action:
        return False
    if statement.resources is not None and _names(statement, ask) == statement.not_resource:
        return False
    return all(holds(condition, ask.context, statement.variables) for condition in statement.conditions)


def _names(statement: Statement, ask: Ask) -> bool:
    for resource in statement.resources or ():
        pattern: str | None = resource
        if statement.variables and "${" in resource:
            pattern = expanded(resource, ask.context)
        if pattern is not None and matcher(pattern)(ask.resource):
            return True
    return False


def identity_verdict(policies: Iterable[Policy], ask: Ask) -> Verdict:
    """What the policies of a user or role say."""
    verdict = Verdict()
    for policy in policies:
        for statement in policy.statements:
            if applies(statement, ask):
                if not statement.allow:
                    return Verdict(denied=True)
                verdict.allowed = Meant.SELF
    return verdict


def resource_verdict(policy: Policy | None, principal: Principal, ask: Ask) -> Verdict:
    """What a resource's policy says to a principal."""
    verdict = Verdict()
    for statement in policy.statements if policy else ():
        named = meant(statement, principal)
        if named and applies(statement, ask):
            if not statement.allow:
                return Verdict(denied=True)
            verdict.allowed = max(verdict.allowed, named)
    return verdict


@dataclass(slots=True)
class Resource:
    """What is asked about. ``account``: of its owner; ``granted``: how an ACL names the principal, if it lets them.

    ``policy_foreigners``: False when its policy must not let anybody in who is not of the account. ``policy_allows``:
    False when its policy is somebody else's, and can only deny.
    """

    account: str
    owner_id: str
    policy: Policy | None = None
    granted: Meant = Meant.NOT
    policy_foreigners: bool = True
    policy_allows: bool = True


def is_allowed(principal: Principal, resource: Resource, ask: Ask) -> bool:
    """The whole of AWS's logic for one question: any deny, then who may allow it.

    Owners need nothing else. Within an account one side has to allow it, between accounts both; owners of an account
    have their own canonical ids, and are to each other as accounts are, but for what their own policies allow. A
    session's policy and a boundary only ever take away.
    """
    own = identity_verdict(principal.policies, ask)
    theirs = resource_verdict(resource.policy, principal, ask)
    limits = [identity_verdict([policy], ask) for policy in (principal.session, principal.boundary) if policy]
    if own.denied or theirs.denied or any(limit.denied for limit in limits):
        return False
    same_account = not principal.anonymous and principal.account == resource.account
    if not resource.policy_allows or not (same_account or resource.policy_foreigners):
        theirs.allowed = Meant.NOT
    if any(not limit.allowed for limit in limits):
        return False
    if principal.owns and principal.owner_id == resource.owner_id:
        return True
    outside = max(theirs.allowed, resource.granted)
    if principal.anonymous:
        return outside is Meant.SELF
    if principal.owns:
        return bool(outside) or (same_account and bool(own.allowed))
    if same_account:
        return bool(own.allowed) or outside is Meant.SELF
    return bool(own.allowed) and bool(outside)


def may_manage(principal: Principal, ask: Ask) -> bool:
    """Whether who asks may do something to their account: as one who manages it, or by a policy of theirs."""
    own = identity_verdict(principal.policies, ask)
    limits = [identity_verdict([limit], ask) for limit in (principal.session, principal.boundary) if limit]
    if own.denied or any(limit.denied or not limit.allowed for limit in limits):
        return False
    return bool(own.allowed) or principal.manages


def is_denied(principal: Principal, policy: Policy | None, ask: Ask) -> bool:
    """Whether anything denies it by name; what nobody allows is not denied."""
    limits = [limit for limit in (principal.session, principal.boundary) if limit]
    if identity_verdict([*principal.policies, *limits], ask).denied:
        return True
    return resource_verdict(policy, principal, ask).denied

"""The account as a whole."""

from objstore.api.iam.ask import ATTACHED_MAX, ENTITIES_MAX, INLINE_CHARS_MAX, IamAsk, Values
from objstore.api.iam.groups import GROUPS_MAX
from objstore.api.iam.policies import MANAGED_CHARS_MAX, VERSIONS_MAX
from objstore.api.iam.users import KEYS_MAX
from objstore.identity.entity import Kind


async def get_account_summary(ask: IamAsk) -> Values:
    """GetAccountSummary: how many of each there are, and may be."""
    counts = {
        name: sum(1 for _ in ask.directory.of(kind, ask.account))
        for name, kind in (
            ("Users", Kind.USER),
            ("Groups", Kind.GROUP),
            ("Roles", Kind.ROLE),
            ("Policies", Kind.POLICY),
            ("Providers", Kind.PROVIDER),
        )
    }
    quotas = {
        "UsersQuota": ENTITIES_MAX,
        "GroupsQuota": ENTITIES_MAX,
        "RolesQuota": ENTITIES_MAX,
        "PoliciesQuota": ENTITIES_MAX,
        "GroupsPerUserQuota": GROUPS_MAX,
        "AccessKeysPerUserQuota": KEYS_MAX,
        "AttachedPoliciesPerUserQuota": ATTACHED_MAX,
        "AttachedPoliciesPerGroupQuota": ATTACHED_MAX,
        "AttachedPoliciesPerRoleQuota": ATTACHED_MAX,
        "UserPolicySizeQuota": INLINE_CHARS_MAX[Kind.USER],
        "GroupPolicySizeQuota": INLINE_CHARS_MAX[Kind.GROUP],
        "RolePolicySizeQuota": INLINE_CHARS_MAX[Kind.ROLE],
        "PolicySizeQuota": MANAGED_CHARS_MAX,
        "VersionsPerPolicyQuota": VERSIONS_MAX,
        "AccountAccessKeysPresent": int(bool(ask.directory.keys_of(ask.account))),
        "AccountMFAEnabled": 0,
    }
    return {"SummaryMap": {**counts, **quotas}}

"""Questions for policies, put shortly."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from objstore.identity.parse import BUCKET, IDENTITY, parse_policy
from objstore.identity.policy import Ask, Policy
from objstore.identity.principal import Principal

ACCOUNT, OTHER = "111111111111", "222222222222"


@dataclass
class Facts:
    """A context of given values."""

    given: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def values(self, key: str) -> Sequence[str] | None:
        return self.given.get(key)


def document(*statements: Mapping[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def identity(*statements: Mapping[str, Any]) -> Policy:
    return parse_policy(document(*({"Effect": "Allow", "Resource": "*", **one} for one in statements)), IDENTITY)


def bucket(*statements: Mapping[str, Any]) -> Policy:
    filled = ({"Effect": "Allow", "Principal": "*", "Resource": "arn:aws:s3:::b/*", **one} for one in statements)
    return parse_policy(document(*filled), BUCKET, "b")


def ask(action: str = "s3:GetObject", resource: str = "arn:aws:s3:::b/k", **facts: str) -> Ask:
    given = {name.replace("__", ":").replace("_", "-"): [value] for name, value in facts.items()}
    return Ask(action.lower(), resource, Facts(given))


def root(account: str = ACCOUNT) -> Principal:
    arn = f"arn:aws:iam::{account}:root"
    return Principal("root", account, f"owner-{account}", "root", arn, account, owns=True, manages=True, arns=(arn,))


def user(*policies: Policy, account: str = ACCOUNT, name: str = "ann", **fields: Any) -> Principal:
    arn = f"arn:aws:iam::{account}:user/{name}"
    return Principal("user", account, f"owner-{account}", name, arn, f"AIDA{name}", name, policies=policies,
                     arns=(arn, f"AIDA{name}"), **fields)  # fmt: skip

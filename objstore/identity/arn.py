"""ARNs: how accounts, users, roles, buckets and objects are named in policies."""

IAM = "arn:aws:iam::"
STS = "arn:aws:sts::"
S3 = "arn:aws:s3:::"


def root_arn(account_id: str) -> str:
    """The root user of an account, which also stands for the whole account."""
    return f"{IAM}{account_id}:root"


def entity_arn(account_id: str, kind: str, path: str, name: str) -> str:
    """``kind``: user, group, role or policy; ``path`` begins and ends with a slash."""
    return f"{IAM}{account_id}:{kind}{path}{name}"


def session_arn(account_id: str, role: str, session: str) -> str:
    """A session of a role."""
    return f"{STS}{account_id}:assumed-role/{role}/{session}"


def provider_arn(account_id: str, name: str) -> str:
    """An OpenID Connect provider; ``name``: its URL without scheme."""
    return f"{IAM}{account_id}:oidc-provider/{name}"


def bucket_arn(bucket: str) -> str:
    """A bucket."""
    return S3 + bucket

"""Managed policies that every account has, under the names that AWS gives them."""

import json

_PREFIX = "arn:aws:iam::aws:policy/"


def _document(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


MANAGED: dict[str, str] = {
    _PREFIX + "AdministratorAccess": _document("*"),
    _PREFIX + "AmazonS3FullAccess": _document("s3:*"),
    _PREFIX + "AmazonS3ReadOnlyAccess": _document("s3:Get*", "s3:List*"),
    _PREFIX + "IAMFullAccess": _document("iam:*"),
    _PREFIX + "IAMReadOnlyAccess": _document("iam:Get*", "iam:List*", "iam:SimulateCustomPolicy"),
    _PREFIX + "PowerUserAccess": _document("s3:*", "sts:*"),
    _PREFIX + "ReadOnlyAccess": _document("s3:Get*", "s3:List*", "iam:Get*", "iam:List*"),
    # Ceph's and SNS's names, which suites attach: they allow nothing that is here.
    _PREFIX + "AmazonSNSFullAccess": _document("sns:*"),
    _PREFIX + "AmazonSNSReadOnlyAccess": _document("sns:Get*", "sns:List*"),
}

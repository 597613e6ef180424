"""Bucket names: which may be created, and which may be asked of the store at all.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""

import re

from objstore.model.errors import InvalidBucketName

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_IP_LIKE = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+\Z")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")

is_plausible = _NAME.match  # a name that no bucket can have need not be looked up


def check_new_name(name: str) -> None:
    """Raise InvalidBucketName unless a bucket of this name may be made."""
    wrong = (
        not _NAME.match(name)
        or _IP_LIKE.match(name)
        or any(pair in name for pair in ("..", ".-", "-."))
        or name.startswith(_PREFIXES)
        or name.endswith(_SUFFIXES)
    )
    if wrong:
        raise InvalidBucketName(BucketName=name)

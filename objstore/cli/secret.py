"""The secret of a cluster: what its processes know each other by. There is none by default, and no weak one."""

import hmac
import math
from base64 import b32encode, urlsafe_b64encode
from collections import Counter
from itertools import pairwise

from objstore.cli.problem import StartError

CHARS_MIN = 32
# By how often each character occurs: hex of 16 random bytes has 88 to 120.
BITS_MIN = 75.0
DISTINCT_MIN = 7
_GUESSED = ("changeme", "secret", "password", "objstore", "example", "default", "minioadmin", "rustfs")


def check_cluster_secret(secret: str | None) -> str:
    """The secret, if it is one; raises StartError."""
    how = "make one with: openssl rand -hex 32"
    if not secret:
        raise StartError(f"set OBJSTORE_CLUSTER_SECRET, the same for all of the cluster; {how}")
    if len(secret) < CHARS_MIN:
        raise StartError(f"OBJSTORE_CLUSTER_SECRET is shorter than {CHARS_MIN} characters; {how}")
    rest = secret.lower()
    for word in _GUESSED:
        rest = rest.replace(word, "")
    if len(set(rest)) < DISTINCT_MIN or _bits(rest) < BITS_MIN or _is_periodic(rest):
        raise StartError(f"OBJSTORE_CLUSTER_SECRET can be guessed; {how}")
    return secret


def root_keys(secret: str) -> tuple[str, str]:
    """The root's access and secret key where none are set: the same at every gateway, and no way back."""

    def derived(purpose: bytes) -> bytes:
        return hmac.digest(secret.encode(), b"objstore root " + purpose, "sha256")

    access_key = "OBJ" + b32encode(derived(b"access key")).decode()[:17]
    return access_key, urlsafe_b64encode(derived(b"secret key")).decode()[:40].replace("-", "A").replace("_", "B")


def master_key(secret: str) -> bytes:
    """The master key where none is set: the same at every gateway, 32 bytes, and no way back."""
    return hmac.digest(secret.encode(), b"objstore master key", "sha256")


def _bits(text: str) -> float:
    """Length times the entropy of the characters' frequencies."""
    return sum(-count * math.log2(count / len(text)) for count in Counter(text).values())


def _is_periodic(text: str) -> bool:
    """Whether it is a short text again and again, or a run through the alphabet or the digits."""
    if any(text[period:] == text[:-period] for period in range(1, len(text) // 2 + 1)):
        return True
    steps = Counter(ord(b) - ord(a) for a, b in pairwise(text))
    return steps[1] + steps[-1] > len(text) // 2

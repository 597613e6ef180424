"""The canonical form of a request, which both sides sign.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html (S3 encodes the path once and does not
normalise it: ``//`` and ``..`` stay).
"""

from collections.abc import Iterable, Mapping
from urllib.parse import quote_from_bytes

from objstore.api.request import percent_decoded

QueryPair = tuple[str, str, str]  # name, "=", value: as sent, percent-encoded


def header_value(value: bytes) -> bytes:
    """Value without outer spaces, inner runs of white space made one space."""
    value = value.strip()
    if b"  " in value or b"\t" in value:
        value = b" ".join(value.split())
    return value


def header_lines(headers: Mapping[bytes, bytes], names: Iterable[bytes]) -> bytes:
    """One ``name:value\\n`` a header; one that was not sent counts as empty."""
    return b"".join([name + b":" + header_value(headers.get(name, b"")) + b"\n" for name in names])


def query_as_sent(pairs: list[QueryPair]) -> str:
    """Query sorted by name, then value, in the client's own encoding: right for whoever encodes as S3 asks."""
    return "&".join(map("".join, sorted(pairs)))


def query_encoded_again(pairs: list[QueryPair]) -> str:
    """Query decoded, encoded by S3's rules and sorted; raises InvalidURI."""
    return query_as_sent([(_encoded_again(name), "=", _encoded_again(value)) for name, _, value in pairs])


def path_encoded_again(raw_path: bytes) -> bytes:
    """Path decoded and encoded by S3's rules; raises InvalidURI."""
    return quote_from_bytes(percent_decoded(raw_path), safe="/").encode()


def _encoded_again(text: str) -> str:
    return quote_from_bytes(percent_decoded(text.replace("+", " ").encode("latin-1")), safe="")

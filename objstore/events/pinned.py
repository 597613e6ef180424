"""Pinned: connections to a host of a URL, at the address that was looked at, and at no other.

The name is looked up once, its address checked, and that very address connected to: a name that changes its address in
between (rebinding) leads nowhere.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

import urllib3


class RefusedAddress(Exception):
    """The URL leads to an address that is not public."""


class Pinned:
    """``target``: path and query. Raises ValueError for what is no http(s) URL."""

    def __init__(self, url: str, allow_private: bool) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("an http or https URL is wanted")
        self._host, self._tls, self._allow_private = parts.hostname, parts.scheme == "https", allow_private
        self._port = parts.port or (443 if self._tls else 80)
        self.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.host_header = parts.netloc.rpartition("@")[2]

    def connect(self, seconds: float) -> urllib3.HTTPConnectionPool:
        """A pool to close after use. Blocks; raises OSError, RefusedAddress."""
        timeout, address = urllib3.Timeout(total=seconds), self._address()
        if self._tls:
            return urllib3.HTTPSConnectionPool(
                address, self._port, timeout=timeout, server_hostname=self._host, assert_hostname=self._host
            )
        return urllib3.HTTPConnectionPool(address, self._port, timeout=timeout)

    def _address(self) -> str:
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        for entry in found:
            address = str(entry[4][0])
            if self._allow_private or is_public(address):
                return address
        raise RefusedAddress(f"{self._host} is at no public address")


def is_public(address: str) -> bool:
    """Whether an address is on the internet: not private, link-local, loopback, multicast or mapped to one of these."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return is_public(str(found.ipv4_mapped))
    return found.is_global and not found.is_multicast

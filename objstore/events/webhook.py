"""Webhook: POST of JSON to a URL, and to no address that is not public unless that is allowed.

The name is looked up once, its address checked, and that very address connected to: a name that changes its address in
between (rebinding) leads nowhere. Redirects are not followed, and of the answer nothing but the status is read.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

import urllib3

SECONDS_MAX = 10.0


class RefusedAddress(Exception):
    """The URL leads to an address that is not public."""


class Webhook:
    """``token``: the value of Authorization; empty: none is sent. Raises ValueError for what is no http(s) URL."""

    def __init__(self, url: str, token: str, allow_private: bool) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("a webhook has an http or https URL")
        self._host, self._tls, self._allow_private = parts.hostname, parts.scheme == "https", allow_private
        self._port = parts.port or (443 if self._tls else 80)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Host": parts.netloc.rpartition("@")[2], "Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = token

    def post(self, body: bytes) -> int:
        """Send a body; the status of the answer. Blocks; raises OSError, urllib3's HTTPError, RefusedAddress."""
        timeout = urllib3.Timeout(total=SECONDS_MAX)
        address = self._address()
        pool: urllib3.HTTPConnectionPool
        if self._tls:
            pool = urllib3.HTTPSConnectionPool(
                address, self._port, timeout=timeout, server_hostname=self._host, assert_hostname=self._host
            )
        else:
            pool = urllib3.HTTPConnectionPool(address, self._port, timeout=timeout)
        try:
            answer = pool.request(
                "POST",
                self._target,
                body=body,
                headers=self._headers,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            answer.close()
            return int(answer.status)
        finally:
            pool.close()

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

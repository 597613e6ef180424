"""Webhook: POST of JSON to a URL, and to no address that is not public unless that is allowed.

Redirects are not followed, and of the answer nothing but the status is read.
"""

from objstore.events.pinned import Pinned

SECONDS_MAX = 10.0


class Webhook:
    """``token``: the value of Authorization; empty: none is sent. Raises ValueError for what is no http(s) URL."""

    def __init__(self, url: str, token: str, allow_private: bool) -> None:
        self._pinned = Pinned(url, allow_private)
        self._headers = {"Host": self._pinned.host_header, "Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = token

    def post(self, body: bytes) -> int:
        """Send a body; the status of the answer. Blocks; raises OSError, urllib3's HTTPError, RefusedAddress."""
        pool = self._pinned.connect(SECONDS_MAX)
        try:
            answer = pool.request(
                "POST",
                self._pinned.target,
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

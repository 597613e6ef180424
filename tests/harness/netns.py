"""Network: hosts of their own on this machine: network namespaces joined by a bridge, and what breaks between them.

Needs root, ``ip`` and ``nsenter``. Packets are lost on the way by a neighbour entry that leads nowhere, which needs no
firewall: a host that has one for another sends to it and nothing arrives, while it hears all that the other says.
"""

import itertools
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

NOBODY = "02:de:ad:00:00:00"
_numbers = itertools.count()


def why_not() -> str:
    """Why there can be no namespaces here; empty where they work."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("ip", "nsenter", "tc"):
        if shutil.which(program) is None:
            return f"network namespaces need {program} (iproute2, util-linux)"
    try:
        with Network() as network:
            host = network.host()
            _run(*host.through, "ip", "link", "show")
            host.slow(1_000_000)
    except subprocess.CalledProcessError as error:
        return f"{' '.join(error.cmd)}: {error.stderr.decode().strip()}"
    return ""


class Host:
    """One namespace with an address, and its file. ``through``: what to put before a command that is to run there."""

    def __init__(self, network: "Network", number: int) -> None:
        self.network, self.address = network, f"{network.prefix}.{number}"
        self._namespace = f"{network.name}h{number}"
        self._outer = f"{network.name}v{number}"  # the bridge's end of the cable
        self.namespace = Path("/run/netns", self._namespace)
        self.through: Sequence[str] = ("nsenter", f"--net={self.namespace}", "--")
        self._lost: dict[str, Host] = {}
        _run("ip", "netns", "add", self._namespace)
        _run("ip", "link", "add", self._outer, "type", "veth", "peer", "name", "eth0", "netns", self._namespace)
        _run("ip", "link", "set", self._outer, "master", network.name, "up")
        self._inside("ip", "link", "set", "lo", "up")
        self._inside("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        self._inside("ip", "link", "set", "eth0", "up")

    def isolate(self) -> None:
        """Pull the cable: what is sent to it and by it is lost, and nobody is told."""
        _run("ip", "link", "set", self._outer, "down")

    def lose(self, *others: "Host") -> None:
        """What this host sends to ``others`` is lost from now on; what they send arrives."""
        for other in others:
            self._inside("ip", "neigh", "replace", other.address, "lladdr", NOBODY, "dev", "eth0", "nud", "permanent")
            self._lost[other.address] = other

    def slow(self, bits_per_second: int) -> None:
        """Let no more than that out of the host; what has to wait longer than a second is lost."""
        rate = f"{bits_per_second}bit"
        self._inside(
            *("tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "32kb", "latency", "1s")
        )

    def mend(self) -> None:
        """As it was at the beginning."""
        _run("ip", "link", "set", self._outer, "up")
        for address in list(self._lost):
            self._inside("ip", "neigh", "del", address, "dev", "eth0")
            del self._lost[address]
        with suppress(subprocess.CalledProcessError):
            self._inside("tc", "qdisc", "del", "dev", "eth0", "root")

    def _inside(self, *command: str) -> None:
        _run(*self.through, *command)

    def close(self) -> None:
        """The namespace, and the cable with it, are gone once nothing runs there."""
        with suppress(subprocess.CalledProcessError):
            _run("ip", "link", "del", self._outer)
        _run("ip", "netns", "del", self._namespace)


class Network:
    """A bridge with an address of this machine's own, so that clients reach the hosts."""

    def __init__(self) -> None:
        number = (os.getpid() + 97 * next(_numbers)) % 65536
        self.name, self.prefix = f"ob{number:04x}", f"10.{64 + number // 256 % 64}.{number % 256}"
        self._hosts: list[Host] = []
        _run("ip", "link", "add", self.name, "type", "bridge")
        _run("ip", "address", "add", f"{self.prefix}.254/24", "dev", self.name)
        _run("ip", "link", "set", self.name, "up")

    def host(self) -> Host:
        """One more."""
        host = Host(self, len(self._hosts) + 1)
        self._hosts.append(host)
        return host

    def close(self) -> None:
        """Everything is gone."""
        for host in self._hosts:
            host.close()
        _run("ip", "link", "del", self.name)

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)

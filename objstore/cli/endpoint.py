"""The port of a server: free, and reserved from before the workers start until after they have ended."""

import socket

from objstore.cli.problem import StartError


def reserve(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen: it keeps the port for the workers' own; raises StartError if it is taken.

    Sockets that share a port by SO_REUSEPORT do so with every other server of the same user: so first see whether
    the port can be had alone.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind((host, port))
        return listen(host, port)
    except OSError as error:
        raise StartError(f"{host} port {port} cannot be listened on: {error.strerror or error}") from None


def endpoint_of(reserved: socket.socket, scheme: str = "http") -> str:
    """The URL for clients on this machine."""
    host, port = reserved.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """A socket of this process alone on a port that all workers share: the kernel spreads connections over them."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    return listener

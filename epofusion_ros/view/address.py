"""Where the page is served: the socket, whether others reach it, and the address to open."""

import ipaddress
import os
import socket


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on a host, by name or number, and a port; 0 takes any that is free.

    Raises:
        ValueError: it is taken, or cannot be had.
    """
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where, family=family)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise ValueError(
            f"{host} port {port} cannot be listened on: {reason}; "
            "expected an address of this machine and a free port, such as --port 8081"
        ) from error


def is_local(server: socket.socket) -> bool:
    """Tell whether this machine alone reaches it."""
    return ipaddress.ip_address(server.getsockname()[0]).is_loopback


def page_address(server: socket.socket, token: str) -> str:
    """Return what to open in a browser; an empty token is left out."""
    host, port = server.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = socket.gethostname()
    elif ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{port}/" + (f"?token={token}" if token else "")

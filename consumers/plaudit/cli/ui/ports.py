"""Ports to listen on, with one clear line if one is taken."""

from __future__ import annotations

import os
import socket

from plaudit.cli.ui.output import Exit, fail


def bound_socket(option: str, host: str, port: int) -> socket.socket:
    """Return a listening socket; exit if that is impossible.

    Args:
        option: option or variable that chooses the port.
        host: name or address to listen on.
        port: 0: any free one.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        fail(f"{option}: {cannot_listen(error, host, port)}; choose another port", Exit.USAGE)


def cannot_listen(error: OSError, host: str, port: int) -> str:
    """Return why it is impossible to listen, such as `address already in use`."""
    # The message of the error repeats the address as Python writes it.
    known = error.errno is not None and error.errno > 0
    why = os.strerror(error.errno).lower() if known and error.errno is not None else error.strerror
    return f"can't listen on {host}:{port}: {why}"

"""A client that floods a server, in a process apart from the client that is measured.

It writes a line of JSON once it has begun. When it is asked to stop, it writes how many answers of
each status it got, and how many of its connections were closed.

    python -m attack.flood_process '{"port": 8080, "way": "hold", "head": "", "connections": 9}'
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from http.client import HTTPConnection, HTTPException
from itertools import cycle
from typing import Any, Final

SENDERS: Final = 3
CLOSED: Final = "closed"


def request(given: dict[str, Any], stopping: threading.Event, answers: Counter[str]) -> None:
    """Send the requests in turn, each as soon as the one before it is answered."""
    connection = HTTPConnection("127.0.0.1", given["port"], timeout=30)
    headers = cycle(given["headers"])
    for method, path, body in cycle(given["requests"]):
        if stopping.is_set():
            break
        try:
            connection.request(method, path, body * given.get("times", 1) or None, next(headers))
            response = connection.getresponse()
            response.read()
            answers[str(response.status)] += 1
        except (OSError, HTTPException):
            answers[CLOSED] += 1
            connection.close()
    connection.close()


def pour(given: dict[str, Any], stopping: threading.Event, answers: Counter[str]) -> None:
    """Send the beginning of a request, and then the same bytes without end."""
    piece = given["piece"].encode() * 1_000
    while not stopping.is_set():
        with suppress(OSError), connected(given) as client:
            while not stopping.is_set():
                client.sendall(piece)
        answers[CLOSED] += 1


def hold(given: dict[str, Any], stopping: threading.Event, answers: Counter[str]) -> None:
    """Keep connections open that say nothing more, and replace them all each second."""
    while not stopping.is_set():
        with ExitStack() as stack:
            for _ in range(given["connections"]):
                with suppress(OSError):
                    stack.enter_context(connected(given))
            stopping.wait(1)
        answers[CLOSED] += given["connections"]


def connected(given: dict[str, Any]) -> socket.socket:
    """Return a connection on which the beginning of a request was sent."""
    client = socket.create_connection(("127.0.0.1", given["port"]), timeout=30)
    client.sendall(given["head"].encode())
    return client


WAYS: Final[dict[str, Callable[[dict[str, Any], threading.Event, Counter[str]], None]]] = {
    each.__name__: each for each in (request, pour, hold)
}


def main() -> None:
    """Flood until it is asked to stop."""
    # A's machine is another one: what the flood costs A must not slow this one.
    os.nice(19)
    given, stopping, answers = json.loads(sys.argv[1]), threading.Event(), Counter[str]()
    way = WAYS[given.get("way", "request")]
    senders = [
        threading.Thread(target=way, args=(given, stopping, answers)) for _ in range(SENDERS)
    ]
    for each in senders:
        each.start()
    print(json.dumps({}), flush=True)
    sys.stdin.readline()
    stopping.set()
    for each in senders:
        each.join()
    print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main()

"""A client that floods an API's server, in a process apart from the client that is measured.

It writes a line of JSON once it has begun. When it is asked to stop, it writes how many answers of
each status it got.

    python -m attack.flood_process '{"port": 8080, "requests": [["GET", "/readyz"]], "headers": {}}'
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import Counter
from http.client import HTTPConnection, HTTPException
from typing import Any

SENDERS = 3


def flood(given: dict[str, Any], stopping: threading.Event, statuses: Counter[int]) -> None:
    """Send the requests in turn, each as soon as the one before it is answered."""
    connection = HTTPConnection("127.0.0.1", given["port"], timeout=30)
    while not stopping.is_set():
        for method, path in given["requests"]:
            try:
                body = b"{}" if method == "POST" else None
                connection.request(method, path, body, given["headers"])
                response = connection.getresponse()
                response.read()
                statuses[response.status] += 1
            except (OSError, HTTPException):
                connection.close()
    connection.close()


def main() -> None:
    """Flood until it is asked to stop."""
    # A's machine is another one: what the flood costs A must not slow this one.
    os.nice(19)
    given, stopping, statuses = json.loads(sys.argv[1]), threading.Event(), Counter[int]()
    senders = [
        threading.Thread(target=flood, args=(given, stopping, statuses)) for _ in range(SENDERS)
    ]
    for each in senders:
        each.start()
    print(json.dumps({}), flush=True)
    sys.stdin.readline()
    stopping.set()
    for each in senders:
        each.join()
    print(json.dumps(statuses), flush=True)


if __name__ == "__main__":
    main()

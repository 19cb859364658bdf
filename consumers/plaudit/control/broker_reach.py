"""Check whether the brokers can be reached, with the cause and what to do if they can't.

The sockets tell what librdkafka reports late or not at all: a name that does not resolve, a refused
connection. librdkafka tells the rest: TLS and authentication.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from plaudit.kafka.errors import KafkaFailure, NotAuthorized, SettingsError
from plaudit.kafka.settings import BOOTSTRAP, KafkaSettings

CONNECT_S: Final = 0.8
ANSWER_S: Final = 1.0
"""Time in which a broker that accepts connections has to answer."""
_DOUBT_S: Final = 1.0
"""Time that a connection error may take to go away, as with one bad broker."""
_PORT: Final = 9092
_OF_TLS: Final = ("ssl", "tls", "security.protocol", "handshake", "receive.message.max.bytes")
"""A TLS port that gets plain text answers with an alert, which looks like a huge message."""
_OF_HTTP: Final = str(int.from_bytes(b"HTTP"))
"""The size of a response, as its first four bytes."""


def unreachable(settings: KafkaSettings, answer_s: float = ANSWER_S) -> str | None:
    """Return why the brokers can't be used, in one line; None if they answer.

    Takes less than two seconds, whatever is wrong, unless `answer_s` is longer.

    Args:
        settings: connection to Kafka.
        answer_s: time in which a broker that accepts connections has to answer.

    Raises:
        SettingsError: a setting is invalid.
    """
    servers = [each.strip() for each in servers_of(settings)]
    failures = refusals(servers)
    if servers and len(failures) == len(servers):
        listed = "; ".join(f"{server}: {why}" for server, why in failures.items())
        return f"Kafka is unreachable: {listed}. Check {BOOTSTRAP}"
    # This import is not needed to report that no socket accepts a connection.
    from plaudit.kafka.admin.client import Admin  # noqa: PLC0415 - takes long

    accepting = [server for server in servers if server not in failures]
    admin = Admin(settings, answer_s)
    try:
        admin.reach(min(answer_s, _DOUBT_S))
    except SettingsError:
        raise
    except NotAuthorized as failure:
        return str(failure)
    except KafkaFailure as failure:
        reason = failure.reason
        if _OF_HTTP in reason:
            return (
                f"Kafka is unreachable: an HTTP server answers at {accepting[0]}. Check {BOOTSTRAP}"
            )
        if not admin.trouble:
            what = f"{', '.join(accepting)} accepts connections, and has sent nothing"
            advice = f"Check {BOOTSTRAP}; for a busy broker, add --timeout 15s"
            return f"Kafka does not answer: {what} for {answer_s:g} s. {advice}"
        return f"Kafka does not answer: {reason or failure}. {_advice(reason)}"
    return None


def servers_of(settings: KafkaSettings) -> Iterable[str]:
    """Return the bootstrap servers as host:port."""
    return filter(None, str(settings.client_config()["bootstrap.servers"]).split(","))


def refusals(servers: Sequence[str]) -> dict[str, str]:
    """Return the servers that do not accept connections, with the reason, within a second."""
    failures = dict.fromkeys(servers, "no answer from the name server")
    accepted: set[str] = set()

    def try_one(server: str) -> None:
        why = refusal_of(server)
        if why is None:
            accepted.add(server)
        else:
            failures[server] = why

    # A look-up can't be interrupted; a daemon thread does not delay the end of the process.
    threads = [threading.Thread(target=try_one, args=(each,), daemon=True) for each in servers]
    for thread in threads:
        thread.start()
    deadline_s = time.monotonic() + CONNECT_S + 0.2
    for thread in threads:
        thread.join(max(0.0, deadline_s - time.monotonic()))
    return {server: why for server, why in failures.items() if server not in accepted}


def refusal_of(server: str) -> str | None:
    """Return why a server does not accept connections; None if it does."""
    parts = urlsplit(server if "://" in server else f"//{server}")
    try:
        with socket.create_connection((parts.hostname, parts.port or _PORT), CONNECT_S):
            return None
    except ValueError:
        return "not host:port"
    except socket.gaierror:
        return "name not found"
    except TimeoutError:
        return f"no connection within {CONNECT_S:g} s"
    except OSError as error:
        return (error.strerror or str(error)).lower()


def _advice(reason: str) -> str:
    secure = any(word in reason.lower() for word in _OF_TLS)
    what = "PLAUDIT_KAFKA_SECURITY_PROTOCOL and the PLAUDIT_KAFKA_SSL_* settings"
    return f"Check {what if secure else BOOTSTRAP}"

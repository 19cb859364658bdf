"""Check that the brokers are reachable, with the cause and the remedy if they are not.

Plain sockets find what librdkafka reports late or not at all: unknown host names and refused
connections. librdkafka reports problems with TLS and authentication.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from plaudit.kafka.errors import KafkaFailure, NotAuthorized, SettingsError
from plaudit.kafka.settings import BOOTSTRAP, KafkaSettings

CONNECT_S: Final = 0.8
ANSWER_S: Final = 1.0
"""Time limit for a broker that accepts connections to answer."""
_DOUBT_S: Final = 1.0
"""Time that a connection error may last, since one bad broker is harmless."""
_PORT: Final = 9092
_OF_TLS: Final = ("ssl", "tls", "security.protocol", "handshake", "receive.message.max.bytes")
"""A TLS port answers plain text with an alert, which looks like a huge message."""
_OF_HTTP: Final = str(int.from_bytes(b"HTTP"))
"""`HTTP`, read as the size of a response, which is its first four bytes."""


def unreachable(settings: KafkaSettings, answer_s: float = ANSWER_S) -> str | None:
    """Return why the brokers can't be used, in one line; None if they answer.

    It takes less than two seconds, unless `answer_s` is longer.

    Args:
        settings: connection to Kafka.
        answer_s: time limit for a broker that accepts connections to answer.

    Raises:
        SettingsError: a setting is invalid.
    """
    servers = servers_of(settings)
    failures = refusals(servers)
    if servers and len(failures) == len(servers):
        return _all_refused(failures)
    # Not imported before, because refused connections are reported without it.
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


def refused_by_all(settings: KafkaSettings) -> str | None:
    """Return one line if every bootstrap server refuses connections, within a second; else None.

    Raises:
        SettingsError: a setting is invalid.
    """
    servers = servers_of(settings)
    failures = refusals(servers)
    return _all_refused(failures) if servers and len(failures) == len(servers) else None


def _all_refused(failures: Mapping[str, str]) -> str:
    listed = "; ".join(f"{server}: {why}" for server, why in failures.items())
    return f"Kafka is unreachable: {listed}. Check {BOOTSTRAP}"


def servers_of(settings: KafkaSettings) -> list[str]:
    """Return the bootstrap servers as host:port, whichever variable names them.

    Raises:
        SettingsError: a setting is invalid.
    """
    listed = str(settings.client_config()["bootstrap.servers"]).split(",")
    return [each.strip() for each in listed if each.strip()]


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

    # A name look-up can't be interrupted, and a daemon thread does not delay the process's exit.
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

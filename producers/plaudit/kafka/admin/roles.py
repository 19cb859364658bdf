"""Kafka permissions of each role, for ACLs, `topics check` and the documentation.

A role is a process, or an operator's job. The threat model in SECURITY.md assumes that it has only
the permissions that this module lists.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from plaudit.records.names import Names

Kind = Literal["topic", "group", "transactional-id", "cluster"]
READ: Final = ("read",)
WRITE: Final = ("write",)
DESCRIBE: Final = ("describe", "describe_configs")
"""Permissions that comparing a topic with its declaration takes."""
CLUSTER: Final = "kafka-cluster"


class Role(StrEnum):
    """A role; each should connect as its own user."""

    PRODUCER = "producer"
    RELAY = "relay"
    DELIVER = "deliver"
    RECORD = "record"
    SERVE = "serve"
    DLQ = "dlq"
    OPERATOR = "operator"


MEANINGS: Final = {
    Role.PRODUCER: "an upstream service: `Publisher`, `plaudit publish`, `plaudit import`",
    Role.RELAY: "`plaudit outbox relay`",
    Role.DELIVER: "`plaudit deliver`",
    Role.RECORD: "`plaudit record` with `PLAUDIT_RECORD_JOBS=false`",
    Role.SERVE: "`plaudit serve`, `plaudit endpoints`, `plaudit deliveries retry`, `plaudit trace`",
    Role.DLQ: "`plaudit dlq`, `replay`, `records unblock`, `status`, `jobs run`",
    Role.OPERATOR: "`plaudit topics`, `plaudit schemas register`, and all of the above",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """Operations on a resource, or on all resources whose names share a prefix.

    Attributes:
        kind: type of the resource.
        name: its name, or the prefix of the names.
        operations: names of Kafka operations in lower case.
        prefixed: whether `name` is a prefix.
    """

    kind: Kind
    name: str
    operations: tuple[str, ...]
    prefixed: bool = False


def grants(role: Role, names: Names) -> Sequence[Grant]:
    """Return all permissions of a role."""
    match role:
        case Role.PRODUCER:
            return (*_publishes(names), _prefixed("transactional-id", f"{names.prefix}publish."))
        case Role.RELAY:
            return tuple(_publishes(names))
        case Role.DELIVER:
            return tuple(_delivers(names))
        case Role.RECORD:
            return tuple(_records(names))
        case Role.SERVE:
            return tuple(_serves(names))
        case Role.DLQ:
            return tuple(_sends_again(names))
        case Role.OPERATOR:
            return (
                Grant("topic", names.prefix, ("all",), prefixed=True),
                Grant("group", names.prefix, ("all",), prefixed=True),
                Grant("transactional-id", names.prefix, ("all",), prefixed=True),
                Grant("cluster", CLUSTER, ("describe", "describe_configs")),
            )


def _publishes(names: Names) -> Iterator[Grant]:
    for topic in names.event_topics:
        yield Grant("topic", topic, ("write", "describe"))


def _describes(names: Names) -> Iterator[Grant]:
    """Yield the permissions for checking all topics, and for reading without a group."""
    yield Grant("topic", names.prefix, DESCRIBE, prefixed=True)
    yield Grant("group", names.prefix, ("describe",), prefixed=True)


def _delivers(names: Names) -> Iterator[Grant]:
    yield from _describes(names)
    for topic in (*names.event_topics, names.endpoints, names.schemas):
        yield Grant("topic", topic, READ)
    yield Grant("topic", names.deliveries_prefix, ("read", "write"), prefixed=True)
    yield Grant("topic", names.health, ("read", "write"))
    for topic in (names.attempts, names.dlq_deliveries, names.dlq_events):
        yield Grant("topic", topic, WRITE)
    yield Grant("group", names.events_group, READ)
    yield Grant("group", names.deliveries_group, READ)


def _records(names: Names) -> Iterator[Grant]:
    yield from _describes(names)
    yield Grant("topic", names.attempts, READ)
    yield Grant("topic", names.endpoints, WRITE)
    yield Grant("group", names.recorder_group, READ)


def _serves(names: Names) -> Iterator[Grant]:
    yield from _describes(names)
    for topic in names.event_topics:
        yield Grant("topic", topic, ("read", "write"))
    yield Grant("topic", names.schemas, READ)
    yield Grant("topic", names.endpoints, ("read", "write"))
    yield _prefixed("topic", f"{names.prefix}dlq.", "read")
    yield Grant("topic", names.deliveries_now, WRITE)


def _sends_again(names: Names) -> Iterator[Grant]:
    yield from _describes(names)
    for topic in names.event_topics:
        yield Grant("topic", topic, ("read", "write"))
    for topic in (names.endpoints, names.attempts, names.schemas):
        yield Grant("topic", topic, READ)
    yield Grant("topic", names.deliveries_prefix, READ, prefixed=True)
    yield Grant("topic", names.deliveries_now, WRITE)
    yield Grant("topic", f"{names.prefix}dlq.", ("read", "write"), prefixed=True)
    for name in (names.events_group, names.deliveries_group):
        yield Grant("group", name, ("describe",))
    yield Grant("group", names.unblock_group, READ)
    for prefix in (names.dlq_prefix, names.replay_prefix):
        yield _prefixed("group", prefix, "read")
        yield _prefixed("transactional-id", prefix)


def _prefixed(kind: Kind, name: str, *operations: str) -> Grant:
    return Grant(kind, name, operations or ("write", "describe"), prefixed=True)


def commands(role: Role, names: Names, principal: str, bootstrap: str) -> Iterator[str]:
    """Yield the `kafka-acls` commands that grant a user a role's permissions."""
    for grant in grants(role, names):
        words = ["kafka-acls", "--bootstrap-server", bootstrap, "--add"]
        words += ["--allow-principal", principal]
        for operation in grant.operations:
            words += ["--operation", "".join(part.capitalize() for part in operation.split("_"))]
        words += ["--cluster"] if grant.kind == "cluster" else [f"--{grant.kind}", grant.name]
        if grant.prefixed:
            words += ["--resource-pattern-type", "prefixed"]
        yield shlex.join(words)

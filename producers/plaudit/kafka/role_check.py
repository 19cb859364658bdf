"""Comparison of a user's permissions on groups and transactional ids with those of its role."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka import Producer as Client
from confluent_kafka.admin import AdminClient

from plaudit.kafka.admin.roles import Role, grants
from plaudit.kafka.admin.topic_diff import Aspect, Severity, TopicIssue
from plaudit.kafka.clients import open_client
from plaudit.kafka.errors import NotAuthorized, denied, translate
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.names import Names

_TIMEOUT_S: Final = 10.0
_OF_GROUPS: Final = frozenset({"read", "delete"})
"""A user that may read a group may join it and commit its offsets, so skip or repeat records."""
_MISSING: Final = "GROUP_ID_NOT_FOUND"
_PASSING: Final = frozenset(
    {"COORDINATOR_LOAD_IN_PROGRESS", "COORDINATOR_NOT_AVAILABLE", "NOT_COORDINATOR"}
)
"""Errors of a broker that has just taken over a group."""
_AGAIN_S: Final = 0.2
_MOST_JOBS: Final = 20
"""Enough to check: each replayed endpoint has a group, and ACLs cover them by prefix."""
_PROBE: Final = "check"
"""Last part of the transactional ids that this check uses; no process has one like it."""


def check_groups(client: AdminClient, role: Role, names: Names) -> list[TopicIssue]:
    """Compare this user's permissions on the consumer groups with those of its role.

    The brokers do not report permissions on a group that was never used.

    Raises:
        KafkaFailure: the brokers are unavailable.
    """
    groups = {
        names.events_group,
        names.deliveries_group,
        names.recorder_group,
        names.unblock_group,
        *_of_jobs(client, names),
    }
    return [
        issue
        for group in sorted(groups)
        if (operations := _operations(client, group)) is not None
        for issue in _judge(
            role, "group", group, operations & _OF_GROUPS, _needed(role, names, "group", group)
        )
    ]


def _of_jobs(client: AdminClient, names: Names) -> list[str]:
    """Return the groups of dead-letter jobs and replays that this user may see."""
    asked = client.list_consumer_groups(request_timeout=_TIMEOUT_S)
    try:
        listed = asked.result(2 * _TIMEOUT_S).valid
    except KafkaException as error:
        raise translate(error, "list groups") from None
    ours = (names.dlq_prefix, names.replay_prefix)
    return sorted(each.group_id for each in listed if each.group_id.startswith(ours))[:_MOST_JOBS]


def _operations(client: AdminClient, group: str) -> frozenset[str] | None:
    """Return the operations that this user may perform on a group; None if it does not exist."""
    until_s = time.monotonic() + _TIMEOUT_S
    while True:
        asked = client.describe_consumer_groups(
            [group], include_authorized_operations=True, request_timeout=_TIMEOUT_S
        )
        try:
            operations = asked[group].result(2 * _TIMEOUT_S).authorized_operations or ()
            return frozenset(each.name.lower() for each in operations)
        except KafkaException as error:
            failure = translate(error, f"describe group {group}")
            if isinstance(failure, NotAuthorized):
                return frozenset()
            if failure.code == _MISSING:
                return None
            if failure.code not in _PASSING or time.monotonic() > until_s:
                raise failure from None
        time.sleep(_AGAIN_S)


def check_transactions(settings: KafkaSettings, role: Role) -> list[TopicIssue]:
    """Compare this user's permissions on transactional ids with those of its role.

    For each prefix, the check opens a producer under a separate id and writes nothing. The brokers
    remember such an id for a week.

    Raises:
        KafkaFailure: the brokers are unavailable.
    """
    found: list[TopicIssue] = []
    for prefix in transactional_prefixes(settings.names):
        needed = _needed(role, settings.names, "transactional-id", prefix) & {"write"}
        allowed = frozenset({"write"} if _may_open(settings, prefix + _PROBE) else ())
        found += _judge(role, "transactional id", f"{prefix}*", allowed, needed)
    return found


def transactional_prefixes(names: Names) -> Sequence[str]:
    """Return the prefixes of the transactional ids of all roles but the operator's."""
    return sorted(
        {
            grant.name
            for role in Role
            if role is not Role.OPERATOR
            for grant in grants(role, names)
            if grant.kind == "transactional-id"
        }
    )


def _may_open(settings: KafkaSettings, name: str) -> bool:
    config = {**settings.client_config(), "transactional.id": name}
    client = open_client(settings, Client, config)
    try:
        client.init_transactions(_TIMEOUT_S)
    except KafkaException as error:
        failure = translate(error, f"open transactional id {name}")
        if denied(failure):
            return False
        raise failure from None
    return True


def _needed(role: Role, names: Names, kind: str, name: str) -> frozenset[str]:
    found = {
        operation
        for grant in grants(role, names)
        if grant.kind == kind
        and (name.startswith(grant.name) if grant.prefixed else name == grant.name)
        for operation in grant.operations
    }
    return frozenset({*_OF_GROUPS, "write"}) if "all" in found else frozenset(found)


def _judge(
    role: Role, kind: str, name: str, allowed: frozenset[str], needed: frozenset[str]
) -> Iterator[TopicIssue]:
    needed = needed & ({"write"} if kind == "transactional id" else _OF_GROUPS)
    for operation in sorted(needed - allowed):
        what = f"may not {operation}, which role {role} needs"
        advice = f"see `plaudit topics acls {role}`"
        yield TopicIssue(Severity.ERROR, Aspect.DENIED, f"{kind} {name}", what, advice)
    for operation in sorted(allowed - needed):
        what = f"may {operation}, which role {role} must not"
        advice = "revoke that permission"
        yield TopicIssue(Severity.ERROR, Aspect.DENIED, f"{kind} {name}", what, advice)

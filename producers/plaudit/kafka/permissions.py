"""Permission checks before an operation.

The operation itself would hide a missing permission. In a transaction, librdkafka drops records
that the brokers refuse and reports them as purged. A topic that a user may not read looks empty.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from confluent_kafka import KafkaException, TopicCollection

from plaudit.kafka.admin.roles import Role, grants
from plaudit.kafka.admin.topic_diff import Aspect, Severity, TopicIssue
from plaudit.kafka.admin_clients import open_admin_client
from plaudit.kafka.admin_types import AclOperation
from plaudit.kafka.connection_errors import ConnectionErrors, call_until
from plaudit.kafka.errors import NotAuthorized, translate
from plaudit.kafka.role_check import check_groups, check_transactions
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.names import Names

_TIMEOUT_S: Final = 10.0
_SERVE_S: Final = 0.1
_EVERYTHING: Final = frozenset({"read", "write", "delete", "alter", "alter_configs"})
"""Relevant topic operations; each of them implies the right to describe."""


def require_brokers(settings: KafkaSettings) -> None:
    """Check that the brokers are available and accept this user.

    Raises:
        KafkaUnavailable: the brokers are unavailable.
        NotAuthorized: the password or the certificate is rejected.
    """
    _PermissionQuery(settings).names()


def require_read(settings: KafkaSettings, topic: str) -> None:
    """Check that this user may read a topic.

    Raises:
        NotAuthorized: the user may not; the message names the topic.
        KafkaFailure: the topic is missing, or the brokers are unavailable.
    """
    _PermissionQuery(settings).require(AclOperation.READ, "read", [topic])


def require_write(settings: KafkaSettings, topics: Collection[str]) -> None:
    """Check that this user may write to all of these topics.

    Raises:
        NotAuthorized: the user may not; the message names the topic.
        KafkaFailure: a topic is missing, or the brokers are unavailable.
    """
    _PermissionQuery(settings).require(AclOperation.WRITE, "write to", topics)


def check_role(settings: KafkaSettings, role: Role, topics: Collection[str]) -> list[TopicIssue]:
    """Compare this user's permissions on topics, groups and transactional ids with its role's.

    Args:
        settings: connection to Kafka, and the user.
        role: expected role.
        topics: existing topics with the prefix.

    Raises:
        KafkaFailure: the brokers are unavailable.
    """
    asking = _PermissionQuery(settings)
    allowed = asking.allowed(topics)
    if not any(allowed.values()):
        what = "the brokers did not return this user's permissions; it may lack Describe on topics"
        return [TopicIssue(Severity.ERROR, Aspect.DENIED, "", what)]
    if all(each >= _EVERYTHING for each in allowed.values() if each is not None):
        what = f"this user may do everything, more than role {role} needs"
        advice = "a super user, or brokers without an authorizer?"
        return [TopicIssue(Severity.WARNING, Aspect.DENIED, "", what, advice)]
    found = [
        finding
        for topic in sorted(topics)
        for finding in _judge(role, topic, allowed[topic], needs(role, settings.names, topic))
    ]
    found += check_groups(asking.client, role, settings.names)
    return found + check_transactions(settings, role)


def needs(role: Role, names: Names, topic: str) -> frozenset[str]:
    """Return the operations that a role needs on a topic."""
    return frozenset(
        operation
        for grant in grants(role, names)
        if grant.kind == "topic"
        and (topic.startswith(grant.name) if grant.prefixed else topic == grant.name)
        for operation in grant.operations
    )


def _judge(
    role: Role, topic: str, allowed: frozenset[str] | None, needed: frozenset[str]
) -> Iterator[TopicIssue]:
    """Yield the user's missing permissions on a topic, and those beyond its role."""
    wanted = needed & _EVERYTHING if "all" not in needed else _EVERYTHING
    for operation in sorted(wanted - (allowed or frozenset())):
        what = f"may not {operation}, which role {role} needs"
        advice = f"see `plaudit topics acls {role}`"
        yield TopicIssue(Severity.ERROR, Aspect.DENIED, topic, what, advice)
    for operation in sorted((allowed or frozenset()) & _EVERYTHING - wanted):
        what = f"may {operation}, which role {role} must not"
        yield TopicIssue(Severity.ERROR, Aspect.DENIED, topic, what, "revoke that permission")


class _PermissionQuery:
    """Connection for authorization queries."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._errors = ConnectionErrors()
        config = {**settings.client_config(), "error_cb": self._errors.note_error}
        self.client = open_admin_client(settings, config)

    def names(self) -> set[str]:
        def ask(timeout_s: float) -> set[str]:
            return set(self.client.list_topics(timeout=timeout_s).topics)

        return call_until(ask, "ask the brokers", _TIMEOUT_S, self._errors, self._serve)

    def require(self, right: AclOperation, doing: str, topics: Collection[str]) -> None:
        self.names()  # a rejected login fails here within a moment
        asked = self.client.describe_topics(
            TopicCollection(list(topics)),
            include_authorized_operations=True,
            request_timeout=_TIMEOUT_S,
        )
        for topic, future in asked.items():
            try:
                allowed = future.result(2 * _TIMEOUT_S).authorized_operations
            except KafkaException as error:
                failure = translate(error, f"describe topic {topic}")
                raise self._errors.explained(failure) from None
            if allowed is not None and right not in allowed:
                denial = f"{right.name} is denied"
                raise NotAuthorized(f"{doing} topic {topic}", denial, "TOPIC_AUTHORIZATION_FAILED")

    def allowed(self, topics: Collection[str]) -> dict[str, frozenset[str] | None]:
        """Return the allowed operations on each topic; None where the topic is hidden."""
        self.names()
        asked = self.client.describe_topics(
            TopicCollection(list(topics)),
            include_authorized_operations=True,
            request_timeout=_TIMEOUT_S,
        )
        found: dict[str, frozenset[str] | None] = {}
        for topic, future in asked.items():
            try:
                operations = future.result(2 * _TIMEOUT_S).authorized_operations or ()
                found[topic] = frozenset(each.name.lower() for each in operations)
            except KafkaException as error:
                failure = translate(error, f"describe topic {topic}")
                if not isinstance(failure, NotAuthorized):
                    raise self._errors.explained(failure) from None
                found[topic] = None
        return found

    def _serve(self) -> None:
        self.client.poll(_SERVE_S)

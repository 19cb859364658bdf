"""Broker with authentication and authorization: users, passwords and permissions."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from functools import cached_property
from typing import Any, Final

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
)
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from lab.scenario import Right
from plaudit.dev.kafka_local import LocalKafka
from plaudit.dev.kafka_probe import free_ports
from plaudit.kafka.admin.roles import Role, grants
from plaudit.records.names import Names
from waiting import until

USER: Final = "worker"
PASSWORD: Final = "from the start"
CALL_S: Final = 20.0
RULES: Final[Mapping[str, str]] = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    # An anonymous client is the test itself.
    "super.users": "User:ANONYMOUS",
    "listener.security.protocol.map": (
        "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,USERS:SASL_PLAINTEXT"
    ),
    "listener.name.users.sasl.enabled.mechanisms": "SCRAM-SHA-256",
    "listener.name.users.scram-sha-256.sasl.jaas.config": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
    # Interval at which connections must authenticate again.
    "listener.name.users.connections.max.reauth.ms": "2000",
}


class GuardedKafka(LocalKafka):
    """A broker with a second listener, for users with a password.

    Attributes:
        users_bootstrap: address of the listener for users.
    """

    def __init__(self) -> None:
        super().__init__(overrides=RULES)
        [node] = self.nodes
        [port] = free_ports(1)
        self.users_bootstrap = f"127.0.0.1:{port}"
        self._overrides["listeners"] = (
            f"PLAINTEXT://{node.address.bootstrap},USERS://{self.users_bootstrap},"
            f"CONTROLLER://127.0.0.1:{node.address.controller_port}"
        )

    @property
    def credentials(self) -> dict[str, str]:
        """Credentials of the user."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.users_bootstrap,
            "PLAUDIT_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "PLAUDIT_KAFKA_SASL_MECHANISM": "SCRAM-SHA-256",
            "PLAUDIT_KAFKA_SASL_USERNAME": USER,
            "PLAUDIT_KAFKA_SASL_PASSWORD": PASSWORD,
        }

    def admit_role(self, role: Role, names: Names) -> dict[str, str]:
        """Create a user with exactly the permissions of a role; return its settings."""
        user = f"{names.prefix}{role}"
        self.set_password(PASSWORD, user)
        for grant in grants(role, names):
            pattern = ResourcePatternType["PREFIXED" if grant.prefixed else "LITERAL"]
            kind = "broker" if grant.kind == "cluster" else grant.kind.replace("-", "_")
            for operation in grant.operations:
                self._give(_rule(kind, grant.name, pattern, operation, "ALLOW", user))
        return {**self.credentials, "PLAUDIT_KAFKA_SASL_USERNAME": user}

    def admit(self, prefix: str) -> None:
        """Create the user, with all permissions on names with this prefix."""
        self.set_password(PASSWORD)
        for kind in ("topic", "group"):
            self._give(_rule(kind, prefix, ResourcePatternType.PREFIXED, "all", "ALLOW"))

    def set_password(self, password: str, user: str = USER) -> None:
        """Change a user's password; connections that are open have 2 s left."""
        how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4_096)
        change = UserScramCredentialUpsertion(user, how, password.encode())
        _wait(self._admin.alter_user_scram_credentials([change], request_timeout=CALL_S))

    def take_away(self, right: Right, prefix: str) -> None:
        """Revoke a permission of the user."""
        self._give(_denial(right, prefix))

    def give_back(self, right: Right, prefix: str) -> None:
        """Restore a permission."""
        denial = AclBindingFilter(*_denial(right, prefix))
        _wait(self._admin.delete_acls([denial], request_timeout=CALL_S))

    def _give(self, rule: tuple[Any, ...]) -> None:
        """Create an ACL, and return when it takes effect, a moment after its acceptance."""
        _wait(self._admin.create_acls([AclBinding(*rule)], request_timeout=CALL_S))
        wanted = AclBindingFilter(*rule)
        until(
            lambda: self._admin.describe_acls(wanted, request_timeout=CALL_S).result(CALL_S),
            "a rule is in force",
            CALL_S,
        )

    @cached_property
    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap})


def _rule(
    kind: str,
    name: str,
    pattern: ResourcePatternType,
    operation: str,
    permission: str,
    user: str = USER,
) -> tuple[Any, ...]:
    """Return the arguments of an ACL binding or filter."""
    return (
        ResourceType[kind.upper()],
        name,
        pattern,
        f"User:{user}",
        "*",
        AclOperation[operation.upper()],
        AclPermissionType[permission],
    )


def _denial(right: Right, prefix: str) -> tuple[Any, ...]:
    name = prefix + right.name
    return _rule(right.kind, name, ResourcePatternType.LITERAL, right.operation, "DENY")


def _wait(futures: Mapping[Any, Future[Any]]) -> None:
    for future in futures.values():
        future.result(CALL_S)

"""Errors of Kafka access, classified by the action that resolves them.

KafkaFailure
├── SettingsError        a setting is invalid: change the variable it names
├── KafkaUnavailable     the brokers are unavailable or too slow: retry
├── NotAuthorized        the brokers refused this user: change ACLs or credentials
├── TopicProblem         a topic or partition is missing or unsuitable: `plaudit topics apply`
│   └── TopicMissing     the topic does not exist: wrong prefix, or not created yet
├── RecordRefused        the brokers will never accept this record
│   └── RecordTooLarge
├── BufferFull           the local buffer is full: wait for acknowledgements, then send again
├── ProducerFatal        this producer can't guarantee order and uniqueness any more: recreate it
│   └── Fenced           another process has taken its transactional id
├── ConsumerFatal        this consumer can't read any more: recreate it
├── TransactionAborted   nothing of the transaction was written: retry
├── ProducerClosed       closed before the brokers acknowledged
└── UsedAfterFork        a client of the parent process: create one in the child

No code outside of this package sees `KafkaError` or `KafkaException`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from confluent_kafka import KafkaError, KafkaException


class KafkaFailure(Exception):
    """A Kafka error that no other class here describes.

    Attributes:
        doing: action for the message, completing "could not …".
        reason: message of Kafka or its client.
        code: name of the Kafka error code, such as `MSG_SIZE_TOO_LARGE`; empty if unknown.
        retriable: whether the same request can succeed later.
    """

    summary: ClassVar[str] = "Kafka answered with an error"
    retriable: bool = True

    def __init__(self, doing: str, reason: str = "", code: str = "") -> None:
        self.doing = doing
        self.reason = reason
        self.code = code
        super().__init__(doing, reason, code)

    def __str__(self) -> str:
        detail = ": ".join(part for part in (self.code, self.reason) if part)
        return f"{self.doing}: {self.summary}{f' ({detail})' if detail else ''}"


class SettingsError(KafkaFailure):
    """A setting is missing or invalid.

    Attributes:
        variable: the environment variable to change.
    """

    retriable = False

    def __init__(self, variable: str, reason: str) -> None:
        self.variable = variable
        super().__init__(f"read {variable}", reason)
        self.args = (variable, reason)

    def __str__(self) -> str:
        return f"{self.variable}: {self.reason}"


class KafkaUnavailable(KafkaFailure):
    """The brokers can't be reached, or did not respond in time."""

    summary = "the brokers are unavailable or did not answer in time; check KAFKA_BOOTSTRAP_SERVERS"


class NotAuthorized(KafkaFailure):
    """The brokers refused this user, or rejected its credentials.

    Such a send is retriable: an operator can restore permissions that were removed by mistake.
    """

    summary = "not allowed; check this user's credentials and permissions"


class TopicProblem(KafkaFailure):
    """A topic or partition is missing, or does not support the request."""

    summary = "the topic is missing or unsuitable; see `plaudit topics check`"

    def __init__(
        self, doing: str, reason: str = "", code: str = "", *, retriable: bool = True
    ) -> None:
        super().__init__(doing, reason, code)
        self.retriable = retriable


class TopicMissing(TopicProblem):
    """The topic of a record does not exist; `topic` is its name."""

    def __init__(self, topic: str, code: str = "") -> None:
        super().__init__(f"publish to {topic}", "topic does not exist", code)
        self.topic = topic
        self.args = (topic, code)

    def __str__(self) -> str:
        advice = "run `plaudit topics apply`, or correct PLAUDIT_TOPIC_PREFIX"
        return f"topic {self.topic} does not exist; {advice}"


class RecordRefused(KafkaFailure):
    """The record itself is unacceptable: sending it again can't succeed."""

    summary = "the brokers will never accept the record"
    retriable = False


class RecordTooLarge(RecordRefused):
    """The record is over the limit of the topic or of the producer."""

    summary = "the record is too large"


class BufferFull(KafkaFailure):
    """The producer's buffer is full: records arrive faster than the brokers accept them."""

    summary = "the local buffer is full; wait for acknowledgements, then send again"


class ProducerFatal(KafkaFailure):
    """The idempotent producer met an error after which it can't send anything.

    The record itself may be fine, so the error counts as retriable, but only with a new producer:
    the owner must close this one and create another, or stop the process.
    """

    summary = "the producer failed permanently; create a new one"


class Fenced(ProducerFatal):
    """Another process has taken this one's transactional id; this producer can't write any more."""

    summary = "another process has taken over"


class ConsumerFatal(KafkaFailure):
    """The consumer met an error after which it can neither read nor commit.

    The owner must close it and create another, or stop the process.
    """

    summary = "the consumer failed permanently; create a new one"
    retriable = False


class GroupRefused(ConsumerFatal):
    """The group rejected this consumer: its members use another protocol or assignor.

    A new consumer can join once the last of them has left.
    """

    summary = "the group's members use another protocol or assignor"


class TransactionAborted(KafkaFailure):
    """Nothing of the transaction was written.

    Attributes:
        refused: records that the brokers will never accept, by their index in the transaction.
            Without them, the rest may be retried.
    """

    summary = "the transaction was aborted"

    def __init__(
        self,
        doing: str,
        reason: str = "",
        code: str = "",
        *,
        refused: Mapping[int, KafkaFailure] | None = None,
    ) -> None:
        super().__init__(doing, reason, code)
        self.refused = refused or {}


class ProducerClosed(KafkaFailure):
    """The producer is closed. The record is not acknowledged, but it may have been written."""

    summary = "the producer was closed"


class UsedAfterFork(KafkaFailure):
    """A client created before `fork()` was used in the child, which lacks its threads."""

    summary = "created before fork(); create another in the child process"
    retriable = False


# Kafka's error codes by class. Names, not numbers: librdkafka's own codes begin with an
# underscore, which lint takes for private attributes.
_BY_CLASS: Final[tuple[tuple[type[KafkaFailure], str], ...]] = (
    (
        KafkaUnavailable,
        """
        _TRANSPORT _ALL_BROKERS_DOWN _RESOLVE _SSL _TIMED_OUT _MSG_TIMED_OUT _TIMED_OUT_QUEUE
        _NODE_UPDATE _WAIT_CACHE _WAIT_COORD _IN_PROGRESS _PREV_IN_PROGRESS _RETRY _INTR
        _DESTROY_BROKER _UNKNOWN_BROKER _ISR_INSUFF
        BROKER_NOT_AVAILABLE CONCURRENT_TRANSACTIONS COORDINATOR_LOAD_IN_PROGRESS
        COORDINATOR_NOT_AVAILABLE ELIGIBLE_LEADERS_NOT_AVAILABLE FENCED_LEADER_EPOCH
        KAFKA_STORAGE_ERROR LEADER_NOT_AVAILABLE LISTENER_NOT_FOUND NETWORK_EXCEPTION
        NOT_CONTROLLER NOT_COORDINATOR NOT_ENOUGH_REPLICAS NOT_ENOUGH_REPLICAS_AFTER_APPEND
        NOT_LEADER_FOR_PARTITION OFFSET_NOT_AVAILABLE PREFERRED_LEADER_NOT_AVAILABLE
        REBOOTSTRAP_REQUIRED REPLICA_NOT_AVAILABLE REQUEST_TIMED_OUT STALE_BROKER_EPOCH
        THROTTLING_QUOTA_EXCEEDED UNKNOWN_LEADER_EPOCH
        """,
    ),
    (
        NotAuthorized,
        """
        _AUTHENTICATION SASL_AUTHENTICATION_FAILED ILLEGAL_SASL_STATE UNSUPPORTED_SASL_MECHANISM
        CLUSTER_AUTHORIZATION_FAILED GROUP_AUTHORIZATION_FAILED TOPIC_AUTHORIZATION_FAILED
        TRANSACTIONAL_ID_AUTHORIZATION_FAILED DELEGATION_TOKEN_AUTHORIZATION_FAILED
        DELEGATION_TOKEN_EXPIRED DELEGATION_TOKEN_NOT_FOUND SECURITY_DISABLED
        PRINCIPAL_DESERIALIZATION_FAILURE UNACCEPTABLE_CREDENTIAL
        """,
    ),
    (
        TopicProblem,
        """
        _UNKNOWN_TOPIC _UNKNOWN_PARTITION UNKNOWN_TOPIC_OR_PART UNKNOWN_TOPIC_ID
        INCONSISTENT_TOPIC_ID TOPIC_EXCEPTION TOPIC_ALREADY_EXISTS TOPIC_DELETION_DISABLED
        INVALID_PARTITIONS INVALID_REPLICATION_FACTOR INVALID_REPLICA_ASSIGNMENT INVALID_CONFIG
        POLICY_VIOLATION
        """,
    ),
    (
        RecordRefused,
        """
        INVALID_RECORD INVALID_TIMESTAMP UNSUPPORTED_FOR_MESSAGE_FORMAT _BAD_MSG _INVALID_ARG
        _INVALID_TYPE
        """,
    ),
    (RecordTooLarge, "MSG_SIZE_TOO_LARGE RECORD_LIST_TOO_LARGE INVALID_MSG_SIZE"),
    (BufferFull, "_QUEUE_FULL"),
    (
        ProducerFatal,
        """
        _FATAL _GAPLESS_GUARANTEE INVALID_PRODUCER_EPOCH
        INVALID_PRODUCER_ID_MAPPING OUT_OF_ORDER_SEQUENCE_NUMBER UNKNOWN_PRODUCER_ID
        TRANSACTION_COORDINATOR_FENCED
        """,
    ),
    (Fenced, "_FENCED PRODUCER_FENCED"),
    (ProducerClosed, "_PURGE_QUEUE _PURGE_INFLIGHT _DESTROY"),
)
_CLASS_OF: Final = {code: kind for kind, codes in _BY_CLASS for code in codes.split()}

# An invalid topic name, or a request that this cluster can't satisfy: waiting does not help.
_UNSUITABLE: Final = frozenset(
    {
        "TOPIC_EXCEPTION",
        "TOPIC_ALREADY_EXISTS",
        "TOPIC_DELETION_DISABLED",
        "INVALID_PARTITIONS",
        "INVALID_REPLICATION_FACTOR",
        "INVALID_REPLICA_ASSIGNMENT",
        "INVALID_CONFIG",
        "POLICY_VIOLATION",
    }
)


def denied(failure: KafkaFailure) -> bool:
    """Return True for authorization errors, including those that made the producer fatal."""
    return _CLASS_OF.get(failure.code) is NotAuthorized


# Responses of a group that rejects a member. The client gives up, or repeats the request in vain.
_NOT_A_MEMBER: Final[Mapping[str, str]] = {
    "FENCED_INSTANCE_ID": "another process uses the same group.instance.id",
    "UNRELEASED_INSTANCE_ID": "another process uses the same group.instance.id",
    "GROUP_ID_NOT_FOUND": "",
    "INVALID_GROUP_ID": "",
    "UNSUPPORTED_ASSIGNOR": "",
    "UNSUPPORTED_VERSION": "",
    "INCONSISTENT_GROUP_PROTOCOL": "",
}
_STOP_THE_OTHERS: Final = (
    "workers of another release or with another PLAUDIT_KAFKA_GROUP_PROTOCOL are in the group: "
    "stop all of them; this one joins when the last has left"
)
_NO_SUCH_GROUP: Final = KafkaError(KafkaError.GROUP_ID_NOT_FOUND).str()


def translate_for_consumer(error: KafkaError | KafkaException, doing: str) -> KafkaFailure:
    """Translate a consumer's error; a fatal one becomes `ConsumerFatal`."""
    failure = translate(error, doing)
    if isinstance(failure, ProducerFatal):
        return ConsumerFatal(doing, failure.reason, failure.code)
    return failure


def ends_membership(failure: KafkaFailure, *, was_member: bool) -> ConsumerFatal | None:
    """Return the fatal error of a consumer that its group rejects; None for other failures."""
    if not was_member and _is_refusal(failure):
        reason = "; ".join(filter(None, (failure.reason, _STOP_THE_OTHERS)))
        return GroupRefused(failure.doing, reason, failure.code)
    if isinstance(failure, ConsumerFatal):
        return failure
    advice = _NOT_A_MEMBER.get(failure.code)
    if advice is None:
        return None
    reason = "; ".join(filter(None, (failure.reason, advice)))
    return ConsumerFatal(failure.doing, reason, failure.code)


def _is_refusal(failure: KafkaFailure) -> bool:
    """Return whether the group uses another protocol or assignor.

    To a client with the newer protocol, a group with the older one does not exist. The client
    fails with a fatal error, and only its text names the cause.
    """
    return failure.code in {"INCONSISTENT_GROUP_PROTOCOL", "GROUP_ID_NOT_FOUND"} or (
        isinstance(failure, ConsumerFatal) and _NO_SUCH_GROUP in failure.reason
    )


def translate(error: KafkaError | KafkaException, doing: str) -> KafkaFailure:
    """Translate a librdkafka error into one of this module's classes.

    An unknown code becomes a plain, retriable `KafkaFailure`: it is safe to keep a record, and
    unsafe to give it up for an unclassified error.

    Args:
        error: error that librdkafka returned or raised.
        doing: action for the message, completing "could not …".
    """
    found = error.args[0] if isinstance(error, KafkaException) else error
    if not isinstance(found, KafkaError):
        return KafkaFailure(doing, str(found))
    code = found.name()
    kind = _CLASS_OF.get(code, KafkaFailure)
    if found.fatal() and not issubclass(kind, ProducerFatal):
        kind = ProducerFatal
    if issubclass(kind, TopicProblem):
        return kind(doing, found.str(), code, retriable=code not in _UNSUITABLE)
    return kind(doing, found.str(), code)

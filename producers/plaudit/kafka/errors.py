"""What can go wrong at the edge to Kafka, named by what has to change before it can go right.

KafkaFailure
├── SettingsError        a setting can't be used: change the variable it names
├── KafkaUnavailable     brokers are away, or did not answer in time: waiting helps
├── NotAuthorized        the brokers refused this user: rights or credentials have to change
├── TopicProblem         a topic or partition is missing or unfit: `plaudit topics apply`
├── RecordRefused        this record will never be taken
│   └── RecordTooLarge
├── BufferFull           the local buffer is full: wait for acknowledgements, then send again
├── ProducerFatal        this producer can't guarantee order and uniqueness any more: start anew
│   └── Fenced           another process has taken its transactional id
├── ConsumerFatal        this consumer can't read any more: start anew
├── TransactionAborted   nothing of the transaction was written: it may be tried again
├── ProducerClosed       closed before the brokers acknowledged
└── UsedAfterFork        a client of the parent process: make one in the child

Nothing above this package sees `KafkaError` or `KafkaException`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from confluent_kafka import KafkaError, KafkaException


class KafkaFailure(Exception):
    """Kafka answered with an error that no other class here describes.

    Attributes:
        doing: what was tried, in words that complete "could not …".
        reason: what Kafka or its client said.
        code: name of the Kafka error code, such as `MSG_SIZE_TOO_LARGE`; empty when there is none.
        retriable: whether the very same request can succeed later.
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
    """A setting is missing or can't be used.

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
    """The brokers can't be reached, or did not answer in time."""

    summary = "the brokers are away or did not answer in time"


class NotAuthorized(KafkaFailure):
    """The brokers refused this user, or did not accept its credentials.

    A send that failed so is retriable: rights that were taken by mistake are given back.
    """

    summary = "not allowed; check this user's credentials and rights"


class TopicProblem(KafkaFailure):
    """A topic or partition is missing, or can't be what was asked for."""

    summary = "topic missing or unfit; see `plaudit topics check`"

    def __init__(
        self, doing: str, reason: str = "", code: str = "", *, retriable: bool = True
    ) -> None:
        super().__init__(doing, reason, code)
        self.retriable = retriable


class RecordRefused(KafkaFailure):
    """The record itself is unacceptable: sending it again can't succeed."""

    summary = "the record was refused for good"
    retriable = False


class RecordTooLarge(RecordRefused):
    """The record is over the limit of the topic or of the producer."""

    summary = "the record is too large"


class BufferFull(KafkaFailure):
    """The producer's buffer is full: the brokers take records more slowly than they come."""

    summary = "the local buffer is full; wait for acknowledgements, then send again"


class ProducerFatal(KafkaFailure):
    """The idempotent producer met an error after which nothing more can be sent with it.

    It says nothing against the record, so it counts as retriable, but only with a new producer:
    whoever owns this one has to close it and start anew, or stop the process.
    """

    summary = "the producer failed for good; start a new one"


class Fenced(ProducerFatal):
    """Another process has taken this one's transactional id; it can write nothing more."""

    summary = "another process has taken over"


class ConsumerFatal(KafkaFailure):
    """The consumer met an error after which it reads nothing more, and may say nothing more.

    Whoever owns it has to close it and start anew, or stop the process.
    """

    summary = "the consumer failed for good; start a new one"
    retriable = False


class TransactionAborted(KafkaFailure):
    """Nothing of the transaction was written.

    Attributes:
        refused: records that will never be taken, by their number in the transaction; without
            them, the rest may be tried again.
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
    """The producer is closed; the record is not acknowledged, though it may have been written."""

    summary = "the producer was closed"


class UsedAfterFork(KafkaFailure):
    """A client made before `fork()` was used in the child, where its threads don't exist."""

    summary = "made before fork(); make a new one in the child process"
    retriable = False


# Kafka's error codes by the class that says what has to change. Names, not numbers: librdkafka's
# own codes begin with an underscore, which lint takes for private attributes.
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

# No topic's name, or a request that this cluster can't meet: waiting changes nothing.
_UNFIT_FOR_GOOD: Final = frozenset(
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
    """Return whether it is for want of a right, be the producer at its end for it or not."""
    return _CLASS_OF.get(failure.code) is NotAuthorized


# What a group answers to a member that it will not have: the client asks no more, or in vain.
_NOT_A_MEMBER: Final[Mapping[str, str]] = {
    "FENCED_INSTANCE_ID": "another process uses the same group.instance.id",
    "UNRELEASED_INSTANCE_ID": "another process uses the same group.instance.id",
    "GROUP_ID_NOT_FOUND": "",
    "INVALID_GROUP_ID": "",
    "UNSUPPORTED_ASSIGNOR": "",
    "UNSUPPORTED_VERSION": "",
    "INCONSISTENT_GROUP_PROTOCOL": "the other workers share out by another protocol or assignor: "
    "stop all of them, then start",
}


def translate_for_consumer(error: KafkaError | KafkaException, doing: str) -> KafkaFailure:
    """Translate what a consumer met; a fatal error is the consumer's own."""
    failure = translate(error, doing)
    if isinstance(failure, ProducerFatal):
        return ConsumerFatal(doing, failure.reason, failure.code)
    return failure


def ends_membership(failure: KafkaFailure) -> ConsumerFatal | None:
    """Return the end of a consumer that its group will not have; None for any other failure."""
    if isinstance(failure, ConsumerFatal):
        return failure
    advice = _NOT_A_MEMBER.get(failure.code)
    if advice is None:
        return None
    reason = "; ".join(filter(None, (failure.reason, advice)))
    return ConsumerFatal(failure.doing, reason, failure.code)


def translate(error: KafkaError | KafkaException, doing: str) -> KafkaFailure:
    """Say in this module's terms what librdkafka reported.

    A code that is unknown here becomes a plain, retriable `KafkaFailure`: holding a record back is
    safe, giving it up for an error that nobody has judged is not.

    Args:
        error: as librdkafka gave or raised it.
        doing: what was tried, in words that complete "could not …"; it opens the message.
    """
    found = error.args[0] if isinstance(error, KafkaException) else error
    if not isinstance(found, KafkaError):
        return KafkaFailure(doing, str(found))
    code = found.name()
    kind = _CLASS_OF.get(code, KafkaFailure)
    if found.fatal() and not issubclass(kind, ProducerFatal):
        kind = ProducerFatal
    if issubclass(kind, TopicProblem):
        return kind(doing, found.str(), code, retriable=code not in _UNFIT_FOR_GOOD)
    return kind(doing, found.str(), code)

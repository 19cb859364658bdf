"""Faults of a scenario."""

from __future__ import annotations

import resource
import signal
from collections import Counter
from typing import Final, assert_never

from confluent_kafka.admin import AdminClient

from lab.guarded import GuardedKafka
from lab.scenario import (
    Configure,
    Fault,
    FillDisk,
    Freeze,
    GiveBack,
    Grow,
    Join,
    Kill,
    KillBroker,
    KillLeader,
    Leave,
    SetPassword,
    StartBrokers,
    StopBroker,
    TakeAway,
    Thaw,
    Wedge,
)
from lab.stage import Stage
from plaudit.dev.kafka_node import BrokerNode
from plaudit.kafka.admin.topics import Admin
from plaudit.kafka.clients import open_client
from waiting import until

GIVES_UP_WITHIN_S: Final = 30.0
CALL_S: Final = 10.0


def perform(stage: Stage, fault: Fault) -> None:
    """Perform a fault, and return when it has taken effect."""
    match fault:
        case Kill(number):
            stage.kill(number)
        case Leave(number):
            stage.leave(number)
        case Join(crew):
            stage.join(crew)
        case Wedge(number):
            stage.wedge(number, GIVES_UP_WITHIN_S)
        case Freeze() | Thaw():
            _signal(stage, fault)
        case KillBroker() | KillLeader() | StopBroker() | FillDisk() | StartBrokers():
            _shake(stage, fault)
        case Configure() | Grow():
            _alter(stage, fault)
        case TakeAway() | GiveBack() | SetPassword():
            _judge(stage, fault)
        case _:
            assert_never(fault)
    stage.mark(say(fault))


def _alter(stage: Stage, fault: Configure | Grow) -> None:
    settings = stage.place.settings
    admin, topic = Admin(settings), settings.topic_prefix + fault.topic
    match fault:
        case Configure(_, config):
            refused = admin.configure(topic, config)
        case Grow(_, partitions):
            refused = admin.grow(topic, partitions)
        case _:
            assert_never(fault)
    assert refused is None, refused


def _signal(stage: Stage, fault: Freeze | Thaw) -> None:
    signals = {Freeze: signal.SIGSTOP, Thaw: signal.SIGCONT}
    stage.workers[fault.worker].process.send_signal(signals[type(fault)])


def _shake(
    stage: Stage, fault: KillBroker | KillLeader | StopBroker | FillDisk | StartBrokers
) -> None:
    match fault:
        case KillBroker(node):
            for each in stage.cluster.nodes:
                if node in (0, each.address.node_id):
                    each.kill()
        case KillLeader():
            stage.cluster.nodes[_busiest(stage) - 1].kill()
        case StopBroker(node):
            stage.cluster.nodes[node - 1].stop()
        case FillDisk(node):
            _fill_disk(stage.cluster.nodes[node - 1])
        case StartBrokers():
            stage.cluster.start()


def _busiest(stage: Stage) -> int:
    """Return the broker that leads most partitions of the installation, counted from 1."""
    settings = stage.place.settings
    client = open_client(settings, AdminClient, settings.client_config())
    topics = client.list_topics(timeout=CALL_S).topics.values()
    ours = [each for each in topics if (each.topic or "").startswith(settings.topic_prefix)]
    leads = Counter(part.leader for each in ours for part in each.partitions.values())
    return max(leads, key=leads.__getitem__)


def _fill_disk(broker: BrokerNode) -> None:
    """Make all writes fail that extend a file, which a broker treats as a full disk."""
    resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    until(lambda: not broker.running, "a broker that can't write ends", GIVES_UP_WITHIN_S)


def _judge(stage: Stage, fault: TakeAway | GiveBack | SetPassword) -> None:
    broker, prefix = stage.cluster, stage.place.settings.topic_prefix
    assert isinstance(broker, GuardedKafka), "these brokers let everyone do everything"
    match fault:
        case TakeAway(rights):
            for right in rights:
                broker.take_away(right, prefix)
        case GiveBack(rights):
            for right in rights:
                broker.give_back(right, prefix)
        case SetPassword(password):
            broker.set_password(password)


def say(fault: Fault) -> str:
    """Return a short description of a fault."""
    words = type(fault).__name__.lower()
    number = getattr(fault, "worker", getattr(fault, "node", None))
    return words if number is None else f"{words} {number}"

"""A file of endpoints, applied: in one transaction, and told the brokers in few batches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from plaudit.endpoints.follower import EndpointsFollower
from plaudit.endpoints.table import EndpointTable
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.store.endpoints.manifest import carry_out, plan, read_file
from plaudit.store.endpoints.relay import Relay
from plaudit.store.endpoints.service import EndpointService
from plaudit.store.endpoints.spec import EndpointSpec, InputRefused, Rules
from plaudit.transport.addresses import AddressPolicy
from store.unreachable import KEYS

WORKSPACE = "4ef43862-bc67-438e-9e17-e9d7b9adfc44"
URL = "https://hooks.example.com/plaudit?token=x"
WANTED = EndpointSpec(URL, ("testimonial.approved",), name="crm")


def many(count: int, url: str = URL) -> str:
    """Return a file of this many endpoints."""
    lines = [f"  - {{name: e{number}, url: '{url}&n={number}'}}" for number in range(count)]
    return "\n".join([f"workspace: {WORKSPACE}", "endpoints:", *lines])


@pytest.mark.broker
def test_a_file_is_applied_in_one_transaction_and_written_to_kafka_in_few_batches(
    engine: Engine, topics: KafkaSettings, tmp_path: Path
) -> None:
    """One by one, 2,000 endpoints took two minutes."""
    path = tmp_path / "endpoints.yaml"
    path.write_text(many(1_200))
    commits: list[object] = []
    with Producer(topics) as producer:
        relay = Relay(engine, producer, topics.names.endpoints, KEYS)
        service = EndpointService(engine, KEYS, relay, Rules(AddressPolicy(()), topics.tiers))
        steps = plan(service, read_file(path), prune=False)
        sa.event.listen(engine, "commit", commits.append)
        number = carry_out(service, steps)
        assert len(commits) == 1
        told: list[int] = []
        assert service.batch.announce(number, told.append) is None
        assert told == [500, 1_000, 1_200]
        assert len(commits) < 20
        kept = plan(service, read_file(path), prune=False)
        assert {step.action for step in kept} == {"keep"}
        assert service.sync() == 1_200
    table = EndpointTable(KEYS)
    follower = EndpointsFollower(topics, table)
    follower.start()
    assert follower.wait_ready(30)
    follower.close()
    assert len(table) == 1_200


def test_a_file_with_one_impossible_change_changes_nothing(
    service: EndpointService, tmp_path: Path
) -> None:
    path = tmp_path / "endpoints.yaml"
    path.write_text(many(3))
    carry_out(service, plan(service, read_file(path), prune=False))
    path.write_text(many(5, url="https://other.example.com/?x"))
    steps = plan(service, read_file(path), prune=True)
    before = service.list()
    [second] = [each for each in before if each.name == "e1"]
    removed = service.remove(second.endpoint_id).endpoint
    with pytest.raises(InputRefused, match="'e1': another process changed it meanwhile"):
        carry_out(service, steps)
    assert [each for each in service.list() if each.version > 1] == []
    assert {each.name for each in service.list()} == {"e0", "e2"}
    service.add(WORKSPACE, replace(WANTED, name=removed.name))
    with pytest.raises(InputRefused, match="'e1': another process changed it meanwhile"):
        carry_out(service, steps)


def test_an_entry_that_is_refused_is_named(service: EndpointService, tmp_path: Path) -> None:
    path = tmp_path / "endpoints.yaml"
    path.write_text(many(3).replace("n=1'", "n=1', types: [testimonial.aproved]"))
    with pytest.raises(InputRefused, match=r"endpoint 'e1': types: .*testimonial.approved"):
        plan(service, read_file(path), prune=False)

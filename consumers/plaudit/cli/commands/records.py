"""`plaudit records`: operators' actions on single records."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Annotated, Final

import typer

from plaudit.cli.ui.command_audit import record_command
from plaudit.cli.ui.durations import duration_option
from plaudit.cli.ui.output import Exit, fail, note
from plaudit.cli.ui.prompts import require_agreement
from plaudit.control.partition_heads import Reading
from plaudit.control.rewinding import LaneRewind, lanes
from plaudit.dlq.letters.filters import moment
from plaudit.kafka.permissions import require_brokers
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.lag import LagReader, PartitionLag
from plaudit.kafka.read.marks import Marks
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.waiting import ask_until
from plaudit.records.names import tier_of
from plaudit.records.times import wall_ms

app = typer.Typer(no_args_is_help=True, help="Unblock a partition, or read records again.")

LOOK_S: Final = 0.5
WAIT_S: Final = 15.0
_place = re.compile(r"(?P<topic>[A-Za-z0-9._-]{1,249})/(?P<partition>\d{1,9})@(?P<offset>\d{1,18})")


@app.command()
def unblock(
    record: Annotated[
        str,
        typer.Argument(
            metavar="TOPIC/PARTITION@OFFSET", help="The record, as `plaudit status` names it."
        ),
    ],
    wait: Annotated[
        float, duration_option("Time to wait for a worker to act.", default_s=WAIT_S)
    ] = WAIT_S,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation.")] = False,
) -> None:
    """Dead-letter a record that blocks its partition now, without further waiting.

    Workers keep running: the owner of the partition finds the request within seconds. It acts only
    if the partition is blocked at this record because the record can't be read. The record is
    kept, with its bytes, in `plaudit dlq list --kind events`. A pause by flood protection ends.

    Examples:
      plaudit records unblock plaudit.testimonials/5@1234
      plaudit records unblock testimonials/5@1234 --yes
    """
    settings = KafkaSettings()
    partition, offset = _read(settings, record)
    require_brokers(settings)
    reader = LagReader(settings, _group_of(settings, partition.topic))
    try:
        reason = _reason(settings, reader, partition, offset)
        note(f"{record}: {reason}")
        require_agreement("Dead-letter this record?", "changed", yes=yes)
        record_command("record.unblocked", f"{partition.topic}/{partition.number}@{offset}")
        with Marks(settings, settings.names.unblock_group) as marks:
            marks.write(partition, offset)
        if not _wait_until_past(reader, partition, offset, wait):
            fail(
                f"{record}: no worker acted on the request within {wait:g} s; it stays, and "
                "the next worker that reads the partition finds it. Is `plaudit deliver` running?"
            )
    finally:
        reader.close()
    typer.echo(f"{record} is a dead letter; see `plaudit dlq list --kind events`")


@app.command()
def rewind(
    since: Annotated[
        str,
        typer.Option(metavar="TIME", help="Read again from this time: RFC 3339, or an age: 10m."),
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation.")] = False,
) -> None:
    """Move the positions of both lanes back to a time, after a failover to a mirror of the cluster.

    Stop all workers first. After their start, they repeat every delivery since that time, with the
    same `webhook-id`. Positions never move forward.

    Examples:
      plaudit records rewind --since 10m
      plaudit records rewind --since 2026-11-24T00:00:00Z --yes
    """
    settings = KafkaSettings()
    since_ms = moment("--since", since, wall_ms()) or 0
    require_brokers(settings)
    with ExitStack() as stack:
        rewinds = [
            stack.enter_context(LaneRewind(settings, group, delays))
            for group, delays in lanes(settings).items()
        ]
        moves = [each.find(since_ms) for each in rewinds]
        for each, found in zip(rewinds, moves, strict=True):
            records = sum(end - start for start, end in found.values())
            note(f"{each.group}: {records:,} records again, in {len(found)} partitions")
        if not any(moves):
            return
        require_agreement("Move the positions back?", "changed", yes=yes)
        record_command("positions.rewound", settings.names.prefix)
        for each, found in zip(rewinds, moves, strict=True):
            each.move(found)
    typer.echo("The positions were moved; start the workers.")


def _read(settings: KafkaSettings, record: str) -> tuple[Partition, int]:
    """Parse the argument; the prefix of the topic is optional."""
    found = _place.fullmatch(record)
    if found is None:
        fail(f"{record!r} is not TOPIC/PARTITION@OFFSET, such as testimonials/5@1234", Exit.USAGE)
    topic, prefix = found["topic"], settings.names.prefix
    topic = topic if topic.startswith(prefix) else prefix + topic
    return Partition(topic, int(found["partition"])), int(found["offset"])


def _group_of(settings: KafkaSettings, topic: str) -> str:
    names = settings.names
    if topic in names.event_topics:
        return names.events_group
    if tier_of(topic, names.deliveries_prefix) is None:
        fail(f"{topic} is not a topic of events or deliveries", Exit.USAGE)
    return names.deliveries_group


def _reason(settings: KafkaSettings, reader: LagReader, partition: Partition, offset: int) -> str:
    """Return why the record can't be read, or exit if it does not block its partition."""
    lag = _lag(reader, partition)
    if offset < lag.committed:
        fail(f"the partition has passed this record: its position is {lag.committed}")
    first = reader.first(lag)
    if first is None or offset >= lag.end:
        place = f"{partition.topic}/{partition.number}"
        fail(f"{place} has no record at offset {offset}; its end is {lag.end}", Exit.USAGE)
    if first.offset != offset:
        fail(f"the partition's position is {first.offset}, not {offset}; see `plaudit status`")
    with Reading(settings) as reading:
        reason = reading.reason_unreadable(first)
    if reason is None:
        fail("it can be read, so it will not hold its partition for long; see the workers' log")
    return reason


def _lag(reader: LagReader, partition: Partition) -> PartitionLag:
    lags = {lag.partition: lag for lag in reader.read([partition.topic])}
    if partition.number not in lags:
        fail(f"{partition.topic} has no partition {partition.number}", Exit.USAGE)
    return lags[partition.number]


def _wait_until_past(reader: LagReader, partition: Partition, offset: int, wait_s: float) -> bool:
    """Wait until the group has passed a record; return False on time-out."""
    return ask_until(lambda: _lag(reader, partition).committed > offset, wait_s, every_s=LOOK_S)

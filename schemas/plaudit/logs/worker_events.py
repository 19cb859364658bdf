"""Log events of `plaudit deliver`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plaudit.logs.meaning import (
    Meaning,
    critical,
    error,
    info,
    news_or_warning,
    warning,
    warning_or_error,
)
from plaudit.logs.names import LogEvent

WORKER_EVENTS: Final[Mapping[LogEvent, Meaning]] = {
    "clock.in_sync": info(
        "The clocks of this machine and of the brokers agree again.",
    ),
    "clock.skewed": warning(
        "This machine's clock and the brokers' differ by more than a second.",
        "Repair time synchronisation. Due times follow the brokers' clock.",
    ),
    "clock.unknown": warning(
        "The brokers' time could not be measured at start; the worker uses its own clock until "
        "the first record.",
        "See `error`. If it names a right, run `plaudit topics check --role deliver`.",
    ),
    "delivery.attempted": news_or_warning(
        "One attempt, or a decision without one; warning unless it was delivered.",
        "Nothing for a single one; `reason` and `error` name the cause.",
    ),
    "delivery.defect": error(
        "Plaudit's code raised an exception for a delivery in hand; the worker retries it.",
        "Report it with the traceback; see the runbook, *Defects*.",
    ),
    "endpoint.unreadable": warning_or_error(
        "An endpoint record can't be opened or believed; its deliveries are diverted.",
        "Compare `PLAUDIT_SECRET_KEY` of all processes; if the record is damaged, run `plaudit "
        "endpoints sync`.",
    ),
    "endpoints.unbound": warning(
        "Endpoint records without a seal were read: an older release wrote them.",
        "Run the command in `advice`.",
    ),
    "endpoints.unreadable": error(
        "More endpoint records can't be opened than are logged one by one.",
        "Compare `PLAUDIT_SECRET_KEY` of all processes.",
    ),
    "health.unshared": warning(
        "A worker could not tell the others about an endpoint; each finds out for itself.",
        "See `error`: run `plaudit topics apply`, or grant the role `deliver` its rights.",
    ),
    "filter.too_costly": warning(
        "A filter needed too many steps for an event; the event is sent. Logged once for each "
        "endpoint.",
        "Simplify the filter of `endpoint_id`.",
    ),
    "group.refused": warning(
        "The consumer group does not accept this worker: its members use another assignor or "
        "group protocol.",
        "Stop the members of the other release or setting; this worker joins then.",
    ),
    "lane.failed": error(
        "Plaudit's code raised an exception at a check of blocked partitions, which it repeats.",
        "Report it with the traceback.",
    ),
    "lane.relieved": warning(
        "A partition could not advance, so hanging requests were cancelled or waiting deliveries"
        " diverted.",
        "Nothing for a single one. If frequent: look for endpoints that hang "
        "(`delivery.attempted`, `timeout`).",
    ),
    "offsets.commit_failed": news_or_warning(
        "Offsets can't be committed; nothing is lost, a restart repeats more deliveries. Info when "
        "a rebalance is the cause.",
        "See `error`. If it lasts, see the runbook, *Brokers away*.",
    ),
    "offsets.commit_recovered": info(
        "Offsets can be committed again.",
    ),
    "offsets.metadata_ignored": warning(
        "The commit metadata of a partition is of another program; some deliveries are repeated.",
        "Find the program that commits in this group.",
    ),
    "orders.unavailable": warning(
        "Orders of `plaudit records unblock` can't be read from a blocked partition.",
        "See `error`. The worker asks again every 2 s.",
    ),
    "partition.blocked": warning(
        "The next record of a partition can't be read yet; repeated once a minute.",
        "See the runbook, *Partition blocked*; `plaudit records unblock` ends it.",
    ),
    "partition.resumed": info(
        "A blocked partition advances again.",
    ),
    "partitions.assigned": info(
        "A rebalance has ended; this process owns these partitions.",
    ),
    "partitions.lost": warning(
        "The group took partitions away after this worker's session ended; their deliveries are "
        "repeated.",
        "If frequent: the worker was frozen or cut off from the brokers. Check CPU and network.",
    ),
    "position.past_end": error(
        "A committed offset is higher than the log's end: a topic was created again, or a "
        "cluster restored.",
        "See the runbook, *Position past the end*.",
    ),
    "record.stranded": error(
        "A record was not finished within all time-outs together; the worker starts it again.",
        "Report it. If it is logged again for the same record, restart the worker.",
    ),
    "record.unreadable": warning(
        "A record can't be read and becomes a dead letter; one line a minute for each partition "
        "and reason.",
        "See `reason` and the page *Dead letters*.",
    ),
    "records.lost": error(
        "Retention removed records before they were delivered.",
        "See the runbook, *Records lost*.",
    ),
    "settle.failed": error(
        "Retries, dead letters or attempt records can't be written to a topic; logged once for "
        "each topic.",
        "See `error`, and the runbook, *Writes fail*.",
    ),
    "settle.recovered": info(
        "Writing to a topic works again.",
    ),
    "source.close_timed_out": error(
        "The thread of a lane did not end in time when the worker stopped; its last work is "
        "repeated.",
        "Nothing for a single one. If frequent: check the brokers' answer times.",
    ),
    "source.closed_uncommitted": warning(
        "The last offsets could not be committed when the worker stopped; these deliveries are "
        "repeated.",
        "Nothing to do if the brokers were away.",
    ),
    "source.idle": info(
        "A worker is in its group without partitions: the group has more members than partitions.",
        "Nothing to do; stop the worker if it is not meant as a reserve.",
    ),
    "source.unavailable": warning(
        "The brokers don't answer what a lane needs to continue; it asks until they do.",
        "See `error`, and the runbook, *Brokers away*.",
    ),
    "supervisor.connection_lost": warning(
        "A worker process lost the socket to its supervisor.",
        "See the supervisor's last lines; the worker stops.",
    ),
    "supervisor.ended": error(
        "The supervisor has ended, so its worker process stops.",
        "Start `plaudit deliver` again; look for the kernel's out-of-memory message.",
    ),
    "topic.recreated": error(
        "A topic was deleted and created again while its partitions were read.",
        "See the runbook, *Position past the end*.",
    ),
    "topics.unavailable": warning(
        "The brokers do not describe the topics, so that one that is created again is not noticed.",
        "See `error`; the user needs the right `describe`.",
    ),
    "worker.ended": error(
        "A worker process ended; its supervisor starts it again after `again_in_s`.",
        "See the worker's last lines, and the runbook, *Worker restarts*.",
    ),
    "worker.killed": error(
        "The supervisor killed a worker process that did not stop in time.",
        "See the worker's last lines.",
    ),
    "worker.paused": warning(
        "The brokers acknowledge no writes, so the worker starts no attempts.",
        "Repair the cluster; see the runbook, *Brokers away*.",
    ),
    "worker.resumed": info(
        "The brokers acknowledge writes again; the worker continues.",
    ),
    "worker.session_by_broker": warning(
        "With the group protocol of KIP-848 the brokers set the session time-out, and with it "
        "the time to recover from a crash.",
        "Set `group.consumer.session.timeout.ms` at the brokers if 45 s is too long.",
    ),
    "worker.unavailable": warning(
        "A worker can't start yet: the brokers don't answer, or topics or rights are missing.",
        "See `error`. The worker tries again until it can start.",
    ),
    "worker.wedged": critical(
        "The event loop hung for 30 s; the worker exits with 70.",
        "Report it with the last log lines; the supervisor or Kubernetes starts a new one.",
    ),
}

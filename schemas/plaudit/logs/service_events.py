"""Log events of every other process, and of what publishers share with them."""

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

SERVICE_EVENTS: Final[Mapping[LogEvent, Meaning]] = {
    "api.crashed": error(
        "Plaudit's code raised an exception in a request; the caller got a 500.",
        "Report it with the traceback.",
    ),
    "api.misconfigured": error(
        "A request failed for a missing topic, a missing permission or a missing key: a retry "
        "can't succeed; the caller got a 500.",
        "See `error`; correct the setting, the topic or the permission.",
    ),
    "api.started": info(
        "The API listens on `host` and `port`.",
    ),
    "api.unavailable": warning(
        "A request failed as the database or the brokers don't answer; the caller got a 503.",
        "See `error`.",
    ),
    "attempt.unreadable": error(
        "A record of the `attempts` topic is not an attempt record.",
        "Find the program that writes to that topic; the record is skipped.",
    ),
    "attempts.lost": error(
        "Retention removed attempt records before the recorder read them; the log has a gap.",
        "Run more recorders, or repair the database sooner.",
    ),
    "chore.crashed": error(
        "Plaudit's code raised an exception in a background job; it runs again later.",
        "Report it with the traceback.",
    ),
    "chore.unavailable": warning(
        "A background job of the recorder can't reach the database or the brokers.",
        "See `error`. It tries again at its next time.",
    ),
    "consumer.failed": warning(
        "Reading fails: brokers are away, or refuse.",
        "See `error`, and the runbook, *Brokers away*.",
    ),
    "consumer.recovered": info(
        "Reading works again.",
    ),
    "endpoint.disabled": warning(
        "An endpoint was disabled: it answered 410, or failed for days.",
        "Nothing; its owner corrects it and runs `plaudit endpoints enable`.",
    ),
    "job.crashed": error(
        "Plaudit's code raised an exception in a job, which failed and reports it.",
        "Report it with the traceback.",
    ),
    "idempotency.not_stored": warning(
        "The response to a request with `Idempotency-Key` could not be stored; a repetition is "
        "carried out again, with the same effect.",
        "See `error`: the database.",
    ),
    "letter.unusable": error(
        "Plaudit's code raised an exception for one dead letter; the letter stays.",
        "Report it with the traceback; `plaudit dlq show` prints the letter.",
    ),
    "log.pruned": info(
        "The recorder removed what is older than the retention of the delivery log.",
    ),
    "metrics.port_taken": warning(
        "The port for metrics is taken, so the process serves them at the next free one.",
        "Set `PLAUDIT_METRICS_PORT` if your scraper needs a fixed port.",
    ),
    "notice.failed": warning(
        "A notice such as `endpoint.disabled` could not be sent to the workspace's endpoint; it "
        "is retried.",
        "See `said`: the answer.",
    ),
    "notice.given_up": error(
        "A notice could not be sent for a day and was dropped.",
        "Inform the workspace another way; check its notification endpoint.",
    ),
    "outbox.active": info(
        "This relay publishes; others stand by.",
    ),
    "outbox.relayed": info(
        "What the relay published since its last line, and what is left.",
    ),
    "outbox.row_refused": warning(
        "A row of the outbox can't be published as it is; it is put aside.",
        "Correct the row, then run `plaudit outbox retry`.",
    ),
    "outbox.standby": info(
        "Another relay is active; this one waits to take over.",
    ),
    "outbox.topic_unwritable": warning(
        "Rows for one topic can't be published; rows for other topics are.",
        "See `error`: a missing topic or right.",
    ),
    "outbox.topic_writable": info(
        "Rows for a topic can be published again.",
    ),
    "outbox.unavailable": warning(
        "The relay can't reach its database or the brokers; it tries again after `again_s`.",
        "See `error`.",
    ),
    "process.started": info(
        "A process starts: its `version`, its `form` (`compiled` or `pure`) and its `python`.",
    ),
    "producer.callback_failed": error(
        "The `on_ack` callback of a caller raised; other records are reported.",
        "Correct the callback; the traceback names it.",
    ),
    "producer.fatal": critical(
        "The producer can't continue, for example after being fenced; the process ends or opens "
        "a new one.",
        "See `error`. If it is repeated: two processes share a transactional id.",
    ),
    "recorder.recovered": info(
        "The recorder continues.",
    ),
    "payloads.unavailable": warning(
        "The recorder can't read events, so it does not store those of some attempts.",
        "See `error`. With `PLAUDIT_PAYLOAD_DAYS`, its Kafka user needs to read the event topics.",
    ),
    "recorder.unavailable": warning(
        "The recorder can't reach the database or the brokers; it tries until it can.",
        "See `error`, and the runbook, *Recorder behind*.",
    ),
    "registry.failed": warning_or_error(
        "The schema registry does not answer, or answers something unusable.",
        "See `error`. Schemas that are known stay in use.",
    ),
    "registry.preloaded": info(
        "Schemas of the registry were loaded at start.",
    ),
    "relay.crashed": error(
        "Plaudit's code raised an exception while it wrote endpoint records; it tries again.",
        "Report it with the traceback.",
    ),
    "relay.unavailable": warning(
        "Endpoint records can't be written to Kafka; changes reach workers later.",
        "See `error`.",
    ),
    "schemas.mismatch": warning(
        "A record of the `schemas` topic does not have the fingerprint that its key states; it "
        "is ignored.",
        "Find who writes that topic, then run `plaudit schemas register`.",
    ),
    "schemas.unreadable": warning(
        "A record of the `schemas` topic is not a schema; it is ignored.",
        "Find who writes that topic, then run `plaudit schemas register`.",
    ),
    "sign_in.failed": warning(
        "A person could not sign in with the OpenID provider; the page shows `reason`.",
        "See `detail`: it names the setting, the claim or the provider's error.",
    ),
    "sign_in.opened": info(
        "A person signed in with the OpenID provider: `person`, `subject`, `scope`, `address`.",
    ),
    "table.behind": news_or_warning(
        "A compacted topic (`endpoints`, `schemas`) can't be followed at present.",
        "See `error`, and the runbook, *Endpoint table not current*.",
    ),
    "table.crashed": error(
        "Plaudit's code raised an exception while it followed a compacted topic; the process ends.",
        "Report it with the traceback.",
    ),
    "tracing.failed": error(
        "The tracing library raised an exception for a span; nothing but the span is lost. Further "
        "ones are not logged.",
        "See the traceback; check the `OTEL_*` variables and the versions of the extra `tracing`.",
    ),
    "tracing.unavailable": warning(
        "The environment asks for traces, but the extra `tracing` is not installed. Trace context "
        "is passed on all the same.",
        "Install `plaudit[tracing]`, or set `OTEL_SDK_DISABLED=true`.",
    ),
    "transaction.abort_failed": warning(
        "A transaction could not be aborted; the brokers abort it after its time-out.",
        "See `error`. The job reports it and can be run again.",
    ),
}

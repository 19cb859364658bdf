"""Promises about records: unreadable ones block nothing and do no harm."""

from __future__ import annotations

from typing import Final

from breaks.one_line import Break

RECORDS: Final = (
    Break(
        "a partition waits for a schema for a bounded time",
        "consumers/plaudit/deliver/pipeline/schema_wait.py",
        ">= self._limit_s and counts",
        ">= self._limit_s and not counts",
        "tests/deliver/test_blocked.py",
    ),
    Break(
        "stray records hold a partition up for less long than they would by being many",
        "consumers/plaudit/deliver/pipeline/schema_wait.py",
        "self.spent_s = max(0.0, self.spent_s - since * REGAINED)",
        "self.spent_s = 0.0",
        "tests/deliver/test_blocked.py",
    ),
    Break(
        "flood protection ends by itself",
        "consumers/plaudit/deliver/isolation/dlq_limit.py",
        "if minute.stopped is not None and now >= minute.until:",
        "if minute.stopped is not None and now < 0:",
        "tests/deliver/test_flood.py",
    ),
    Break(
        "an unusable schema costs its compilation once",
        "schemas/plaudit/events/decoding.py",
        "self._unusable[name] = error.reason, error.detail",
        "pass",
        "tests/events/test_hostile.py",
    ),
    Break(
        "a few bytes can't stand for a million items",
        "schemas/plaudit/events/avro/reader_codegen.py",
        "if not self._writer.takes_bytes(items):",
        "if items is None:",
        "tests/events/test_hostile.py",
    ),
    Break(
        "only a registry that says so does not have a schema",
        "schemas/plaudit/events/registry/client.py",
        "if status == _NOT_FOUND and _is_absence(response):",
        "if status == _NOT_FOUND:",
        "tests/events/test_references.py",
    ),
    Break(
        "a schema id in the headers travels to the deliveries lane and is read there",
        "schemas/plaudit/events/decoding.py",
        "framed = framed_by_headers(value, headers())",
        "pass",
        "tests/deliver/test_header_ids.py",
    ),
    Break(
        "endpoints are restored into an empty database only, unless they are merged",
        "consumers/plaudit/store/endpoints/restore.py",
        "if known and not merge:",
        "if known and merge:",
        "tests/store/test_restore.py",
    ),
    Break(
        "a pooler in transaction mode never meets statements that another connection prepared",
        "consumers/plaudit/store/db/database.py",
        'return {"prepare_threshold": None} if drivername == "postgresql+psycopg" else {}',
        "return {}",
        "tests/store/test_opening.py",
    ),
    Break(
        "attempts in Confluent framing are read with the schema that wrote them",
        "schemas/plaudit/records/attempt.py",
        "head = MARKER + bytes.fromhex(named) if _is_fingerprint(named) else _head()",
        "head = _head()",
        "tests/records/test_attempt_framing.py",
    ),
    Break(
        "console and trace read events whose schema only a registry has",
        "producers/plaudit/kafka/schemas/late_decoder.py",
        "return self.get().decode(value, headers)",
        "raise",
        "tests/control/test_foreign_events.py",
    ),
    Break(
        "headers that can't be read stop nothing",
        "producers/plaudit/kafka/read/headers.py",
        "except (SystemError, UnicodeError):",
        "except UnicodeError:",
        "tests/kafka/test_headers.py",
    ),
    Break(
        "one bad letter never holds up the others",
        "consumers/plaudit/dlq/job/actions.py",
        "        return Skip.UNUSABLE",
        "        raise",
        "tests/dlq/test_bad_letters.py",
    ),
    Break(
        "a letter whose schema is still unknown stays",
        "consumers/plaudit/dlq/job/actions.py",
        "if skip_reason is None and self._schemas.is_unknown(letter):",
        "if skip_reason is None and letter is None:",
        "tests/dlq/test_bad_letters.py",
    ),
    Break(
        "an operator's order ends the wait for one record",
        "consumers/plaudit/deliver/pipeline/schema_wait.py",
        "return self.unblocked.get(record.assignment.partition) == record.offset",
        "return self.unblocked is None",
        "tests/deliver/test_blocked.py",
    ),
    Break(
        "a lane is as late as the record that it stands at",
        "consumers/plaudit/deliver/offsets/blocked.py",
        "dues = [each.due_ms for each in blocked]",
        "dues: list[int] = []",
        "tests/deliver/test_blocked.py",
    ),
)

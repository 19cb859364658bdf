"""Promises about matching, and about events with very many subscribers."""

from __future__ import annotations

from typing import Final

from breaks.one_line import Break

WIDE: Final = (
    Break(
        "deliveries of one event share it",
        "consumers/plaudit/deliver/pipeline/deliveries.py",
        "    if known is None:\n        return decode(lane, record)\n",
        "    if known is None or known:\n        return decode(lane, record)\n",
        "tests/deliver/test_latest_events.py",
    ),
    Break(
        "events that very many want go through the deliveries lane",
        "consumers/plaudit/deliver/pipeline/fan_out.py",
        "if ticket is None and len(self._found) > WIDE:",
        "if ticket is None and len(self._found) < 0:",
        "tests/deliver/test_lanes.py",
    ),
    Break(
        "a wide event is handed over a slice at a time",
        "consumers/plaudit/deliver/pipeline/fan_out.py",
        "if self._clock() >= until_s or not self._lane.may_fan_out:",
        "if not self._lane.may_fan_out:",
        "tests/deliver/test_fan_out.py",
    ),
    Break(
        "what wide events write waits for brokers that are behind",
        "consumers/plaudit/deliver/settle/tickets.py",
        "return self._count < MOST_FANNED_OUT and self._bytes < MOST_FANNED_OUT_BYTES",
        "return self._count >= 0",
        "tests/deliver/test_fan_out.py",
    ),
    Break(
        "a wide event is done when the last of its deliveries is written",
        "consumers/plaudit/deliver/settle/tickets.py",
        "ticket = Ticket(1, record, origin_of(record), wide=True)",
        "ticket = Ticket(0, record, origin_of(record), wide=True)",
        "tests/deliver/test_fan_out.py",
    ),
    Break(
        "what was published before an endpoint was disabled ends as a dead letter, not unseen",
        "consumers/plaudit/endpoints/matching.py",
        "return self._served if appended_ms >= self._ended_from_ms else self._with_ended",
        "return self._served",
        "tests/deliver/test_lanes.py",
    ),
    Break(
        "an endpoint that was enabled again gets what was published before it was disabled",
        "consumers/plaudit/endpoints/matching.py",
        "if not any(since <= appended_ms < until for since, until in endpoint.earlier):",
        "if endpoint.earlier is not None:",
        "tests/deliver/test_lanes.py",
    ),
    Break(
        "a file of endpoints is applied only to what was looked at",
        "consumers/plaudit/store/endpoints/batch.py",
        "if there != change.seen or",
        "if",
        "tests/store/test_apply.py",
    ),
    Break(
        "an endpoint is served from its `active_from` on",
        "consumers/plaudit/endpoints/matching.py",
        "if appended_ms < candidate.active_from_ms:",
        "if appended_ms < 0:",
        "tests/endpoints/test_table.py",
    ),
    Break(
        "a larger version of an endpoint is not replaced by a smaller one",
        "consumers/plaudit/endpoints/table.py",
        'and known.version > record["version"]:',
        "and known.version < 0:",
        "tests/endpoints/test_table.py",
    ),
)

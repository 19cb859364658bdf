"""One line of code for each promise, and how it could be wrong so that the promise is broken.

A test that can't fail proves nothing. `make breaks` changes these lines one after the other in a
copy of the tree, and the named tests must fail.
"""

from __future__ import annotations

from typing import Final

from breaks.attacks import ATTACKS
from breaks.console_data import CONSOLE_DATA
from breaks.defects import DEFECTS
from breaks.edges import EDGES
from breaks.imports import IMPORTS
from breaks.isolation import ISOLATION
from breaks.logs import LOGS
from breaks.meant import MEANT
from breaks.one_line import Break
from breaks.operations import OPERATIONS
from breaks.records import RECORDS
from breaks.tracing import TRACING
from breaks.wide import WIDE

OFFSETS: Final = (
    Break(
        "a broker that restarts is no reason to log that tables are behind",
        "producers/plaudit/kafka/read/behind_logger.py",
        "if not behind or failure.code == self._code:",
        "if failure.code == self._code:",
        "tests/kafka/test_behind_logger.py",
    ),
    Break(
        "a topic that was created again is read anew",
        "producers/plaudit/kafka/read/topic_watch.py",
        "return [each for each in held if each.topic in changed]",
        "return [each for each in held if each.topic not in changed]",
        "tests/kafka/test_topic_watch.py",
    ),
    Break(
        "an event that is delivered in part is not repeated when its partition moves",
        "consumers/plaudit/deliver/isolation/queues.py",
        "return {record for record, count in waits.items() if count < record.deliveries}",
        "return {record for record, count in waits.items() if count > record.deliveries}",
        "tests/deliver/test_revocation.py",
    ),
    Break(
        "before a partition moves, what is on the wire of an event that others have is waited for",
        "consumers/plaudit/deliver/offsets/revocation.py",
        "deadline += config.revoke_grace_s - config.hold_grace_s",
        "deadline += 0.0",
        "tests/deliver/test_revocation.py",
    ),
    Break(
        "what hangs when a partition moves does not repeat its event for the others",
        "consumers/plaudit/deliver/offsets/revocation.py",
        "        self._evict(lambda: _in_part(leaving))\n",
        "",
        "tests/deliver/test_revocation.py",
    ),
    Break(
        "an evicted attempt is retried",
        "consumers/plaudit/deliver/pipeline/upkeep.py",
        "if flight.delivery.record in hanging:",
        "if flight.delivery.record not in hanging:",
        "tests/deliver/test_revocation.py",
    ),
    Break(
        "a worker that its group has not let in is not ready",
        "consumers/plaudit/deliver/offsets/membership.py",
        "if since is None or self._member:",
        "if since is None or since:",
        "tests/deliver/test_membership.py",
    ),
    Break(
        "no more replicas have to be in sync than a topic has",
        "producers/plaudit/kafka/admin/topics.py",
        "wanted = spec.with_replicas(state.replication).config",
        "wanted = spec.config",
        "tests/kafka/test_topics.py",
    ),
    Break(
        "a second worker gets half of every topic",
        "consumers/plaudit/deliver/offsets/source_config.py",
        'ASSIGNOR: Final = "range"',
        'ASSIGNOR: Final = "cooperative-sticky"',
        "tests/deliver/test_sources.py",
    ),
    Break(
        "an offset is never committed past a record that is not done",
        "consumers/plaudit/deliver/offsets/window.py",
        "return received[0] if received else self._next",
        "return self._next",
        "tests/deliver/test_tracker.py",
    ),
    Break(
        "a restart takes from the bitmap exactly what was done",
        "consumers/plaudit/deliver/offsets/bitmap.py",
        ">> (committed + 1 - self._base)",
        ">> (committed - self._base)",
        "tests/deliver/test_tracker.py",
    ),
    Break(
        "commit metadata stays below what brokers take",
        "consumers/plaudit/deliver/offsets/bitmap.py",
        " & ALL_BITS",
        "",
        "tests/deliver/test_tracker.py",
    ),
    Break(
        "what a kill repeats was done within the last 50 ms",
        "consumers/plaudit/deliver/offsets/committer.py",
        "COMMIT_EVERY_S: Final = 0.04",
        "COMMIT_EVERY_S: Final = 0.25",
        "tests/deliver/test_commits.py",
    ),
    Break(
        "slow brokers get one commit at a time",
        "consumers/plaudit/deliver/offsets/committer.py",
        "self._answer_until = now + ANSWERED_WITHIN_S",
        "self._answer_until = None",
        "tests/deliver/test_commits.py",
    ),
    Break(
        "a write ends the wait of an idle worker for acknowledgements",
        "consumers/plaudit/deliver/settle/serving.py",
        "        self._written.set()\n",
        "        self._written.is_set()\n",
        "tests/deliver/test_serving.py",
    ),
    Break(
        "a window is bounded by its span",
        "consumers/plaudit/deliver/offsets/window.py",
        "or self.span < limits.span",
        "or self.span >= 0",
        "tests/deliver/test_tracker.py",
    ),
    Break(
        "a window is not moved past what was read and waits",
        "consumers/plaudit/deliver/offsets/assignment.py",
        "if not self.intake:",
        "if self.read_to:",
        "tests/deliver/test_holdings.py",
    ),
    Break(
        "what was read without room for it is read again, and nothing beyond it before",
        "consumers/plaudit/deliver/offsets/assignment.py",
        "if self.reread_at is not None and record.offset != self.reread_at:",
        "if self.reread_at is not None and record.offset < 0:",
        "tests/deliver/test_holdings.py",
    ),
    Break(
        "a window goes on after a rebalance only where the group still stands where it was left",
        "consumers/plaudit/deliver/offsets/assignments.py",
        "if kept is not None and kept.continue_at(place):",
        "if kept is not None:",
        "tests/deliver/test_holdings.py",
    ),
    Break(
        "a commit that failed while its partition was away is made again",
        "consumers/plaudit/deliver/offsets/assignment.py",
        "        self._committed, self._seen_at_commit = place, -1\n",
        "",
        "tests/deliver/test_holdings.py",
    ),
    Break(
        "what another worker got is let go",
        "consumers/plaudit/deliver/offsets/assignments.py",
        "        assignment.active = False\n        assignment.held = False\n",
        "        assignment.held = False\n",
        "tests/deliver/test_holdings.py",
    ),
    Break(
        "a commit that failed is made again",
        "consumers/plaudit/deliver/offsets/assignment.py",
        '"""Forget the last commit, which has failed."""\n        self._committed = None',
        '"""Forget the last commit, which has failed."""',
        "tests/deliver/test_holdings.py",
    ),
    Break(
        "what an aborted transaction left at a log's end is stepped over",
        "consumers/plaudit/deliver/offsets/assignment.py",
        "self.read_to = max(self.read_to, offset)",
        "self.read_to = max(self.read_to, 0 * offset)",
        "tests/deliver/test_source.py",
    ),
    Break(
        "what was done is committed before a partition moves",
        "consumers/plaudit/deliver/offsets/revocation.py",
        "        self._commits.commit_now(leaving)\n"
        "        self.finish(leaving, self._config.revoke_grace_s)\n"
        "        self._commits.commit_now(leaving)\n",
        "",
        "tests/deliver/test_source.py",
    ),
    Break(
        "a record is done when all its deliveries are",
        "consumers/plaudit/deliver/pipeline/pipeline.py",
        "record.pending = record.deliveries = len(deliveries)",
        "record.pending = record.deliveries = 1",
        "tests/deliver/test_pipeline.py",
    ),
)

SETTLING: Final = (
    Break(
        "a write that failed is repeated",
        "consumers/plaudit/deliver/settle/settler.py",
        "self._failed.append((write, ticket, outcome))",
        "ticket.record.done()",
        "tests/deliver/test_settler.py",
    ),
    Break(
        "a write that is refused for good becomes a dead letter",
        "consumers/plaudit/deliver/settle/settler.py",
        "if failure.retriable or write.topic == self._attempts:",
        "if failure.retriable or write.topic:",
        "tests/deliver/test_settler.py",
    ),
    Break(
        "what was refused for its batch's sake is no dead letter",
        "consumers/plaudit/deliver/settle/oversized.py",
        "return self._monotonic() < until and _size(write) >= size",
        "return _size(write) > 0",
        "tests/deliver/test_settler.py",
    ),
    Break(
        "while no broker answers, nothing is begun that could not be written down",
        "consumers/plaudit/deliver/settle/silence.py",
        "return self.seconds % TRY_EVERY_S > STALLED_AFTER_S",
        "return self.seconds < 0",
        "tests/deliver/test_stall.py",
    ),
    Break(
        "a delivery has its line in the log before its offset is committed",
        "consumers/plaudit/deliver/settle/settler.py",
        "ticket = self._tickets.open(record, origin, len(writes))",
        "ticket = self._tickets.open(record, origin, 1)",
        "tests/deliver/test_settler.py",
    ),
    Break(
        "of two records of one step only the first is delivered",
        "consumers/plaudit/deliver/pipeline/deduplication.py",
        "return first != offset",
        "return first < 0",
        "tests/deliver/test_lanes.py",
    ),
    Break(
        "each refusal for the pace is a step of its own, and no double of the one before",
        "consumers/plaudit/deliver/settle/headers.py",
        "diversions = 0 if counts else history.diversions",
        "diversions = 0 if attempted is not None else history.diversions",
        "tests/deliver/test_doubles.py",
    ),
    Break(
        "the events lane waits for a table of endpoints that is current",
        "consumers/plaudit/deliver/pipeline/events.py",
        "if not shared.table_is_current():",
        "if shared.table is None:",
        "tests/deliver/test_lanes.py",
    ),
)

TIME: Final = (
    Break(
        "an endpoint is served by the brokers' clock",
        "consumers/plaudit/endpoints/summary.py",
        "if not appended_ms or said_ms <= latest_ms:",
        "if not appended_ms or said_ms:",
        "tests/endpoints/test_table.py",
    ),
    Break(
        "how late a lane is follows the brokers' clock",
        "consumers/plaudit/deliver/offsets/bridge.py",
        "self._late_at_ms = self._clock.now_ms()",
        "self._late_at_ms = int(time.time() * 1_000)",
        "tests/deliver/test_skew.py",
    ),
    Break(
        "no record of a tier runs before it is due",
        "consumers/plaudit/deliver/offsets/buffer.py",
        "self._held[0].due_ms > now_ms:",
        "self._held[0].due_ms > now_ms + 1_000:",
        "tests/deliver/test_intake.py",
    ),
    Break(
        "`Retry-After` is never undercut",
        "consumers/plaudit/deliver/model/decision.py",
        "next((tier for tier in self.tiers if tier.millis >= wait_ms), self.tiers[-1])",
        "next((tier for tier in self.tiers if tier.millis * 2 > wait_ms), self.tiers[-1])",
        "tests/deliver/test_decide.py",
    ),
    Break(
        "diversions in a row wait longer and longer",
        "consumers/plaudit/deliver/model/decision.py",
        "return self.tier_for(history.waited_ms + 1)",
        "return self.tiers[0]",
        "tests/deliver/test_dead_endpoint.py",
    ),
)

TRANSPORT: Final = (
    Break(
        "workspaces share no connections",
        "consumers/plaudit/transport/engine/engine.py",
        "key = (owner, target.origin)",
        'key = ("", target.origin)',
        "tests/transport/test_pools.py",
    ),
    Break(
        "names that hang leave look-ups to other workspaces",
        "consumers/plaudit/transport/net/lookups.py",
        "share = max(1, min(self._most_each, self._free // 3))",
        "share = self._most",
        "tests/transport/test_look_ups.py",
    ),
    Break(
        "a name that was not looked up is not its endpoint's failure",
        "consumers/plaudit/deliver/isolation/answers.py",
        "case AddressRefused(literal=True) | RequestInvalid() | LookUpsBusy():",
        "case AddressRefused(literal=True) | RequestInvalid():",
        "tests/deliver/test_look_ups.py",
    ),
    Break(
        "a filter costs at most so much on an event",
        "consumers/plaudit/endpoints/filters.py",
        "if steps > self.left:",
        "if steps < 0:",
        "tests/endpoints/test_filters.py::test_a_filter_that_can_not_afford_to_judge_an_event_accepts_it",
    ),
    Break(
        "the first record of an endpoint is believed only with its seal",
        "consumers/plaudit/endpoints/rows.py",
        "or not is_bound(body, value[-SEAL_BYTES:], _IDS_END, self._keys)",
        "or not body",
        "tests/endpoints/test_binding.py",
    ),
    Break(
        "a change of an endpoint replaces its opened form",
        "consumers/plaudit/endpoints/table.py",
        "def _changed(self, endpoint_id: str, workspace_id: str, *, is_new: bool) -> None:",
        "def _changed(self, endpoint_id: str, workspace_id: str, *, is_new: bool) -> None:\n"
        "        return",
        "tests/endpoints/test_packed.py",
    ),
    Break(
        "a workspace's filters hold the event loop for a moment only",
        "consumers/plaudit/endpoints/matching.py",
        "if spent > MOST_STEPS_AT_ONCE:",
        "if not spent + 1:",
        "tests/endpoints/test_table.py",
    ),
    Break(
        "an odd field that says where a body ends is refused",
        "consumers/plaudit/transport/lenient_head.py",
        "if odd and bare in _FRAMING:",
        "if not bare and odd:",
        "tests/transport/test_assembly.py",
    ),
    Break(
        "a refusal does not tell which address a name leads to",
        "consumers/plaudit/transport/errors.py",
        'super().__init__(f"{host}: {reason}")',
        'super().__init__(f"{host} ({address}): {reason}")',
        "tests/transport/test_sender.py",
    ),
)

BREAKS: Final = (
    *OFFSETS, *SETTLING, *DEFECTS, *TIME, *ISOLATION, *TRANSPORT, *RECORDS, *ATTACKS, *EDGES, *WIDE,
    *IMPORTS, *LOGS, *CONSOLE_DATA, *MEANT, *OPERATIONS, *TRACING,
)  # fmt: skip

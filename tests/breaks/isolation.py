"""How isolation and paces could be wrong (see `promises`)."""

from __future__ import annotations

from typing import Final

from breaks.one_line import Break

ISOLATION: Final = (
    Break(
        "an endpoint that loses by more requests gets fewer",
        "consumers/plaudit/deliver/isolation/concurrency.py",
        "elif strained and",
        "elif not strained and",
        "tests/deliver/test_concurrency.py",
    ),
    Break(
        "an endpoint gets no more requests at once than its limit",
        "consumers/plaudit/deliver/isolation/admission.py",
        "has_slot = len(slots.flights) < most_in_flight(slots, self._limits, self.queues.in_hand)",
        "has_slot = len(slots.flights) >= 0",
        "tests/deliver/test_admission.py",
    ),
    Break(
        "a refusal for the pace uses up no attempt",
        "consumers/plaudit/deliver/settle/headers.py",
        "made = history.attempts + counts",
        "made = history.attempts + (attempted is not None)",
        "tests/deliver/test_allowance.py",
    ),
    Break(
        "an endpoint that refuses gets what it took",
        "consumers/plaudit/deliver/isolation/allowance.py",
        "measured = max(self._measured_per_s, self._count / lasted_s, FLOOR_PER_S)",
        "measured = FLOOR_PER_S",
        "tests/deliver/test_allowance.py",
    ),
    Break(
        "requests on their way count as taken from a quota",
        "consumers/plaudit/deliver/isolation/endpoint_health.py",
        "left.remaining > at_once",
        "left.remaining > 0",
        "tests/deliver/test_quota.py",
    ),
    Break(
        "what one lane learns of an endpoint the other knows",
        "consumers/plaudit/deliver/isolation/known.py",
        "return known.standing",
        "return EndpointHealth()",
        "tests/deliver/test_return.py",
    ),
    Break(
        "a refused delivery waits for what is left of the open time",
        "consumers/plaudit/deliver/isolation/endpoint_health.py",
        "return Refusal(Reason.CIRCUIT_OPEN, self._circuit.left_s(now_s))",
        "return Refusal(Reason.CIRCUIT_OPEN, self._circuit.open_s)",
        "tests/deliver/test_return.py",
    ),
    Break(
        "reading does not wait for an endpoint that takes its time",
        "consumers/plaudit/deliver/isolation/room.py",
        "if mean_s is not None and mean_s - slack_s > BRISK_S:",
        "if mean_s is not None and mean_s - slack_s > 60.0:",
        "tests/deliver/test_floods.py",
    ),
    Break(
        "a backlog's turns are as far apart as its endpoint takes them",
        "consumers/plaudit/deliver/isolation/bookings.py",
        "self._booked_s = max(self._booked_s, now_s + waiting / per_s) + 1 / per_s",
        "self._booked_s = now_s + waiting / per_s",
        "tests/deliver/test_turns.py",
    ),
    Break(
        "failures in a row open an endpoint's circuit",
        "consumers/plaudit/deliver/isolation/circuit_breaker.py",
        "or self._in_a_row >= self._limits.failures:",
        "or self._in_a_row < 0:",
        "tests/deliver/test_breaker.py",
    ),
    Break(
        "what began before a circuit changed says nothing",
        "consumers/plaudit/deliver/isolation/circuit_breaker.py",
        "if permit != self._generation:",
        "if permit < 0:",
        "tests/deliver/test_breaker.py",
    ),
    Break(
        "no delivery reaches an endpoint of another workspace",
        "consumers/plaudit/deliver/pipeline/deliveries.py",
        "if endpoint.workspace_id != event.workspace_id:",
        "if not endpoint.workspace_id:",
        "tests/deliver/test_lanes.py",
    ),
    Break(
        "a record that was changed without the secret key is refused",
        "consumers/plaudit/endpoints/binding.py",
        "return Binding.BOUND if fits else Binding.FORGED",
        "return Binding.BOUND",
        "tests/endpoints/test_binding.py",
    ),
    Break(
        "a letter goes to no topic but those of events and deliveries",
        "consumers/plaudit/dlq/job/rules.py",
        "return None if ours else Skip.FOREIGN_ORIGIN",
        "return None",
        "tests/dlq/test_moves.py",
    ),
    Break(
        "headers do not follow a URL to another host",
        "consumers/plaudit/store/endpoints/moving.py",
        "return changed if same else replace(changed, headers={})",
        "return changed",
        "tests/store/test_moving.py",
    ),
    Break(
        "a file fills in no variable that was not named for it",
        "consumers/plaudit/store/endpoints/manifest.py",
        "if name not in named and not name.startswith(OWN_VARIABLE):",
        "if not name:",
        "tests/store/test_service.py::test_a_file_that_can_not_be_read_says_where",
    ),
    Break(
        "what the relay writes is sealed as a whole",
        "consumers/plaudit/endpoints/binding.py",
        "return body if mac is None else body + _VERSION + mac",
        "return body",
        "tests/endpoints/test_binding.py",
    ),
    Break(
        "bytes that lie unread are no answer to the next request",
        "consumers/plaudit/transport/engine/connection.py",
        "return not self._unread.poll(0)",
        "return True",
        "tests/transport/test_pools.py",
    ),
    Break(
        "a workspace keeps its idle connections whatever another one opens",
        "consumers/plaudit/transport/engine/pool.py",
        "if left and counts[owner] > share:",
        "if left and counts[owner]:",
        "tests/transport/test_pools.py",
    ),
    Break(
        "names that hang do not take the look-ups of others",
        "consumers/plaudit/transport/net/lookups.py",
        "share = max(1, min(self._most_each, self._free // 3))",
        "share = self._most",
        "tests/transport/test_look_ups.py",
    ),
    Break(
        "an answer in tiny chunks does not hold the event loop",
        "consumers/plaudit/transport/engine/response_parser.py",
        "if self._chunks > _MOST_CHUNKS:\n            self.done",
        "if self._chunks < 0:\n            self.done",
        "tests/transport/test_assembly.py",
    ),
)

"""Promises of the API, the health port, imports and what is printed, to be broken."""

from __future__ import annotations

from typing import Final

from breaks.one_line import Break

ATTACKS: Final = (
    Break(
        "headers without end are refused",
        "consumers/plaudit/api/connections.py",
        "if self._quiet > LONGEST_HEAD:\n            self._refuse",
        "if self._quiet < 0:\n            self._refuse",
        "tests/attack/test_connections.py",
    ),
    Break(
        "a body is not read on and on after its request was answered",
        "consumers/plaudit/api/connections.py",
        "if self._unread > UNREAD_BYTES:",
        "if self._unread < 0:",
        "tests/attack/test_connections.py",
    ),
    Break(
        "chunks of a body are not tiny without end",
        "consumers/plaudit/api/connections.py",
        "if self._parts > FEW_PARTS + self._got // BYTES_OF_A_PART:",
        "if self._parts < 0:",
        "tests/attack/test_connections.py",
    ),
    Break(
        "threads of the worker run between the slices of a long job",
        "consumers/plaudit/deliver/pipeline/round_robin.py",
        "        time.sleep(YIELD_S)\n",
        "",
        "tests/deliver/test_long_jobs.py",
    ),
    Break(
        "a limit holds for a workspace, whatever keys it makes",
        "consumers/plaudit/api/auth.py",
        "return self.key.workspace_id or self.key.key_id",
        "return self.key.key_id",
        "tests/attack/test_serve.py::test_more_keys_allow_no_more_requests",
    ),
    Break(
        "a body of a caller who is not known is not read",
        "consumers/plaudit/api/request_guard.py",
        'authorization = headers.get("authorization")',
        'authorization = headers.get("authorization")'
        "\n            receive = await self._read(headers, receive)",
        "tests/attack/test_serve.py::test_bodies_are_neither_read_without_a_key_nor_kept",
    ),
    Break(
        "readiness is asked for once a second",
        "consumers/plaudit/api/readiness.py",
        "self._until_s = self._clock() + FRESH_S",
        "self._until_s = self._clock()",
        "tests/api/test_quotas.py::test_readiness_is_checked_once_a_second_for_any_number_of_requests",
    ),
    Break(
        "idle connections do not hold the health port",
        "consumers/plaudit/runtime/ops_server.py",
        "if len(self._waiting) > MOST_WAITING:",
        "if not self._waiting:",
        "tests/deliver/test_health_server.py",
    ),
    Break(
        "JSON in an import is not nested without bound",
        "producers/plaudit/bulk/nesting.py",
        "if depth > MOST:",
        "if depth > MOST * 2:",
        "tests/importer/test_bounds.py::test_as_deep_as_allowed_is_not_too_deep",
    ),
    Break(
        "a row of a file is bounded",
        "producers/plaudit/importer/bounds.py",
        "if len(line) == LONGEST_ROW:",
        "if len(line) > LONGEST_ROW:",
        "tests/importer/test_bounds.py",
    ),
    Break(
        "what others wrote is not obeyed by a terminal",
        "consumers/plaudit/cli/ui/console.py",
        "return super().render_str(plain(text), **given)",
        "return super().render_str(text, **given)",
        "tests/attack/test_terminal.py",
    ),
    Break(
        "a database is its owner's",
        "producers/plaudit/bulk/private.py",
        "MODE: Final = 0o600",
        "MODE: Final = 0o644",
        "tests/store/test_opening.py",
    ),
    Break(
        "metrics are not on the API's port",
        "consumers/plaudit/api/settings.py",
        "api_metrics: bool = Field(\n        default=False",
        "api_metrics: bool = Field(\n        default=True",
        "tests/attack/test_serve.py::test_metrics_are_not_on_the_port_that_is_published",
    ),
    Break(
        "a workspace has a quota for host names",
        "consumers/plaudit/api/quotas.py",
        "if not wanted <= names:",
        "if names is None:",
        "tests/api/test_quotas.py::test_a_workspace_has_a_quota_for_host_names",
    ),
    Break(
        "a workspace that goes on after refusals does not take the event loop",
        "consumers/plaudit/api/rate_limits.py",
        "+ 1 / REFUSALS_PER_S",
        "+ 0 / REFUSALS_PER_S",
        "tests/api/test_quotas.py",
    ),
    Break(
        "events of a batch that is refused count",
        "consumers/plaudit/api/routes/events.py",
        "cost = max(len(prepared), -(-len(body) // BYTES_EACH))",
        "cost = 0",
        "tests/api/test_quotas.py",
    ),
    Break(
        "a test send does not make an example anew",
        "consumers/plaudit/control/testing.py",
        "@cache\ndef _decoded(",
        "def _decoded(",
        "tests/control/test_testing.py",
    ),
    Break(
        "a right on another role's group is found",
        "producers/plaudit/kafka/role_check.py",
        "for operation in sorted(allowed - needed):",
        "for operation in sorted(allowed - allowed):",
        "tests/lab/test_roles.py::test_rights_on_groups_and_transactional_ids_are_compared_too",
    ),
)

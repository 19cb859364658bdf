"""Promises about quotas, files of commands, schemas and names; see `promises`."""

from __future__ import annotations

from typing import Final

from breaks.one_line import Break

EDGES: Final = (
    Break(
        "the quota of host names holds for a new endpoint on a page",
        "consumers/plaudit/console/pages/endpoints.py",
        "        ask.services.api.quotas.check_new("
        "ask.services.api.endpoints, workspace, wanted)\n",
        "",
        "tests/console/test_quotas.py",
    ),
    Break(
        "the quota of host names holds for a change",
        "consumers/plaudit/api/quotas.py",
        "if wanted.url != before.url:",
        "if not wanted.url:",
        "tests/console/test_quotas.py",
    ),
    Break(
        "test sends of an admin's key count for the workspace",
        "consumers/plaudit/api/routes/endpoints.py",
        "        check_workspace(services.quotas.tests, known.workspace_id)\n",
        "        pass\n",
        "tests/api/test_quotas.py::test_a_workspace_has_quotas_for_its_requests",
    ),
    Break(
        "test sends share one TLS context",
        "consumers/plaudit/api/test_sends.py",
        "if self._sender is None:\n            self._sender = asyncio",
        "if True:\n            self._sender = asyncio",
        "tests/api/test_quotas.py::test_test_sends_share_one_client",
    ),
    Break(
        "JSON of a request is not nested without bound",
        "consumers/plaudit/api/request_guard.py",
        "            check_depth(body)\n",
        "            check_depth(body[:0])\n",
        "tests/api/test_quotas.py::test_json_that_is_nested_too_deep_is_refused",
    ),
    Break(
        "a line of a file of letters is not nested without bound",
        "consumers/plaudit/dlq/job/export.py",
        "        check_depth(text)  # json raises RecursionError for a deeper one\n",
        "",
        "tests/fuzz/test_seeds.py",
    ),
    Break(
        "a header's name in a file of letters is one that Kafka takes",
        "consumers/plaudit/dlq/job/export.py",
        "    return _read(value).decode()\n",
        "    return str(value)\n",
        "tests/fuzz/test_seeds.py",
    ),
    Break(
        "an export of the audit log is private",
        "consumers/plaudit/cli/ui/output.py",
        'return open(path, "x", encoding="utf-8", opener=privately)',
        'return path.open("x", encoding="utf-8")',
        "tests/attack/test_files.py",
    ),
    Break(
        "a right on the group of a replay is looked at",
        "producers/plaudit/kafka/role_check.py",
        "        *_of_jobs(client, names),\n",
        "",
        "tests/lab/test_roles.py::test_rights_on_groups_and_transactional_ids_are_compared_too",
    ),
    Break(
        "no answer leads to where the Host header says",
        "consumers/plaudit/api/app.py",
        "redirect_slashes=False",
        "redirect_slashes=True",
        "tests/api/test_api.py::test_no_answer_leads_to_where_the_host_header_says",
    ),
    Break(
        "an engine that can't be used is closed",
        "consumers/plaudit/store/db/database.py",
        "        engine.dispose()\n        raise\n",
        "        raise\n",
        "tests/store/test_opening.py::test_an_engine_that_can_not_be_used_is_closed",
    ),
    Break(
        "a cell of a rejected row is not a formula",
        "producers/plaudit/importer/cells.py",
        """return f"'{cell}" if _FORMULA.match(cell) else cell""",
        "return cell",
        "tests/importer/test_bounds.py",
    ),
    Break(
        "a file of reviews has so many columns at most",
        "producers/plaudit/importer/files.py",
        "if len(columns) > MOST_COLUMNS:",
        "if not columns:",
        "tests/importer/test_bounds.py",
    ),
    Break(
        "a name that was not found is remembered for a moment",
        "consumers/plaudit/transport/net/resolver.py",
        "            found = failed\n",
        "            raise failed from None\n",
        "tests/transport/test_resolver.py",
    ),
    Break(
        "an id without a registry is unreadable at once",
        "producers/plaudit/kafka/schemas/lookup.py",
        'raise Undecodable("unknown_format", f"schema id {schema_id}: {NO_REGISTRY}")',
        "return None",
        "tests/deliver/test_blocked.py",
    ),
    Break(
        "references of a schema are resolved",
        "schemas/plaudit/events/registry/client.py",
        'if not answer.get("references"):',
        "if schema:",
        "tests/events/test_references.py",
    ),
    Break(
        "a wrong secret key is a problem",
        "consumers/plaudit/endpoints/table.py",
        "if unreadable <= MOST_UNREADABLE * all_of_them:",
        "if unreadable >= 0:",
        "tests/endpoints/test_binding.py",
    ),
    Break(
        "what follows an answer spoils its connection, wherever it is split",
        "consumers/plaudit/transport/engine/response_parser.py",
        "        if data:\n            self.reusable = False\n",
        "",
        "tests/transport/test_assembly.py",
    ),
)

"""The table of endpoints against a model that just remembers the newest record of each."""

from __future__ import annotations

import json
import os
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpoint_records import endpoint_value
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.matching import ERASED, NEVER_MS, TakesLong
from plaudit.endpoints.model import Deleted, Endpoint, Former, Unreadable
from plaudit.endpoints.opening import EncryptedFields, seal
from plaudit.endpoints.signing import Secret, new_secret
from plaudit.endpoints.summary import HEAD_START_MS
from plaudit.endpoints.table import FORMER_MS, EndpointTable

KEYS = SecretKeys([os.urandom(32)])
OTHER_KEYS = SecretKeys([os.urandom(32)])
WORKSPACES = [str(UUID(int=number)) for number in (1, 2)]
SPACES = [str(UUID(int=number)) for number in (11, 12)]
TYPES = ["testimonial.approved", "testimonial.published", ERASED]
ENDPOINTS = [str(UUID(int=number)) for number in (21, 22, 23)]
SECRET = Secret(new_secret())
DELETED_MS = 50


def record(
    endpoint_id: str,
    version: int,
    given: dict[str, object] | None = None,
    keys: SecretKeys = KEYS,
) -> bytes:
    given = dict(given or {})
    earlier: Any = given.pop("earlier", ())
    private = EncryptedFields("https://hooks.example.com/x", {}, [SECRET], earlier)
    sealed = seal(keys, endpoint_id, private)
    key = {"version": version, "key_id": sealed.key_id, "sealed": sealed.blob}
    fields: dict[str, Any] = {"workspace_id": WORKSPACES[0], **key, **given}
    return endpoint_value(endpoint_id, **fields)


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(ENDPOINTS),
        st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {
                    "workspace_id": st.sampled_from(WORKSPACES),
                    "event_types": st.lists(st.sampled_from(TYPES[:2]), unique=True),
                    "spaces": st.lists(st.sampled_from(SPACES), unique=True),
                    "status": st.sampled_from(["ACTIVE", "DISABLED"]),
                    "active_from": st.integers(0, 100),
                    "status_since": st.integers(0, 100),
                    "earlier": st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60))),
                }
            ),
        ),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(changes=CHANGES, at=st.integers(0, 120))
def test_matching_is_what_filtering_all_newest_records_gives(
    changes: list[tuple[str, dict[str, object] | None]], at: int
) -> None:
    table = EndpointTable(KEYS)
    newest: dict[str, dict[str, object]] = {}
    former: dict[tuple[str, object], dict[str, object]] = {}
    for version, (endpoint_id, change) in enumerate(changes):
        if change is None:
            if endpoint_id in newest:
                gone = {**newest.pop(endpoint_id), "deleted": DELETED_MS}
                former[endpoint_id, gone["workspace_id"]] = gone
            table.apply(endpoint_id.encode(), None, DELETED_MS)
        else:
            newest[endpoint_id] = change
            former.pop((endpoint_id, change["workspace_id"]), None)
            table.apply(endpoint_id.encode(), record(endpoint_id, version, change))
        # Asked in between: what is remembered must not outlive the change.
        table.subscribers(WORKSPACES[0], TYPES[0]).match(SPACES[0], at, {})
    assert len(table) == len(newest)
    for workspace in WORKSPACES:
        for event_type in TYPES:
            for space in SPACES:
                found = table.subscribers(workspace, event_type).match(space, at, {})
                wanted = {
                    endpoint_id
                    for endpoint_id, each in [
                        *newest.items(),
                        *((endpoint_id, each) for (endpoint_id, _), each in former.items()),
                    ]
                    if _wants(each, workspace, event_type, space, at)
                }
                assert {each.endpoint_id for each in found} == wanted


def _wants(each: dict[str, object], workspace: str, event_type: str, space: str, at: int) -> bool:
    """Return whether an event of a moment is for an endpoint: it was served then."""
    known: dict[str, Any] = each
    types, spaces = known["event_types"], known["spaces"]
    ended = known["status_since"] if known["status"] == "DISABLED" else NEVER_MS
    now = known["active_from"] <= at < min(ended, known.get("deleted", NEVER_MS))
    before = at < known["active_from"] and any(a <= at < b for a, b in known["earlier"])
    if known["workspace_id"] != workspace or not (now or before):
        return False
    wanted = (not types or event_type in types) and (not spaces or space in spaces)
    return wanted or event_type == ERASED


def test_an_older_version_is_ignored() -> None:
    table = EndpointTable(KEYS)
    table.apply(ENDPOINTS[0].encode(), record(ENDPOINTS[0], 2, {"status": "DISABLED"}))
    table.apply(ENDPOINTS[0].encode(), record(ENDPOINTS[0], 1))
    found = table.find(ENDPOINTS[0])
    assert isinstance(found, Endpoint)
    assert (found.version, found.status) == (2, "disabled")


def test_an_endpoint_whose_key_is_missing_is_matched_and_not_lost() -> None:
    table = EndpointTable(KEYS)
    table.apply(ENDPOINTS[0].encode(), record(ENDPOINTS[0], 1, keys=OTHER_KEYS))
    found = table.find(ENDPOINTS[0])
    assert isinstance(found, Unreadable)
    assert "key_missing" in found.reason
    assert list(table.subscribers(WORKSPACES[0], TYPES[0]).match(SPACES[0], 1, {})) == [found]


def test_a_blob_of_another_endpoint_does_not_open() -> None:
    table = EndpointTable(KEYS)
    sealed = seal(KEYS, ENDPOINTS[1], EncryptedFields("https://evil.example.com/", {}, [SECRET]))
    moved = record(ENDPOINTS[0], 1, {"sealed": sealed.blob, "key_id": sealed.key_id})
    table.apply(ENDPOINTS[0].encode(), moved)
    found = table.find(ENDPOINTS[0])
    assert isinstance(found, Unreadable)
    assert "damaged" in found.reason


def test_garbage_in_the_topic_changes_nothing() -> None:
    table = EndpointTable(KEYS)
    table.apply(ENDPOINTS[0].encode(), record(ENDPOINTS[0], 1))
    table.apply(ENDPOINTS[0].encode(), b"garbage")
    assert isinstance(table.find(ENDPOINTS[0]), Endpoint)


def test_a_tombstone_is_remembered() -> None:
    table = EndpointTable(KEYS)
    table.apply(ENDPOINTS[0].encode(), record(ENDPOINTS[0], 1))
    table.apply(ENDPOINTS[0].encode(), None)
    assert table.find(ENDPOINTS[0]) == Deleted(ENDPOINTS[0])
    assert table.find(ENDPOINTS[1]) is None


def test_a_content_filter_decides_and_erasures_pass_it() -> None:
    table = EndpointTable(KEYS)
    wanted = '{"field": "sequence", "gt": 2}'
    table.apply(ENDPOINTS[0].encode(), record(ENDPOINTS[0], 1, {"content_filter": wanted}))

    def matched(event_type: str, sequence: int) -> int:
        subscribers = table.subscribers(WORKSPACES[0], event_type)
        return len(subscribers.match(SPACES[0], 1, {"sequence": sequence}))

    assert (matched(TYPES[0], 3), matched(TYPES[0], 2), matched("customer.erased", 2)) == (1, 0, 1)


def costly(first: int, last: int) -> dict[str, Any]:
    """Return a filter that takes nothing, after a while."""
    tests = [{"field": "tags", "starts_with": f"{number}-"} for number in range(first, last)]
    return {"content_filter": json.dumps({"any": tests})}


def test_many_costly_filters_are_not_judged_at_once() -> None:
    table = EndpointTable(KEYS)
    for number in range(4):
        endpoint_id = str(UUID(int=number))
        table.apply(endpoint_id.encode(), record(endpoint_id, 1, costly(0, 90)))
    subscribers = table.subscribers(WORKSPACES[0], TYPES[0])
    assert not subscribers.match(SPACES[0], 1, {"tags": ["x"] * 10})
    event = {"tags": ["x"] * 100}
    with pytest.raises(TakesLong):
        subscribers.match(SPACES[0], 1, event)
    assert not any(
        subscribers.wants(each, SPACES[0], 1, event) for each in subscribers.candidates(1)
    )
    assert table.costly_filters == 0


def test_a_filter_without_a_verdict_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    table = EndpointTable(KEYS)
    table.apply(ENDPOINTS[0].encode(), record(ENDPOINTS[0], 1, costly(0, 2)))
    subscribers = table.subscribers(WORKSPACES[0], TYPES[0])
    for _ in range(3):
        assert len(subscribers.match(SPACES[0], 1, {"tags": ["x"] * 30_000})) == 1
    assert [each.message for each in caplog.records] == ["filter.too_costly"]
    assert table.costly_filters == 1


def test_a_deleted_endpoint_is_forgotten_after_a_day() -> None:
    table = EndpointTable(KEYS)
    for endpoint_id, at_ms in ((ENDPOINTS[0], 100), (ENDPOINTS[1], 200 + FORMER_MS)):
        table.apply(endpoint_id.encode(), record(endpoint_id, 1))
        table.apply(endpoint_id.encode(), None, at_ms)
    [left] = table.subscribers(WORKSPACES[0], TYPES[0]).match(SPACES[0], 50, {})
    assert (type(left), left.endpoint_id) == (Former, ENDPOINTS[1])


def test_an_endpoint_is_served_by_the_brokers_clock_whatever_its_writers_clock_says() -> None:
    table = EndpointTable(KEYS)
    endpoint_id, key, hour_ms = ENDPOINTS[0], ENDPOINTS[0].encode(), 3_600_000
    appended_ms = 1_000_000
    latest_ms = appended_ms + HEAD_START_MS

    def served_from(version: int, said_ms: int, at_ms: int, status: str = "ACTIVE") -> int:
        fields: dict[str, object] = {"active_from": said_ms, "status": status}
        table.apply(key, record(endpoint_id, version, fields), at_ms)
        found = table.find(endpoint_id)
        assert isinstance(found, Endpoint)
        return found.active_from_ms

    assert served_from(1, appended_ms + 500, appended_ms) == appended_ms + 500
    assert served_from(2, appended_ms + hour_ms, appended_ms) == appended_ms + 500
    table = EndpointTable(KEYS)
    assert served_from(1, appended_ms + hour_ms, appended_ms) == latest_ms
    # A change a minute later does not make it miss what comes meanwhile.
    assert served_from(2, appended_ms + hour_ms, appended_ms + 60_000) == latest_ms
    # Enabled again, it begins anew.
    served_from(3, appended_ms + hour_ms, appended_ms + 61_000, "DISABLED")
    assert served_from(4, appended_ms + hour_ms, appended_ms + 90_000) == latest_ms + 90_000

"""Dashboards show metrics and fields that exist, with units and descriptions."""

from __future__ import annotations

import re

import pytest

from plaudit.api.schemas.deliveries import DeliveryOut, HourOut
from plaudit.cli.docs.monitoring.dashboards import DASHBOARDS
from plaudit.cli.docs.monitoring.panel import ApiQuery, Dashboard, Panel, PromQuery
from plaudit.cli.docs.monitoring.rules import recorded
from plaudit.runtime.metrics.catalogue import CATALOGUE

SERIES = {series for each in CATALOGUE.values() for series in each.series}
FIELDS = {"/v1/stats": set(HourOut.model_fields), "/v1/deliveries": set(DeliveryOut.model_fields)}
PANELS = [
    pytest.param(panel, id=f"{dashboard.uid}: {panel.title}")
    for dashboard in DASHBOARDS
    for row in dashboard.rows
    for panel in row.panels
]


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_shows_what_exists(panel: Panel) -> None:
    assert panel.unit
    assert panel.description.endswith(".")
    assert panel.queries
    for query in panel.queries:
        match query:
            case PromQuery(text):
                assert set(re.findall(r"\bplaudit_\w+", text)) <= SERIES
                made = {each.name for each in recorded()}
                assert set(re.findall(r"\bplaudit:[\w:]+", text)) <= made
                by = {
                    label
                    for found in re.findall(r"by \(([^)]*)\)", text)
                    for label in found.split(", ")
                }
                assert set(re.findall(r"{{(\w+)}}", query.legend)) <= by
            case ApiQuery(path, columns):
                known = FIELDS[path.partition("?")[0]]
                assert {selector for selector, _, _ in columns} <= known


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_panels_have_places_of_their_own(dashboard: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    ids = set()
    for panel in dashboard.plain()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        taken |= cells
        ids.add(panel["id"])
    assert len(ids) == len(dashboard.plain()["panels"])

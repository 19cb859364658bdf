"""Grafana's JSON of dashboards, rows and panels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

SCHEMA: Final = 39
"""Version of Grafana's dashboard schema: Grafana 10.2 and later."""
WIDTH: Final = 24
HEIGHT: Final = 8
PROMETHEUS: Final = {"type": "prometheus", "uid": "${datasource}"}
INFINITY: Final = {"type": "yesoreyeram-infinity-datasource", "uid": "${api}"}


@dataclass(frozen=True, slots=True)
class PromQuery:
    """A PromQL query, and the legend of its series."""

    text: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class ApiQuery:
    """A request to the REST API whose answer is a list of rows in `data`.

    Attributes:
        path: path and query of the URL.
        columns: field of a row, its title, and its type for Grafana.
    """

    path: str
    columns: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of a dashboard.

    Attributes:
        title: its title.
        description: what to look for.
        unit: Grafana's name of the unit.
        queries: what it shows.
        kind: Grafana's name of the visualization.
        width: width in columns, of 24.
    """

    title: str
    description: str
    unit: str
    queries: tuple[PromQuery | ApiQuery, ...]
    kind: str = "timeseries"
    width: int = 8


@dataclass(frozen=True, slots=True)
class Row:
    """A titled group of panels."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard.

    Attributes:
        uid: id in Grafana, and name of the file.
        title: its title.
        rows: what it shows.
        inputs: text boxes, each with its name and label.
        uses_api: whether it reads the REST API.
    """

    uid: str
    title: str
    rows: tuple[Row, ...]
    inputs: tuple[tuple[str, str], ...] = ()
    uses_api: bool = False

    def plain(self) -> dict[str, Any]:
        """Return it as Grafana reads it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "tags": ["plaudit"],
            "schemaVersion": SCHEMA,
            "editable": True,
            "refresh": "30s",
            "time": {"from": "now-3h", "to": "now"},
            "templating": {"list": list(self._variables())},
            "panels": list(_placed(self.rows)),
        }

    def _variables(self) -> Iterator[dict[str, Any]]:
        yield _source("datasource", "Prometheus", "prometheus")
        if self.uses_api:
            yield _source("api", "REST API", INFINITY["type"])
        for name, label in self.inputs:
            empty = {"text": "", "value": ""}
            yield {
                "type": "textbox",
                "name": name,
                "label": label,
                "query": "",
                "current": empty,
                "options": [],
            }


def _source(name: str, label: str, kind: str) -> dict[str, Any]:
    return {"type": "datasource", "name": name, "label": label, "query": kind, "current": {}}


def _placed(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Yield rows and panels, from left to right and from top to bottom."""
    top = number = 0
    for row in rows:
        number += 1
        place = {"x": 0, "y": top, "w": WIDTH, "h": 1}
        yield {"id": number, "type": "row", "title": row.title, "gridPos": place, "panels": []}
        top, left = top + 1, 0
        for panel in row.panels:
            if left + panel.width > WIDTH:
                top, left = top + HEIGHT, 0
            number += 1
            place = {"x": left, "y": top, "w": panel.width, "h": HEIGHT}
            yield {"id": number, "gridPos": place, **_panel(panel)}
            left += panel.width
        top += HEIGHT


def _panel(panel: Panel) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + place), **_target(query)}
        for place, query in enumerate(panel.queries)
    ]
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": targets[0]["datasource"],
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": _OPTIONS[panel.kind],
        "targets": targets,
    }


_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area"},
    "table": {"showHeader": True},
}


def _target(query: PromQuery | ApiQuery) -> dict[str, Any]:
    match query:
        case PromQuery(text, legend):
            return {
                "datasource": PROMETHEUS,
                "expr": text,
                "legendFormat": legend or "__auto",
                "exemplar": True,
            }
        case ApiQuery(path, columns):
            return {
                "datasource": INFINITY,
                "type": "json",
                "source": "url",
                "format": "table",
                "parser": "backend",
                "url": path,
                "url_options": {"method": "GET"},
                "root_selector": "data",
                "columns": [
                    {"selector": selector, "text": text, "type": kind}
                    for selector, text, kind in columns
                ],
            }

"""Alert rules ring for a symptom, and lead to a section of the runbook."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from plaudit.cli.docs.monitoring.alerts import ALERTS
from plaudit.cli.docs.monitoring.files import files
from plaudit.cli.docs.monitoring.rules import recorded
from plaudit.runtime.metrics.catalogue import CATALOGUE
from promtool import promtool

pytestmark = pytest.mark.tree

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "plaudit.rules.yaml"
CASES = ROOT / "deploy" / "prometheus" / "plaudit.rules.test.yaml"
SERIES = {series for each in CATALOGUE.values() for series in each.series}
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def runbook() -> dict[str, str]:
    """Return the runbook's sections by heading."""
    _, *parts = HEADING.split((ROOT / "docs" / "runbook.md").read_text())
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("name", files())
def test_a_generated_file_is_current(name: str) -> None:
    assert (ROOT / "deploy" / name).read_text() == files()[name], "run: make monitoring"


def test_prometheus_accepts_the_rules() -> None:
    done = promtool("check", "rules", "--lint-fatal", RULES)
    assert done == ""


def test_each_alert_fires_in_one_case_and_is_silent_in_another() -> None:
    fires: set[str] = set()
    silent: set[str] = set()
    for case in yaml.safe_load(CASES.read_text())["tests"]:
        for each in case["promql_expr_test"]:
            [name] = re.findall(r'alertname="(\w+)"', each["expr"])
            (fires if each["exp_samples"] else silent).add(name)
    assert fires == silent == {each.name for each in ALERTS}
    assert promtool("test", "rules", CASES) == ""


def test_a_rule_uses_metrics_that_exist() -> None:
    queries = [*(each.query for each in ALERTS), *(each.query for each in recorded())]
    made = {each.name for each in recorded()}
    for query in queries:
        assert set(re.findall(r"\bplaudit_\w+", query)) <= SERIES
        assert set(re.findall(r"\bplaudit:[\w:]+", query)) <= made


def test_each_alert_has_its_section_of_the_runbook() -> None:
    sections = runbook()
    for alert in ALERTS:
        assert f"`{alert.name}`" in sections[alert.section]


def test_a_section_with_an_alert_has_a_remedy_and_an_end() -> None:
    known = {each.name for each in ALERTS}
    for heading, text in runbook().items():
        named = set(re.findall(r"`(Plaudit[A-Z]\w+)`", text))
        assert named <= known, heading
        if named:
            rows = re.findall(r"^\| (\w+) \|", text, re.MULTILINE)
            assert rows == ["alert", "means", "see", "act", "ends"], heading

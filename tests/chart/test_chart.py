"""The Helm chart renders objects that Kubernetes accepts, and its generated files are current."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate
import pytest
import yaml

from chart.pods import COMPONENT, KUBERNETES, pod_of
from plaudit.api.routes import scaling
from plaudit.cli.docs.chart import DEPLOYED, files
from plaudit.cli.docs.monitoring.alerts import ALERTS
from plaudit.cli.registry import COMMANDS
from plaudit.control.scaling import ScaledLane
from plaudit.deliver.process.supervisor import ORDERLY_S
from plaudit.kafka.admin.roles import grants
from plaudit.records.names import Names

pytestmark = pytest.mark.tree

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "helm" / "plaudit"
CASES = sorted(CHART.glob("values-*.yaml"))
OTHERS = {"ScaledObject", "PodMonitor", "PrometheusRule", "KafkaUser", "KafkaTopic", "HTTPRoute"}
"""Kinds that Kubernetes does not define."""

needs_helm = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not installed")


def helm(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run helm."""
    command = ["helm", *map(str, arguments), "--kube-version", KUBERNETES]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def rendered(values: Path) -> list[dict[str, Any]]:
    """Return the objects that the chart renders with a file of values."""
    done = helm("template", "plaudit", CHART, "-f", values)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


@pytest.mark.parametrize("name", ["files/rights.json", "files/topics.json", "values.schema.json"])
def test_a_generated_file_is_current(name: str) -> None:
    expected = files((CHART / "values.yaml").read_text())[name]
    assert (CHART / name).read_text() == expected, "run: make chart"


def test_the_reference_of_values_is_current() -> None:
    expected = files((CHART / "values.yaml").read_text())["README.md"]
    assert (CHART / "README.md").read_text() == expected, "run: make chart"


@needs_helm
@pytest.mark.parametrize("values", CASES, ids=lambda path: path.stem)
def test_every_object_is_valid(values: Path) -> None:
    lint = helm("lint", "--strict", CHART, "-f", values)
    assert lint.returncode == 0, lint.stdout
    for found in rendered(values):
        if found["kind"] not in OTHERS:
            kubernetes_validate.validate(found, "1.33", strict=True)


@needs_helm
@pytest.mark.parametrize("values", CASES, ids=lambda path: path.stem)
def test_every_pod_is_restricted_has_time_to_drain_and_runs_a_command(values: Path) -> None:
    pods = [pod for each in rendered(values) if (pod := pod_of(each))]
    assert len(pods) >= 5
    for pod in pods:
        assert pod["enableServiceLinks"] is False
        assert pod["terminationGracePeriodSeconds"] > ORDERLY_S
        assert pod["securityContext"]["runAsNonRoot"] is True
        for each in (*pod.get("initContainers", []), *pod["containers"]):
            assert each["securityContext"]["readOnlyRootFilesystem"] is True
            assert each["args"][0] in COMMANDS
            names = [entry["name"] for entry in each["env"]]
            assert len(names) == len(set(names))


@needs_helm
@pytest.mark.parametrize("values", CASES, ids=lambda path: path.stem)
def test_every_pod_has_a_network_policy_that_lets_it_reach_the_brokers(values: Path) -> None:
    found = rendered(values)
    policies = {
        each["spec"]["podSelector"]["matchLabels"][COMPONENT]: each["spec"]
        for each in found
        if each["kind"] == "NetworkPolicy"
    }
    pods = {
        each["metadata"]["labels"][COMPONENT]
        for each in found
        if pod_of(each) is not None and each["kind"] != "NetworkPolicy"
    }
    assert policies.keys() == pods
    for name, policy in policies.items():
        ports = [port["port"] for rule in policy["egress"] for port in rule.get("ports", ())]
        assert set(ports) >= {53, 9092}, name
        assert (policy["ingress"] == []) == (name in {"setup", "dead-letters"})


@needs_helm
@pytest.mark.parametrize("values", CASES, ids=lambda path: path.stem)
def test_a_process_that_runs_on_has_probes_and_a_job_has_an_end(values: Path) -> None:
    everything = ("outboxRelay.enabled", "jobsRunner.enabled", "deadLetters.enabled")
    switches = [f"--set={each}=true" for each in everything]
    secret = "--set=outboxRelay.existingSecret=outbox"
    done = helm("template", "plaudit", CHART, "-f", values, secret, *switches)
    assert done.returncode == 0, done.stderr
    objects = [each for each in yaml.safe_load_all(done.stdout) if each]
    deployed = [each for each in objects if each["kind"] == "Deployment"]
    components = {each["metadata"]["labels"][COMPONENT] for each in deployed}
    assert components >= {"recorder", "api", "outbox-relay", "jobs", "deliver-events"}
    for each in deployed:
        [container] = each["spec"]["template"]["spec"]["containers"]
        ports = {port["name"] for port in container["ports"]}
        probes = {"startupProbe": "/healthz", "livenessProbe": "/healthz"}
        for probe, path in {**probes, "readinessProbe": "/readyz"}.items():
            asked = container[probe]["httpGet"]
            assert asked["path"] == path
            assert asked["port"] in ports
    jobs = [each for each in objects if each["kind"] in {"Job", "CronJob"}]
    assert {each["metadata"]["labels"][COMPONENT] for each in jobs} == {"setup", "dead-letters"}
    for each in jobs:
        spec = each["spec"].get("jobTemplate", each)["spec"]
        assert spec["activeDeadlineSeconds"] > 0
        assert spec["backoffLimit"] > 0


@needs_helm
def test_a_kafka_user_has_exactly_the_rights_of_its_role() -> None:
    users = [
        each for each in rendered(CHART / "values-strimzi.yaml") if each["kind"] == "KafkaUser"
    ]
    found = {
        each["metadata"]["name"].removeprefix("plaudit-kafka-"): {
            (acl["resource"].get("name", "kafka-cluster"), operation.lower())
            for acl in each["spec"]["authorization"]["acls"]
            for operation in acl["operations"]
        }
        for each in users
    }
    assert found == {
        str(role): {
            (grant.name, operation.replace("_", ""))
            for grant in grants(role, Names())
            for operation in grant.operations
        }
        for role in DEPLOYED
    }


@needs_helm
@pytest.mark.parametrize("enabled", ["true", "false"])
def test_the_recorder_leaves_jobs_to_the_runner_that_has_the_rights(enabled: str) -> None:
    switch = f"jobsRunner.enabled={enabled}"
    done = helm("template", "plaudit", CHART, "-f", CHART / "values-strimzi.yaml", "--set", switch)
    pods = {
        each["metadata"]["name"]: pod
        for each in yaml.safe_load_all(done.stdout)
        if each and each["kind"] == "Deployment" and (pod := pod_of(each))
    }
    off = {
        name
        for name, pod in pods.items()
        if {"name": "PLAUDIT_RECORD_JOBS", "value": "false"} in pod["containers"][0]["env"]
    }
    assert off == ({"plaudit-recorder"} if "plaudit-jobs" in pods else set())
    assert ("plaudit-jobs" in pods) is (enabled == "true")


@needs_helm
def test_the_rules_link_to_the_runbook_of_the_installation() -> None:
    at = "monitoring.runbookUrl=https://docs.example.com/runbook"
    done = helm("template", "plaudit", CHART, "-f", CHART / "values-strimzi.yaml", "--set", at)
    objects = [each for each in yaml.safe_load_all(done.stdout) if each]
    [rules] = [each for each in objects if each["kind"] == "PrometheusRule"]
    alerts = [each for group in rules["spec"]["groups"] for each in group["rules"]]
    links = [each["annotations"]["runbook_url"] for each in alerts if "alert" in each]
    assert len(links) == len(ALERTS)
    assert all(each.startswith("https://docs.example.com/runbook#") for each in links)


@needs_helm
def test_a_value_that_does_not_exist_is_refused() -> None:
    done = helm("template", CHART, "--set", "kafka.bootstrapServer=kafka:9092")
    assert done.returncode != 0
    assert "'bootstrapServer' not allowed" in done.stderr


@needs_helm
def test_scaled_deployments_leave_their_replicas_to_keda() -> None:
    objects = rendered(CHART / "values-strimzi.yaml")
    scaled = {
        each["spec"]["scaleTargetRef"]["name"] for each in objects if each["kind"] == "ScaledObject"
    }
    assert scaled == {"plaudit-deliver-events", "plaudit-deliver-deliveries", "plaudit-recorder"}
    for each in objects:
        if each["kind"] == "Deployment":
            assert ("replicas" in each["spec"]) is (each["metadata"]["name"] not in scaled)


@needs_helm
def test_the_deliveries_lane_scales_on_due_work() -> None:
    objects = rendered(CHART / "values-strimzi.yaml")
    [scaled] = [
        each
        for each in objects
        if each["kind"] == "ScaledObject" and each["metadata"]["name"].endswith("-deliveries")
    ]
    [trigger] = scaled["spec"]["triggers"]
    assert trigger["type"] == "metrics-api"
    url = urlsplit(trigger["metadata"]["url"])
    assert url.path == scaling.PATH
    assert ScaledLane(parse_qs(url.query)["lane"][0]) is ScaledLane.DELIVERIES
    assert trigger["metadata"]["valueLocation"] in scaling.ScalingOut.model_fields
    services = {each["metadata"]["name"]: each for each in objects if each["kind"] == "Service"}
    ports = services[f"{url.hostname}".partition(".")[0]]["spec"]["ports"]
    assert {"name": "metrics", "port": url.port, "targetPort": "metrics"} in ports


@needs_helm
def test_the_base_for_kustomize_is_current() -> None:
    done = helm("template", "plaudit", CHART, "-f", DEPLOY / "kustomize" / "values.yaml")
    assert (DEPLOY / "kustomize" / "plaudit.yaml").read_text() == done.stdout, "run: make chart"

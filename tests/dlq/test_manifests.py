"""The manifests run commands that exist, with options that they take, as jobs one may kill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from command import CommandLine
from dlq.conftest import left, seed
from plaudit.dlq.job.policy import read_policies
from plaudit.kafka.settings import KafkaSettings

pytestmark = [pytest.mark.broker, pytest.mark.tree]

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
FILES = ["dlq-redrive.yaml", "dlq-redrive-once.yaml"]
GRACE_S = 30


def documents(file: str) -> list[dict[str, Any]]:
    """Return the objects of a file."""
    return list(yaml.safe_load_all((FOLDER / file).read_text()))


def job(file: str) -> dict[str, Any]:
    """Return the specification of the file's job."""
    [found] = [each for each in documents(file) if each["kind"] in {"Job", "CronJob"}]
    assert found["apiVersion"] == "batch/v1"
    spec: dict[str, Any] = found["spec"]
    if found["kind"] == "CronJob":
        assert spec["concurrencyPolicy"] == "Forbid"
        spec = spec["jobTemplate"]["spec"]
    return spec


@pytest.mark.parametrize("file", FILES)
def test_a_job_is_repeated_after_a_kill_and_has_time_to_end(file: str) -> None:
    spec = job(file)
    pod = spec["template"]["spec"]
    assert spec["backoffLimit"] >= 1
    assert pod["restartPolicy"] == "Never"
    assert pod["terminationGracePeriodSeconds"] >= GRACE_S
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"]["memory"]
    mounted = {each["name"] for each in container.get("volumeMounts", [])}
    assert mounted == {each["name"] for each in pod.get("volumes", [])}


def test_the_policies_and_the_command_of_the_cron_job_work(
    installation: KafkaSettings, tmp_path: Path
) -> None:
    [policies] = [each for each in documents(FILES[0]) if each["kind"] == "ConfigMap"]
    file = tmp_path / "policies.yaml"
    file.write_text(policies["data"]["policies.yaml"])
    assert read_policies(file, 1_800_000_000_000).policies
    arguments = job(FILES[0])["template"]["spec"]["containers"][0]["args"]
    assert arguments[arguments.index("--policy") + 1] == f"/etc/plaudit/{file.name}"
    seed(installation, 5)
    given = [str(file) if each.startswith("/etc/plaudit") else each for each in arguments]
    done = CommandLine(installation)(*given)
    assert done.code == 0, done.err
    [report] = done.json
    assert (report["name"], report["matched"]) == ("outages of receivers", 0)  # not old enough


def test_the_command_of_the_single_job_works(installation: KafkaSettings) -> None:
    seed(installation, 5)
    arguments = job(FILES[1])["template"]["spec"]["containers"][0]["args"]
    done = CommandLine(installation)(*arguments)
    assert done.code == 0, done.err
    assert (done.json[0]["moved"], left(installation)) == (3, 2)

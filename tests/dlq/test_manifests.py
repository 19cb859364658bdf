"""The job of dead-letter policies in Kubernetes runs a command and policies that work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from command import CommandLine
from dlq.conftest import seed
from plaudit.dlq.job.policy import read_policies
from plaudit.kafka.settings import KafkaSettings

pytestmark = [pytest.mark.broker, pytest.mark.tree]

BASE = Path(__file__).parents[2] / "deploy" / "kustomize" / "plaudit.yaml"


def named(kind: str) -> dict[str, Any]:
    """Return the object of dead letters of this kind."""
    objects = [each for each in yaml.safe_load_all(BASE.read_text()) if each]
    found: list[dict[str, Any]] = [
        each
        for each in objects
        if (each["kind"], each["metadata"]["name"]) == (kind, "plaudit-dead-letters")
    ]
    return found[0]


def test_the_policies_and_the_command_of_the_cron_job_work(
    installation: KafkaSettings, tmp_path: Path
) -> None:
    job = named("CronJob")["spec"]
    assert job["concurrencyPolicy"] == "Forbid"
    spec = job["jobTemplate"]["spec"]
    assert spec["backoffLimit"] >= 1
    file = tmp_path / "policies.yaml"
    file.write_text(named("ConfigMap")["data"]["policies.yaml"])
    assert read_policies(file, 1_800_000_000_000).policies
    [container] = spec["template"]["spec"]["containers"]
    arguments = container["args"]
    mounted = container["volumeMounts"][0]["mountPath"]
    assert arguments[arguments.index("--policy") + 1] == f"{mounted}/{file.name}"
    seed(installation, 5)
    given = [str(file) if each.startswith("/etc/plaudit") else each for each in arguments]
    done = CommandLine(installation)(*given)
    assert done.code == 0, done.err
    [report] = done.json
    assert (report["name"], report["matched"]) == ("outages of receivers", 0)  # not old enough

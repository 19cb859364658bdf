"""From an empty namespace to a delivery, by the page about Kubernetes alone.

Each step is taken from the page. `helm install` becomes `helm template`, whose containers run as
processes here, and `kubectl exec` a command with the container's environment.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from chart.pods import KUBERNETES, Namespace
from e2e.rig import PLAUDIT, free_port, ready
from e2e.sink import Sink, good
from plaudit.dev.kafka import FoundKafka
from postgres import LocalPostgres
from waiting import PROMPTLY_S, until

pytestmark = [
    pytest.mark.broker, pytest.mark.e2e, pytest.mark.tree, pytest.mark.nightly,
    pytest.mark.timeout(300),
]  # fmt: skip

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "kubernetes.md"
SECTION: Final = "## From an empty namespace to a delivery"
EXEC: Final = "kubectl -n plaudit exec deploy/plaudit-api -- "
EXAMPLE_URL: Final = "https://hooks.example.com/plaudit"


def commands() -> list[str]:
    """Return the commands of the section, a line each."""
    section = PAGE.read_text().partition(SECTION)[2].partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    text = "\n".join(blocks).replace("\\\n", " ")
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def rendered(install: str, bootstrap: str) -> list[dict[str, Any]]:
    """Return the objects of the page's `helm install`."""
    words = shlex.split(install.replace("bootstrapServers=kafka:9092", "bootstrapServers=HERE"))
    assert words[:2] == ["helm", "install"]
    words[words.index("kafka.bootstrapServers=HERE")] = f"kafka.bootstrapServers={bootstrap}"
    done = subprocess.run(
        ["helm", "template", *words[2:], "--kube-version", KUBERNETES],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def secret(create: str, database: str) -> dict[str, str]:
    """Return the literals of the page's `kubectl create secret`, with this machine's database."""
    made = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {create.partition('generic plaudit')[2]}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    literals = [each.removeprefix("--from-literal=") for each in made.stdout.split()]
    return {**dict(each.split("=", 1) for each in literals), "database-url": database}


@contextmanager
def running(namespace: Namespace, folder: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """Run the setup job to its end and then the Deployments; yield their containers."""
    [(_, setup)] = namespace.pods("Job")
    for container in (*setup.get("initContainers", ()), *setup["containers"]):
        namespace.run(container, str(PLAUDIT), *container["args"])
    containers = {name: pod["containers"][0] for name, pod in namespace.pods("Deployment")}
    with ExitStack() as stack:
        for name, container in containers.items():
            port, log = free_port(), folder / f"{name}.log"
            process = namespace.start(container, log, PLAUDIT_METRICS_PORT=str(port))
            stack.callback(process.wait, 45)
            stack.callback(process.terminate)
            base = f"http://127.0.0.1:{port}"

            def is_ready(asked: str = base) -> bool:
                return ready(asked) == 200

            until(is_ready, f"{name} is ready; its log is {log}")
        yield containers


@pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not installed")
def test_an_operator_who_follows_the_page_sees_a_delivery(
    kafka: FoundKafka, prefix: str, postgres_server: LocalPostgres, tmp_path: Path
) -> None:
    steps = commands()
    [create] = [each for each in steps if "create secret" in each]
    [install] = [each for each in steps if each.startswith("helm install")]
    inside = [each.removeprefix(EXEC) for each in steps[steps.index(install) + 1 :]]
    inside.remove("kubectl -n plaudit get pods -w")
    assert len(inside) == 4, inside
    here = {
        "PLAUDIT_TOPIC_PREFIX": prefix,
        "PLAUDIT_ALLOW_NETWORKS": "127.0.0.0/8",
        "PLAUDIT_API_PORT": str(free_port()),
    }
    secrets = {"plaudit": secret(create, postgres_server.url(postgres_server.new_database()))}
    namespace = Namespace(rendered(install, kafka.bootstrap), secrets, here)
    with Sink() as sink, running(namespace, tmp_path) as containers:
        url, api = sink.on("hook", good), containers["api"]
        path = f"{PLAUDIT.parent}:{os.environ['PATH']}"
        for words in inside:
            line = f"PATH={path}; {words.replace(EXAMPLE_URL, url)}"
            namespace.run(api, "sh", "-c", line)
        assert sink.wait_until(lambda: bool(sink.ids("hook")), PROMPTLY_S)
        assert sink.ids("hook").total() == 1

        def listed() -> str:
            return namespace.run(api, "sh", "-c", f"PATH={path}; {inside[-1]}")

        until(lambda: "delivered" in listed(), "the delivery is listed", every_s=1)

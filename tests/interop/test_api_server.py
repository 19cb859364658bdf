"""A real API server accepts what the chart renders, in a namespace that demands restricted pods."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from chart.pods import KUBERNETES
from e2e.rig import free_port
from interop.toolchain import INSTALLED, tool
from waiting import until

pytestmark = [pytest.mark.nightly, pytest.mark.tree, pytest.mark.timeout(300)]

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
CHART: Final = DEPLOY / "helm" / "plaudit"
CASES: Final = sorted(CHART.glob("values-*.yaml"))
CRDS: Final = INSTALLED / "crds"
SERVER: Final = "kube-apiserver"
"""`make interop-go` makes it of Kubernetes' module, and the definitions in CRDS."""
OPTIONS: Final = (
    "outboxRelay.enabled=true", "outboxRelay.existingSecret=outbox", "jobsRunner.enabled=true",
    "deadLetters.enabled=true", "keda.enabled=true", "monitoring.podMonitor=true",
    "monitoring.rules=true", "monitoring.dashboards=true",
)  # fmt: skip
NAMESPACE: Final = """
apiVersion: v1
kind: Namespace
metadata:
  name: plaudit
  labels:
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/warn: restricted
"""
TOKEN: Final = "operator"
Kubectl = tuple[str, ...]


def run(*words: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        words, input=text, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """The command line of a server with the definitions of all others' objects."""
    program, folder = tool(SERVER), tmp_path_factory.mktemp("kubernetes")
    with ExitStack() as stack:
        etcd, port = _etcd(stack, folder), free_port()
        _start(stack, folder / "server.log", program, *_options(folder, etcd, port))
        at = (tool("kubectl"), f"--server=https://127.0.0.1:{port}", f"--token={TOKEN}")
        command = (*at, "--insecure-skip-tls-verify", f"--cache-dir={folder}/cache")
        until(lambda: run(*command, "get", "--raw", "/readyz").stdout == "ok", "the server answers")
        for text in (NAMESPACE, *(each.read_text() for each in sorted(CRDS.glob("*.yaml")))):
            done = run(*command, "apply", "--server-side", "-f", "-", text=text)
            assert done.returncode == 0, done.stderr
        defined = run(*command, "wait", "--for=condition=Established", "crd", "--all")
        assert defined.returncode == 0, defined.stderr
        yield command


def _etcd(stack: ExitStack, folder: Path) -> str:
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    _start(
        stack, folder / "etcd.log", tool("etcd"), f"--data-dir={folder}/etcd",
        f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
    )  # fmt: skip
    return client


def _options(folder: Path, etcd: str, port: int) -> tuple[str, ...]:
    key, tokens = folder / "service.key", folder / "tokens.csv"
    made = run("openssl", "genrsa", "-out", key, "2048")
    assert made.returncode == 0, made.stderr
    tokens.write_text(f"{TOKEN},operator,operator,system:masters\n")
    return (
        f"--etcd-servers={etcd}", f"--secure-port={port}", "--bind-address=127.0.0.1",
        f"--cert-dir={folder}/certificates", f"--token-auth-file={tokens}",
        "--authorization-mode=RBAC", "--service-account-issuer=https://127.0.0.1",
        f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
        "--service-cluster-ip-range=10.0.0.0/24",
    )  # fmt: skip


def _start(stack: ExitStack, log: Path, *words: str) -> None:
    """Run a server until the end of the test."""
    with log.open("wb") as written:
        process = subprocess.Popen(words, stdout=written, stderr=written)
    stack.callback(process.wait, 30)
    stack.callback(process.terminate)


def refused(kubectl: Kubectl, manifests: str) -> str:
    """Let the server judge manifests as if they were applied; return its errors and warnings."""
    apply = ("apply", "--server-side", "--dry-run=server", "--validate=strict")
    return run(*kubectl, "-n", "plaudit", *apply, "-f", "-", text=manifests).stderr


@pytest.mark.parametrize("options", [(), OPTIONS], ids=["as it is", "with every option"])
@pytest.mark.parametrize("values", CASES, ids=lambda path: path.stem)
def test_the_server_accepts_every_object_without_a_warning(
    kubectl: Kubectl, values: Path, options: tuple[str, ...]
) -> None:
    if shutil.which("helm") is None:
        pytest.skip("helm is not installed")
    chosen = [word for each in options for word in ("--set", each)]
    words = ("plaudit", CHART, "-n", "plaudit", "-f", values, "--kube-version", KUBERNETES)
    made = run("helm", "template", *words, *chosen)
    assert made.returncode == 0, made.stderr
    assert refused(kubectl, made.stdout) == ""


def test_the_server_accepts_the_base_for_kustomize(kubectl: Kubectl) -> None:
    made = run(kubectl[0], "kustomize", DEPLOY / "kustomize")
    assert made.returncode == 0, made.stderr
    assert refused(kubectl, made.stdout) == ""


def test_the_server_refuses_a_field_that_does_not_exist(kubectl: Kubectl) -> None:
    made = run(kubectl[0], "kustomize", DEPLOY / "kustomize").stdout
    assert "replica" in refused(kubectl, made.replace("replicas:", "replica:"))

"""Pods of rendered manifests, run as processes of this machine instead of containers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from e2e.rig import PLAUDIT

KUBERNETES: Final = "1.33.0"
COMPONENT: Final = "app.kubernetes.io/component"
STEP_S: Final = 120.0
Object = Mapping[str, Any]


def pod_of(found: Object) -> dict[str, Any] | None:
    """Return the specification of an object's pods."""
    spec = found.get("spec", {})
    template = spec.get("jobTemplate", {}).get("spec", spec).get("template", {})
    pod: dict[str, Any] | None = template.get("spec")
    return pod


@dataclass(frozen=True)
class Namespace:
    """A namespace without a cluster.

    Attributes:
        objects: what was applied.
        secrets: values of its Secrets, by name and key.
        here: settings that this machine needs: containers of one machine share its ports.
    """

    objects: Sequence[Object]
    secrets: Mapping[str, Mapping[str, str]]
    here: Mapping[str, str]

    def pods(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield component and pod of each object of a kind."""
        for each in self.objects:
            pod = pod_of(each) if each["kind"] == kind else None
            if pod is not None:
                yield each["metadata"]["labels"][COMPONENT], pod

    def environment(self, container: Object) -> dict[str, str]:
        """Return the variables of a container: its own, and nothing of this machine's."""
        return {
            "PATH": os.environ["PATH"],
            **{each["name"]: self._value(each) for each in container["env"]},
            **self.here,
        }

    def run(self, container: Object, *words: str, text: str = "") -> str:
        """Run a command in a container to its end; return what it printed."""
        done = subprocess.run(
            words, env=self.environment(container), input=text, capture_output=True,
            text=True, timeout=STEP_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def start(self, container: Object, log: Path, **more: str) -> subprocess.Popen[bytes]:
        """Start the command of a container."""
        with log.open("wb") as written:
            return subprocess.Popen(
                [PLAUDIT, *container["args"]],
                env={**self.environment(container), **more},
                stdout=written,
                stderr=written,
            )

    def _value(self, entry: Object) -> str:
        if "value" in entry:
            return str(entry["value"])
        asked = entry["valueFrom"]["secretKeyRef"]
        return self.secrets[asked["name"]][asked["key"]]

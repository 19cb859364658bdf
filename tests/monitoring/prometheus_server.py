"""A Prometheus that scrapes processes of this machine and evaluates rules."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import Final, Self

import httpx
import pytest

from e2e.rig import free_port
from waiting import until

EVERY: Final = "500ms"
"""Interval of scrapes and evaluations."""


class PrometheusServer:
    """A server that runs within a `with` block; without the program, the test is skipped.

    Args:
        folder: for its data and its log.
        rules: text of its file of rules.
        ports: ports that it scrapes, whether or not a process listens.
    """

    def __init__(self, folder: Path, rules: str, ports: Collection[int]) -> None:
        program = shutil.which("prometheus")
        if program is None:
            pytest.skip("prometheus is not installed (Debian: prometheus)")
        self._folder = folder
        (folder / "rules.yaml").write_text(rules)
        config = {
            "global": {"scrape_interval": EVERY, "scrape_timeout": EVERY,
                       "evaluation_interval": EVERY},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{
                "job_name": "plaudit",
                "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}],
            }],
        }  # fmt: skip
        (folder / "prometheus.yaml").write_text(json.dumps(config))
        port = free_port()
        self._command = (
            program, f"--config.file={folder}/prometheus.yaml",
            f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}",
        )  # fmt: skip
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10)

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire now."""
        found = self._client.get("/api/v1/alerts").raise_for_status().json()["data"]["alerts"]
        return {each["labels"]["alertname"] for each in found if each["state"] == "firing"}

    def value(self, query: str) -> float:
        """Return the value of a query's first sample; NaN without samples."""
        answer = self._client.get("/api/v1/query", params={"query": query}).raise_for_status()
        found = answer.json()["data"]["result"]
        return float(found[0]["value"][1]) if found else float("nan")

    def _ready(self) -> bool:
        try:
            return self._client.get("/-/ready").is_success
        except httpx.TransportError:
            return False

    def __enter__(self) -> Self:
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        until(self._ready, "Prometheus answers")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._client.close()

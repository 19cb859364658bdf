"""Generated files for Prometheus and Grafana, and their copies in the Helm chart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from plaudit.cli.docs.monitoring.dashboards import DASHBOARDS
from plaudit.cli.docs.monitoring.rules import rules

DEPLOY: Final = Path("deploy")


def files() -> dict[str, str]:
    """Return the text of each file, by its path in `deploy/`."""
    text = rules()
    found = {
        "prometheus/plaudit.rules.yaml": text,
        "helm/plaudit/files/plaudit.rules.yaml": text,
    }
    for each in DASHBOARDS:
        shown = json.dumps(each.plain(), indent=1, ensure_ascii=False) + "\n"
        found[f"grafana/{each.uid}.json"] = shown
        found[f"helm/plaudit/files/dashboards/{each.uid}.json"] = shown
    return found


def main() -> None:
    """Write the files below the current directory, the root of the repository."""
    for name, text in files().items():
        path = DEPLOY / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

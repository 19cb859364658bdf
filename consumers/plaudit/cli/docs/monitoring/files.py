"""Generated files for Prometheus and Grafana, and their copies in the Helm chart."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from plaudit.cli.docs.monitoring.rules import rules

DEPLOY: Final = Path("deploy")


def files() -> dict[str, str]:
    """Return the text of each file, by its path in `deploy/`."""
    text = rules()
    return {
        "prometheus/plaudit.rules.yaml": text,
        "helm/plaudit/files/plaudit.rules.yaml": text,
    }


def main() -> None:
    """Write the files below the current directory, the root of the repository."""
    for name, text in files().items():
        path = DEPLOY / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

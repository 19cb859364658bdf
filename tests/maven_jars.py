"""Jars that tests and benchmarks need beside a broker's, fetched by Maven once."""

from __future__ import annotations

import tempfile
from pathlib import Path

from plaudit.dev.kafka_jars import cache_dir, find_java, locked, run_maven


def fetched_jars(pom: Path, name: str, what: str) -> list[Path]:
    """Return the jars of a project's dependencies; download them if the cache has none.

    Args:
        pom: the project.
        name: folder in the cache.
        what: description of the download.

    Raises:
        KafkaNotFound: Java or Maven is missing, or Maven failed.
    """
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    jars = cache / name
    with locked(cache / "fetching.lock"):
        if not jars.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as scratch:
                target = Path(scratch) / "jars"
                goal = ["-f", str(pom), "dependency:copy-dependencies"]
                run_maven([*goal, f"-DoutputDirectory={target}"], find_java(), what)
                target.rename(jars)
    return sorted(jars.glob("*.jar"))

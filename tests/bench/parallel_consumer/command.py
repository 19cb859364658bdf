"""The command of the reference: its jars, which Maven downloads once, and its Java source."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from plaudit.dev.kafka_jars import cache_dir, find_java, locked, run_maven

HERE: Final = Path(__file__).parent
POM: Final = HERE / "pom.xml"
SOURCE: Final = HERE / "ParallelPosts.java"
_HEAP: Final = ("-Xms256m", "-Xmx256m")


def is_available() -> bool:
    """Return whether this machine can compile and run it."""
    return all(shutil.which(program) for program in ("java", "javac", "mvn"))


def java_command(
    url: str, brokers: str, group: str, topics: Sequence[str], concurrency: int
) -> list[str]:
    """Return the command that POSTs the records of the topics to a URL.

    Raises:
        KafkaNotFound: Java or Maven is missing, or Maven failed.
    """
    jars = os.pathsep.join(sorted(str(each) for each in _jars().glob("*.jar")))
    program = [str(find_java().path), *_HEAP, "-cp", jars, str(SOURCE)]
    return [*program, url, brokers, group, str(concurrency), *topics]


def _jars() -> Path:
    """Return the folder of jars; create it if it is missing."""
    cache = cache_dir()
    jars = cache / "parallel-consumer-jars"
    with locked(cache / "fetching.lock"):
        if not jars.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as scratch:
                target = Path(scratch) / "jars"
                goal = ["-f", str(POM), "dependency:copy-dependencies"]
                run_maven(
                    [*goal, f"-DoutputDirectory={target}"], find_java(), "parallel-consumer's jars"
                )
                target.rename(jars)
    return jars

"""The command of the reference: its jars, which Maven downloads once, and its Java source."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from maven_jars import fetched_jars
from plaudit.dev.kafka_jars import find_java

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
    found = fetched_jars(POM, "parallel-consumer-jars", "parallel-consumer's jars")
    jars = os.pathsep.join(map(str, found))
    program = [str(find_java().path), *_HEAP, "-cp", jars, str(SOURCE)]
    return [*program, url, brokers, group, str(concurrency), *topics]

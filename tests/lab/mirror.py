"""MirrorMaker 2 between two local clusters."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from maven_jars import fetched_jars
from plaudit.dev.guarded import GuardedProcess
from plaudit.dev.kafka_jars import find_distribution
from plaudit.kafka.settings import KafkaSettings

POM: Final = Path(__file__).with_name("mirror_pom.xml")
PROPERTIES: Final = Path(__file__).parents[2] / "deploy" / "mirrormaker" / "mm2.properties"
MAIN: Final = "org.apache.kafka.connect.mirror.MirrorMaker"
STOP_S: Final = 20.0
_JVM: Final = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
LOCAL: Final[Mapping[str, str]] = {
    # One broker has one copy of anything.
    "replication.factor": "1",
    "offset-syncs.topic.replication.factor": "1",
    "checkpoints.topic.replication.factor": "1",
    "second.offset.storage.replication.factor": "1",
    "second.config.storage.replication.factor": "1",
    "second.status.storage.replication.factor": "1",
    # Shorter intervals than in production, because a test waits for them.
    "refresh.topics.interval.seconds": "1",
    "refresh.groups.interval.seconds": "1",
    "emit.checkpoints.interval.seconds": "1",
    "sync.group.offsets.interval.seconds": "1",
}


class MirrorMaker:
    """Mirrors the topics and positions of an installation to another cluster.

    It runs with the properties in `deploy`, except for `LOCAL`.

    Args:
        first: of the installation, at the cluster to read.
        second: the same, at the cluster to write.
        folder: for the properties and the log.
    """

    def __init__(self, first: KafkaSettings, second: KafkaSettings, folder: Path) -> None:
        self._properties = folder / "mm2.properties"
        self._properties.write_text(_text(first, second), encoding="utf-8")
        self.process = GuardedProcess(folder / "mirror.log")

    def __enter__(self) -> Self:
        distribution = find_distribution()
        jars = [
            *fetched_jars(POM, "mirror-jars", "MirrorMaker's jars"),
            *distribution.jars.glob("*.jar"),
        ]
        # Skip jars that are in both folders.
        paths = {each.name: str(each) for each in jars}.values()
        command = [str(distribution.java.path), *_JVM, "-cp", os.pathsep.join(sorted(paths)), MAIN]
        self.process.launch("plaudit-mirror", [*command, str(self._properties)])
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stop(STOP_S)


def _text(first: KafkaSettings, second: KafkaSettings) -> str:
    """Return the recommended properties with these clusters, this prefix, and `LOCAL`."""
    text = PROPERTIES.read_text(encoding="utf-8")
    local = {
        **LOCAL,
        "first.bootstrap.servers": first.bootstrap_servers,
        "second.bootstrap.servers": second.bootstrap_servers,
    }
    for name, value in local.items():
        text, found = re.subn(rf"(?m)^{re.escape(name)} *=.*$", f"{name} = {value}", text)
        text += "" if found else f"{name} = {value}\n"
    # In a pattern a dot is any character, which does no harm here.
    return text.replace("plaudit\\\\.", first.topic_prefix.replace(".", "\\\\."))

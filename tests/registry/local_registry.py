"""A real schema registry on this machine, without Docker: Apicurio's, which speaks Confluent's API.

It is fetched once by the ordinary `mvn` (158 MB) and kept beside Kafka's jars. Its schemas are in
memory and end with it.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import httpx

from plaudit.dev.guarded import GuardedProcess
from plaudit.dev.kafka_errors import KafkaStartFailed
from plaudit.dev.kafka_jars import Java, find_java, locked, run_maven
from plaudit.dev.kafka_probe import free_ports

VERSION: Final = "3.3.3"
JAVA_NEEDED: Final = 21
READY_TIMEOUT_S: Final = 120.0
_ARTIFACT: Final = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
_API: Final = "/apis/ccompat/v7"
_LOOK_S: Final = 0.1
_JVM: Final = ("-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class LocalRegistry:
    """A registry on loopback; as a context manager it starts and stops.

    Attributes:
        url: what `PLAUDIT_SCHEMA_REGISTRY_URL` has to say.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """Fetch what is needed; nothing is started yet.

        Raises:
            KafkaNotFound: no Java that is new enough, no Maven, or Maven failed.
        """
        self._java = find_java(environ, JAVA_NEEDED)
        # By the machine's own Java where there is one: it knows whom its network trusts.
        self._app = fetch(_cache(environ), find_java(environ))
        self._port, self._management = free_ports(2)
        self.url = f"http://127.0.0.1:{self._port}{_API}"
        self._folder = tempfile.TemporaryDirectory(prefix="plaudit-registry-")
        self._process = GuardedProcess(Path(self._folder.name) / "server.log")

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            KafkaStartFailed: with the end of its log.
        """
        options = {
            "quarkus.http.host": "127.0.0.1",
            "quarkus.http.port": self._port,
            # Open to all hosts unless told.
            "quarkus.management.host": "127.0.0.1",
            "quarkus.management.port": self._management,
        }
        java = [
            str(self._java.path),
            *_JVM,
            *(f"-D{name}={value}" for name, value in options.items()),
        ]
        jar = str(self._app / "quarkus-run.jar")
        self._process.launch("plaudit-registry", [*java, "-jar", jar])
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not self._answers():
            if not self._process.running or time.monotonic() > deadline:
                what = "the schema registry did not start"
                raise KafkaStartFailed(what, self._process.log_tail())
            time.sleep(_LOOK_S)

    def kill(self) -> None:
        """End it at once; its schemas are gone."""
        self._process.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._folder.cleanup()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/subjects", timeout=2.0).is_success
        except httpx.HTTPError:
            return False


def fetch(cache: Path, java: Java) -> Path:
    """Return the folder of the unpacked registry, fetching it when it isn't in the cache.

    Args:
        cache: where it is kept.
        java: that Maven runs with.

    Raises:
        KafkaNotFound: no Maven, or it failed.
    """
    app = cache / "app"
    if app.is_dir():
        return app
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "fetching.lock"):
        if not app.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as scratch:
                _unpacked(Path(scratch), java).rename(app)
    return app


def _unpacked(scratch: Path, java: Java) -> Path:
    goal = ["dependency:copy", f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={scratch}"]
    run_maven(goal, java, "the schema registry's files")
    [archive] = scratch.glob("*.tar.gz")
    target = scratch / "app"
    with tarfile.open(archive) as packed:
        packed.extractall(target, filter="data")
    return target


def _cache(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "plaudit" / f"registry-{VERSION}"

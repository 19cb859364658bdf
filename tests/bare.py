"""Run by `wheel.sh` where only the bare wheel is installed: what it brings, and publishing."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

from plaudit.events.examples import example
from plaudit.kafka.settings import KafkaSettings
from plaudit.publish import Publisher
from plaudit.publish.testing import RecordingPublisher

EXPECTED = {
    *("annotated-types", "confluent-kafka", "fastavro", "orjson", "pip", "plaudit", "pydantic"),
    *("pydantic-core", "pydantic-settings", "python-dotenv", "setuptools", "typing-extensions"),
    *("typing-inspection",),
}
"""Each a dependency of publishing, or there in every environment."""
USAGE = 2


def main() -> None:
    """Raise where an upstream service would be surprised."""
    brought = {each.name.lower().replace("_", "-") for each in distributions()}
    assert brought <= EXPECTED, f"publishing brings {sorted(brought - EXPECTED)}"
    event = example("testimonial.approved")
    publisher = RecordingPublisher()
    publisher.publish(event).result(timeout=5)
    assert publisher.events == [event]
    # Nobody listens there; nothing is sent.
    Publisher(KafkaSettings(bootstrap_servers="127.0.0.1:9")).close()
    command = Path(sys.executable).with_name("plaudit")
    done = subprocess.run([command], capture_output=True, text=True, check=False)
    assert done.returncode == USAGE, done
    assert "pip install" in done.stderr, done.stderr
    print(f"the bare wheel publishes, with {len(brought)} packages")


if __name__ == "__main__":
    main()

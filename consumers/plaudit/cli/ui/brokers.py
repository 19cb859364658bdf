"""Early message about brokers that refuse connections."""

from __future__ import annotations

from plaudit.cli.ui.output import fail, note
from plaudit.control.broker_reach import refused_by_all
from plaudit.kafka.settings import KafkaSettings


def note_refusals(settings: KafkaSettings) -> None:
    """Print a note at once if every broker refuses connections.

    Deployment steps often start before the brokers, so the command waits for them as usual.

    Raises:
        SettingsError: a setting is invalid.
    """
    problem = refused_by_all(settings)
    if problem is not None:
        note(f"plaudit: {problem}. Waiting for the brokers")


def reachable_kafka() -> KafkaSettings:
    """Return the connection of a command that has nothing to do without brokers.

    If every broker refuses connections, the command fails at once: the client would wait for ten
    seconds.

    Raises:
        SettingsError: a setting is invalid.
    """
    settings = KafkaSettings()
    problem = refused_by_all(settings)
    if problem is not None:
        fail(problem)
    return settings

"""Early note about brokers for which a command waits."""

from __future__ import annotations

from plaudit.cli.ui.output import note
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

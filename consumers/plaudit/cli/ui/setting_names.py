"""Names of all settings, and variables that look like a misspelled one.

The names are listed here because the classes of settings take long to import. A test compares them.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PREFIX: Final = "PLAUDIT_"
_NAMES: Final = """
    ALLOW_NETWORKS API_BODY_TIMEOUT API_EVENTS_RATE_LIMIT API_EVENT_RATE API_HEAD_TIMEOUT
    API_HOST API_MAX_CONNECTIONS API_MAX_ENDPOINTS API_MAX_FILTERS API_MAX_FILTER_CHARACTERS
    API_MAX_KEYS API_MAX_NAMES API_METRICS API_PORT API_RATE_LIMIT API_RETRIES_PER_MINUTE
    API_TESTS_PER_MINUTE ATTEMPTS_FRAMING AUDIT_DAYS CONNECT_TIMEOUT CONSOLE
    CONSOLE_PUBLIC_CATALOGUE CONSOLE_SESSION_HOURS CONSOLE_URL DATABASE_URL DEBUG
    DISABLE_AFTER_DAYS DNS_TIMEOUT ENDPOINT_IN_FLIGHT ENDPOINT_QUEUE FAILING_AFTER
    FIRST_BYTE_TIMEOUT FLOOD_SHARE LOG_ATTEMPTS LOG_DAYS LOG_FORMAT LOG_LEVEL METRICS_HOST
    METRICS_PORT OIDC_CLAIM OIDC_CLIENT_ID OIDC_CLIENT_SECRET OIDC_GRANTS OIDC_ISSUER OIDC_LABEL
    OIDC_SCOPES OUTBOX_METRICS_PORT OUTBOX_TABLE OUTBOX_URL PAYLOAD_DAYS PORTAL_FRAME_ANCESTORS
    POSITION_PAST_END PROXY_RESOLVES PROXY_URL RECORD_JOBS REQUIRE_BOUND_ENDPOINTS
    RETRY_SCHEDULE RETRY_TIERS SCHEMA_REGISTRY_URL SCHEMA_WAIT SECRET_KEY SHARE_HEALTH
    TLS_CA_FILE TLS_CERTIFICATE_FILE TLS_KEY_FILE TLS_TIMEOUT TOKEN_PROVIDER TOPICS_FILE
    TOPIC_PREFIX TOTAL_TIMEOUT WORKSPACE_BACKLOG WRITE_TIMEOUT
"""
SETTING_NAMES: Final = frozenset(_NAMES.split())
"""Names of the settings, without the prefix."""
_FREE: Final = ("KAFKA_", "VAR_")
"""Beginnings of names that users choose: properties of librdkafka, and variables for files."""
_ALIKE: Final = 0.8
"""Similarity from which a name is a misspelled one: 1 is the same."""


def env_file() -> Mapping[str, str | None]:
    """Return the variables of the file `.env` in the working directory.

    Raises:
        SettingsError: the file can't be read as text.
    """
    if not Path(".env").is_file():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - most installations have no such file

    from plaudit.kafka.errors import SettingsError  # noqa: PLC0415 - for the same reason

    try:
        return dotenv_values(".env")
    except (OSError, UnicodeError) as error:
        raise SettingsError(".env", f"not a readable text file: {error}") from None


def misspelled(given: Mapping[str, str | None]) -> dict[str, str]:
    """Return the variables that no command reads, each with the setting that it resembles."""
    unknown = {name: value for name, value in sorted(given.items()) if _is_unknown(name.upper())}
    if not unknown:
        return {}
    from plaudit.kafka.service_links import without_service_links  # noqa: PLC0415 - takes long

    found: dict[str, str] = {}
    for variable in without_service_links(unknown):
        name = variable.upper().removeprefix(PREFIX)
        close = difflib.get_close_matches(name, SETTING_NAMES, 1, _ALIKE)
        if close:
            found[variable] = PREFIX + close[0]
    return found


def _is_unknown(variable: str) -> bool:
    name = variable.removeprefix(PREFIX)
    ours = variable.startswith(PREFIX)
    return ours and name not in SETTING_NAMES and not name.startswith(_FREE)

"""Settings of the console and the portal, from `PLAUDIT_*` and a `.env` file."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from plaudit.kafka.base_settings import EnvSettings

_ANCESTOR: Final = re.compile(r"https?://(\*\.)?[a-z0-9.-]+(:[0-9]{1,5})?")


class ConsoleSettings(EnvSettings):
    """Address and sessions of the console, and embedding of the portal."""

    console: bool = Field(
        default=True, description="Whether `plaudit serve` serves the console and the portal."
    )
    console_url: str | None = Field(
        default=None,
        description="Public address, such as https://plaudit.example.com, for links.",
    )
    console_session_hours: float = Field(
        default=12.0, gt=0, le=720, description="Hours for which a session is valid."
    )
    console_public_catalogue: bool = Field(
        default=False,
        description="Whether the event catalogue is public, at `/catalogue`.",
    )
    portal_frame_ancestors: str = Field(
        default="",
        description="Origins that may embed the portal in a frame, separated by spaces.",
    )

    @field_validator("console_url")
    @classmethod
    def _is_origin(cls, text: str | None) -> str | None:
        """Accept an origin without a path, in canonical form."""
        if text is None:
            return None
        parts = urlsplit(text.rstrip("/"))
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query:
            msg = "an address without a path, such as https://plaudit.example.com"
            raise ValueError(msg)
        return f"{parts.scheme}://{parts.netloc.lower()}"

    @field_validator("portal_frame_ancestors")
    @classmethod
    def _are_origins(cls, text: str) -> str:
        """Check the origins: other text could add directives to the policy."""
        for each in text.split():
            if _ANCESTOR.fullmatch(each) is None:
                msg = f"{each!r} is not an origin such as https://app.example.com"
                raise ValueError(msg)
        return " ".join(text.split())

    @property
    def is_secure(self) -> bool:
        """Whether the console's address uses https."""
        return (self.console_url or "").startswith("https://")

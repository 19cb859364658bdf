"""`POST /v1/portal-links`: a link that lets one person of a workspace into the portal, once."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlsplit
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from plaudit.api.auth import Writing
from plaudit.api.problems import documented
from plaudit.api.schemas.endpoints import Text
from plaudit.console.parts import ConsoleParts
from plaudit.console.viewer import SECTIONS
from plaudit.records.times import time_text
from plaudit.store.access.api_keys import Scope
from plaudit.store.access.sessions import SessionGrant, WebApp

router = APIRouter(prefix="/v1/portal-links", tags=["portal"])

_ACCENT: Final = re.compile(r"#[0-9a-fA-F]{6}")


def _section(name: str) -> str:
    if name not in SECTIONS:
        msg = f"{name!r} is not one of {', '.join(SECTIONS)}"
        raise ValueError(msg)
    return name


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not re.fullmatch(r"[\w.:-]+", parts.netloc):
        msg = "an address that begins with https://"
        raise ValueError(msg)
    return url


def _image(url: str) -> str:
    if not _address(url).startswith("https://"):
        msg = "an image that begins with https://"
        raise ValueError(msg)
    return url


def _color(text: str) -> str:
    if _ACCENT.fullmatch(text) is None:
        msg = "a color such as #3355ff"
        raise ValueError(msg)
    return text


class Theme(BaseModel):
    """Look of the embedding application."""

    model_config = ConfigDict(extra="forbid")

    name: Text | None = Field(default=None, max_length=60, description="Shown in the bar.")
    logo: Annotated[Text, AfterValidator(_image)] | None = Field(
        default=None, description="Address of an image."
    )
    accent: Annotated[Text, AfterValidator(_color)] | None = Field(
        default=None, description="Color of links and buttons."
    )


class PortalLinkBody(BaseModel):
    """A portal link to make."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"person": "ada@example.com", "scope": "workspace"}]},
    )

    workspace_id: UUID | None = Field(default=None, description="Only for an admin's key.")
    person: Text = Field(
        default="portal", min_length=1, max_length=200, description="Name in the list of sessions."
    )
    scope: Literal["workspace", "read"] = Field(
        default="workspace", description="Whether the person may change anything."
    )
    pages: list[Annotated[Text, AfterValidator(_section)]] = Field(
        default_factory=list, max_length=len(SECTIONS), description="None: all."
    )
    link_lifetime_s: int = Field(
        default=300, ge=10, le=86_400, description="Seconds in which the link must be opened."
    )
    session_lifetime_s: int = Field(
        default=28_800, ge=60, le=2_592_000, description="Seconds until a new link is needed."
    )
    return_url: Annotated[Text, AfterValidator(_address)] | None = Field(
        default=None, description="Where the portal's way back leads."
    )
    theme: Theme = Field(default_factory=Theme)


class PortalLinkOut(BaseModel):
    """A portal link, shown only once."""

    url: str = Field(description="Opens the portal, once.")
    expires_at: str


async def _console(request: Request) -> ConsoleParts:
    parts: ConsoleParts = request.app.state.console
    return parts


@router.post("", status_code=201, responses=documented())
def create_portal_link(
    parts: Annotated[ConsoleParts, Depends(_console)], who: Writing, body: PortalLinkBody
) -> PortalLinkOut:
    """Create a link into the portal of one workspace; whose session ends when this key does.

    Send the person there, or set it as the address of a frame.
    """
    asked = None if body.workspace_id is None else str(body.workspace_id)
    grant = SessionGrant(
        WebApp.PORTAL,
        body.person,
        Scope(body.scope),
        who.writes(asked),
        who.key.key_id,
        tuple(body.pages),
        body.return_url,
        body.theme.model_dump(exclude_none=True),
    )
    token, expires_at = parts.sessions.create_link(
        grant, body.link_lifetime_s * 1_000, body.session_lifetime_s * 1_000
    )
    url = f"{public_url(parts)}/portal/enter?token={quote(token)}"
    return PortalLinkOut(url=url, expires_at=time_text(expires_at))


def public_url(parts: ConsoleParts) -> str:
    """Return where people reach the console."""
    known = parts.settings.console_url
    if known is not None:
        return known
    settings = parts.api.quotas.settings
    return f"http://{settings.api_host}:{settings.api_port}"

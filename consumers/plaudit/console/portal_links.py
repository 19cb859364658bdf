"""`POST /v1/portal-links`: creates a single-use link into the portal of a workspace."""

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
from plaudit.console.services import ConsoleServices
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
    split = urlsplit(url)
    if split.scheme not in {"http", "https"} or not re.fullmatch(r"[\w.:-]+", split.netloc):
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
    """Appearance of the embedding application."""

    model_config = ConfigDict(extra="forbid")

    name: Text | None = Field(default=None, max_length=60, description="Name in the title bar.")
    logo: Annotated[Text, AfterValidator(_image)] | None = Field(
        default=None, description="Address of an image."
    )
    accent: Annotated[Text, AfterValidator(_color)] | None = Field(
        default=None, description="Color of links and buttons."
    )


class PortalLinkBody(BaseModel):
    """A portal link to create."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"person": "ada@example.com", "scope": "workspace"}]},
    )

    workspace_id: UUID | None = Field(default=None, description="For admin keys only.")
    person: Text = Field(
        default="portal", min_length=1, max_length=200, description="Name in the list of sessions."
    )
    scope: Literal["workspace", "read"] = Field(
        default="workspace", description="Whether the person may change anything."
    )
    pages: list[Annotated[Text, AfterValidator(_section)]] = Field(
        default_factory=list, max_length=len(SECTIONS), description="Empty: all."
    )
    link_lifetime_s: int = Field(
        default=300, ge=10, le=86_400, description="Seconds for which the link is valid."
    )
    session_lifetime_s: int = Field(
        default=28_800, ge=60, le=2_592_000, description="Seconds for which the session is valid."
    )
    return_url: Annotated[Text, AfterValidator(_address)] | None = Field(
        default=None, description="Target of the portal's link back."
    )
    theme: Theme = Field(default_factory=Theme)


class PortalLinkOut(BaseModel):
    """A portal link, shown only once."""

    url: str = Field(description="Address that opens the portal, once.")
    expires_at: str


async def _console(request: Request) -> ConsoleServices:
    services: ConsoleServices = request.app.state.console
    return services


@router.post("", status_code=201, responses=documented())
def create_portal_link(
    services: Annotated[ConsoleServices, Depends(_console)], who: Writing, body: PortalLinkBody
) -> PortalLinkOut:
    """Create a link into the portal of a workspace; its session ends with the API key.

    Redirect a person to it, or set it as the address of a frame.
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
    token, expires_at = services.sessions.create_link(
        grant, body.link_lifetime_s * 1_000, body.session_lifetime_s * 1_000
    )
    url = f"{public_url(services)}/portal/enter?token={quote(token)}"
    return PortalLinkOut(url=url, expires_at=time_text(expires_at))


def public_url(services: ConsoleServices) -> str:
    """Return the public address of the console."""
    known = services.settings.console_url
    if known is not None:
        return known
    settings = services.api.quotas.settings
    return f"http://{settings.api_host}:{settings.api_port}"

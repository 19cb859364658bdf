"""Viewer of a page: a session with the permissions of an API key of the same scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from plaudit.api.auth import Caller
from plaudit.api.problems import Refused
from plaudit.store.access.api_keys import ApiKey, Scope
from plaudit.store.access.sessions import Session, WebApp

BASES: Final = {WebApp.CONSOLE: "/console", WebApp.PORTAL: "/portal"}
SECTIONS: Final = (
    "overview",
    "endpoints",
    "deliveries",
    "dead-letters",
    "jobs",
    "events",
    "settings",
)
"""Pages to which a portal link may restrict its session."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person who views a page.

    Attributes:
        session: session of the browser.
        caller: the same permissions as a caller of the API.
        csrf: secret of this session's forms.
    """

    session: Session
    caller: Caller
    csrf: str

    @classmethod
    def of(cls, session: Session, csrf: str) -> Viewer:
        """Return the viewer of a session."""
        grant = session.grant
        key = ApiKey(
            session.session_id,
            grant.scope,
            grant.workspace_id,
            grant.name,
            "",
            session.created_at,
            None,
            None,
        )
        return cls(session, Caller(key), csrf)

    @property
    def base(self) -> str:
        """First part of every address of this application."""
        return BASES[self.session.grant.web_app]

    @property
    def is_portal(self) -> bool:
        """Whether the person uses the portal, not the console."""
        return self.session.grant.web_app is WebApp.PORTAL

    @property
    def workspace_id(self) -> str | None:
        """Workspace of the viewer; None means all."""
        return self.session.grant.workspace_id

    @property
    def may_write(self) -> bool:
        """Whether the viewer may change anything."""
        return self.session.grant.scope is not Scope.READ

    @property
    def is_operator(self) -> bool:
        """Whether the viewer sees every workspace."""
        return self.workspace_id is None

    def opens(self, section: str) -> bool:
        """Return whether the viewer may open a section."""
        pages = self.session.grant.pages
        return not pages or section in pages

    def check_opens(self, section: str, *, operators: bool = False) -> None:
        """Check that the viewer may open a page.

        Args:
            section: section of the page.
            operators: whether the page is for operators only.

        Raises:
            Refused: the portal link does not include the page, or it is for operators only.
        """
        if not self.opens(section) or (operators and not self.is_operator):
            raise Refused(404, "this page does not exist")

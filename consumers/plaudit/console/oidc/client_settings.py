"""Settings of OpenID Connect, from `PLAUDIT_OIDC_*`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from plaudit.console.oidc.access import AccessRule, parse_rules
from plaudit.kafka.base_settings import PREFIX, EnvSettings
from plaudit.kafka.errors import SettingsError

CALLBACK: Final = "/console/oidc/callback"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class OidcClient:
    """This installation, as the provider knows it.

    Attributes:
        issuer: the provider.
        secret: empty for a public client.
        scopes: what it asks for, separated by spaces.
        redirect_uri: the one address that the provider may send people back to.
        claim: claim that decides on the scope of a session.
        rules: what its values grant.
        label: name of the provider on the page.
    """

    issuer: str
    client_id: str
    secret: str
    scopes: str
    redirect_uri: str
    claim: str
    rules: tuple[AccessRule, ...]
    label: str


class OidcSettings(EnvSettings):
    """Provider that operators sign in with, and what its claims grant."""

    oidc_issuer: str | None = Field(
        default=None,
        description="Issuer of the OpenID provider, exactly as it names itself; unset: operators "
        "sign in with API keys only. Needs `PLAUDIT_CONSOLE_URL`; register that address with the "
        f"path `{CALLBACK}` as the redirect URI.",
    )
    oidc_client_id: str = Field(default="", description="Client id at the provider.")
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Client secret at the provider; empty for a public client, which has PKCE.",
    )
    oidc_scopes: str = Field(
        default="openid email profile",
        description="Scopes to ask for, separated by spaces; some providers need `groups`.",
    )
    oidc_claim: str = Field(
        default="groups",
        min_length=1,
        description="Claim that decides on the scope: a name, or a path such as "
        "`realm_access.roles`. It is read from the ID token, then from the user info.",
    )
    oidc_grants: str = Field(
        default="",
        description="What the values of the claim grant, such as `webhook-admins=admin; "
        "support=read; acme=workspace:7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01`; the first that "
        "matches decides. People whom none matches are refused.",
    )
    oidc_label: str = Field(
        default="single sign-on", max_length=60, description="Name of the provider on the page."
    )

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, text: str | None) -> str | None:
        """Accept https; plain http only from this machine, for development."""
        if text is None:
            return None
        parts = urlsplit(text)
        local = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
            msg = "an address without query, such as https://login.example.com"
            raise ValueError(msg)
        if parts.scheme != "https" and not local:
            msg = "an https address, such as https://login.example.com"
            raise ValueError(msg)
        return text

    @field_validator("oidc_scopes")
    @classmethod
    def _has_openid(cls, text: str) -> str:
        """Add the scope that makes it OpenID Connect."""
        names = text.split()
        return " ".join(names if "openid" in names else ["openid", *names])

    @field_validator("oidc_grants")
    @classmethod
    def _are_rules(cls, text: str) -> str:
        """Accept rules only."""
        parse_rules(text)
        return text

    def client(self, console_url: str | None) -> OidcClient | None:
        """Return the client; None if no provider is set.

        Args:
            console_url: public address of the console.

        Raises:
            SettingsError: a setting is missing.
        """
        if self.oidc_issuer is None:
            return None
        needed = {
            "OIDC_CLIENT_ID": self.oidc_client_id,
            "OIDC_GRANTS": self.oidc_grants,
            "CONSOLE_URL": console_url,
        }
        for name, value in needed.items():
            if not value:
                raise SettingsError(f"{PREFIX}{name}", "not set; signing in with OIDC needs it")
        return OidcClient(
            self.oidc_issuer,
            self.oidc_client_id,
            self.oidc_client_secret.get_secret_value(),
            self.oidc_scopes,
            f"{console_url}{CALLBACK}",
            self.oidc_claim,
            parse_rules(self.oidc_grants),
            self.oidc_label,
        )

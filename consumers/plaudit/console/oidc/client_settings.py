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
    """This installation as a client of the provider.

    Attributes:
        issuer: the provider.
        secret: empty for a public client.
        scopes: requested scopes, separated by spaces.
        redirect_uri: the only address to which the provider may redirect.
        claim: claim that determines the scope of a session.
        rules: grants for values of the claim.
        label: display name of the provider.
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
    """Provider with which operators sign in, and the grants for its claims."""

    oidc_issuer: str | None = Field(
        default=None,
        description="Issuer of the OpenID provider, exactly as in its metadata; if unset, "
        "operators sign in with API keys only. Needs `PLAUDIT_CONSOLE_URL`; register that "
        f"address with the path `{CALLBACK}` as the redirect URI.",
    )
    oidc_client_id: str = Field(default="", description="Client id at the provider.")
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Client secret at the provider; empty for a public client, which uses PKCE.",
    )
    oidc_scopes: str = Field(
        default="openid email profile",
        description="Scopes to request, separated by spaces; some providers need `groups`.",
    )
    oidc_claim: str = Field(
        default="groups",
        min_length=1,
        description="Claim that determines the scope: a name, or a path such as "
        "`realm_access.roles`. Read from the ID token, then from the user info.",
    )
    oidc_grants: str = Field(
        default="",
        description="Grants for values of the claim, such as `webhook-admins=admin; "
        "support=read; acme=workspace:7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01`. The first match "
        "applies; people without a match are refused.",
    )
    oidc_label: str = Field(
        default="single sign-on",
        max_length=60,
        description="Display name of the provider on the sign-in page.",
    )

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, text: str | None) -> str | None:
        """Accept https, and for development http on this machine."""
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
        """Add the scope `openid`, without which a request is not OpenID Connect."""
        names = text.split()
        return " ".join(names if "openid" in names else ["openid", *names])

    @field_validator("oidc_grants")
    @classmethod
    def _are_rules(cls, text: str) -> str:
        """Check the rules."""
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
                raise SettingsError(f"{PREFIX}{name}", "not set; required for sign-in with OIDC")
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

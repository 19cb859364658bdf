"""Rules that grant scopes by the values of a claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from plaudit.console.oidc.failures import FailureReason, SignInFailure
from plaudit.store.access.api_keys import Scope

EMAIL: Final = "email"


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Grant of a scope for one value of the claim.

    Attributes:
        value: value of the claim.
        scope: permissions.
        workspace_id: workspace of the grant; None means all.
    """

    value: str
    scope: Scope
    workspace_id: str | None = None


def parse_rules(text: str) -> tuple[AccessRule, ...]:
    """Return the rules of a setting such as `webhook-admins=admin; support=read`.

    Raises:
        ValueError: a rule is not `value=scope`, or its scope is unknown.
    """
    return tuple(_parse(each.strip()) for each in text.split(";") if each.strip())


def _parse(text: str) -> AccessRule:
    value, equals, granted = (part.strip() for part in text.rpartition("="))
    if not equals or not value:
        raise ValueError(f"{text!r} is not value=scope, such as support=read")
    name, _, workspace = granted.partition(":")
    scope = next((each for each in Scope if each == name), None)
    if scope is None or (scope is Scope.ADMIN and workspace):
        raise ValueError(f"{granted!r} is not admin, read, read:WORKSPACE or workspace:WORKSPACE")
    if scope is Scope.WORKSPACE and not workspace:
        raise ValueError(f"{text!r} needs a workspace, such as {text}:7d9f5c1e-52a4-…")
    try:
        return AccessRule(value, scope, str(UUID(workspace)) if workspace else None)
    except ValueError:
        raise ValueError(f"{workspace!r} is not the id of a workspace, a UUID") from None


def granted(rules: Sequence[AccessRule], claim: str, claims: Mapping[str, Any]) -> AccessRule:
    """Return the first rule that matches a person's claims.

    Args:
        rules: rules in order of precedence.
        claim: name of the claim, or a path such as `realm_access.roles`.
        claims: claims of the provider about the person.

    Raises:
        SignInFailure: no rule matches, or the matching email address is not verified.
    """
    values = claim_values(claims, claim)
    found = next((each for each in rules if each.value in values), None)
    if found is None:
        detail = f"{claim} has {sorted(values)[:20]}, and no rule of PLAUDIT_OIDC_GRANTS matches"
        raise SignInFailure(FailureReason.NOT_GRANTED, detail)
    if claim == EMAIL and claims.get("email_verified") not in {True, "true"}:
        raise SignInFailure(FailureReason.EMAIL_UNVERIFIED, str(claims.get(EMAIL)))
    return found


def claim_values(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """Return the values of the claim with this name, or otherwise at this path."""
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return frozenset({found})
    return frozenset(str(each) for each in found) if isinstance(found, list) else frozenset()


def person_of(claims: Mapping[str, Any]) -> str:
    """Return the display name of a person: email address, user name or subject."""
    for name in (EMAIL, "preferred_username", "sub"):
        text = claims.get(name)
        is_unverified = name == EMAIL and claims.get("email_verified") in {False, "false"}
        if isinstance(text, str) and text.strip() and not is_unverified:
            return text.strip()[:200]
    return "unknown"

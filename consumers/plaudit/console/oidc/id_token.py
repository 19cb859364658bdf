"""Verification of an ID token: signature, audience, nonce and expiry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import KeySet, import_key
from joserfc.jwt import decode

from plaudit.console.oidc.failures import FailureReason, SignInFailure

LEEWAY_S: Final = 60
"""Tolerated difference between the clocks of two servers."""
ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
)
"""Asymmetric signatures only: neither `none` nor the client's secret."""
_REASONS: Final = {
    "aud": FailureReason.WRONG_AUDIENCE,
    "azp": FailureReason.WRONG_AUDIENCE,
    "nonce": FailureReason.WRONG_NONCE,
    "iss": FailureReason.WRONG_ISSUER,
}


def verified(
    token: str,
    keys: Sequence[Mapping[str, Any]],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str | None,
    now_s: int,
) -> dict[str, Any]:
    """Verify an ID token; return its claims.

    Args:
        token: the ID token.
        keys: public keys of the provider, as JWK.
        issuer: expected issuer.
        client_id: expected audience.
        nonce: nonce of the sign-in.
        access_token: access token of the same response.
        now_s: epoch seconds.

    Raises:
        SignInFailure: the token is invalid.
    """
    options = {
        "iss": {"essential": True, "value": issuer},
        "aud": {"essential": True, "value": client_id},
        "sub": {"essential": True},
    }
    params = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
    try:
        decoded = decode(token, KeySet(_usable(keys)), algorithms=ALGORITHMS)
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        claims.validate(now_s, LEEWAY_S)
    except ExpiredTokenError as error:
        raise SignInFailure(FailureReason.TOKEN_EXPIRED, str(error)) from None
    except ClaimError as error:
        reason = _REASONS.get(error.claim, FailureReason.TOKEN_INVALID)
        raise SignInFailure(reason, str(error)) from None
    except (JoseError, ValueError, TypeError) as error:
        raise SignInFailure(FailureReason.TOKEN_INVALID, str(error)) from None
    return dict(claims)


def _usable(keys: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return the signing keys; a provider may have others, and of unknown kinds."""
    usable = []
    for each in keys:
        # Anyone who can verify a token with a symmetric key can also forge one.
        if each.get("use", "sig") != "sig" or each.get("kty") == "oct":
            continue
        try:
            usable.append(import_key(dict(each)))
        except (JoseError, ValueError, TypeError):
            continue
    return usable

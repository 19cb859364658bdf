"""Verification of an ID token: who signed it, for whom, for which sign-in, until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import KeySet, import_key
from joserfc.jwt import decode

from plaudit.console.oidc.failures import FailureReason, SignInFailure

LEEWAY_S: Final = 60
"""How far the clocks of two servers may differ."""
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
"""Signatures with the provider's private key: never `none`, never the client's own secret."""
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
    """Return the claims of an ID token.

    Args:
        token: the provider's token.
        keys: the provider's public keys, as JWK.
        issuer: who has to have made it.
        client_id: whom it has to be made for.
        nonce: nonce of the sign-in.
        access_token: access token of the same answer.
        now_s: epoch seconds.

    Raises:
        SignInFailure: it is not valid.
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
    """Return the keys that sign; a provider may have others, of kinds that are unknown here."""
    usable = []
    for each in keys:
        # With a symmetric key, everyone who can verify a token can also forge one.
        if each.get("use", "sig") != "sig" or each.get("kty") == "oct":
            continue
        try:
            usable.append(import_key(dict(each)))
        except (JoseError, ValueError, TypeError):
            continue
    return usable

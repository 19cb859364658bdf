"""Pending sign-ins, each in an encrypted cookie that is valid once within ten minutes."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

import orjson

from plaudit.console.oidc.failures import FailureReason, SignInFailure
from plaudit.console.settings import ConsoleSettings
from plaudit.endpoints.keys import CannotOpen, Sealed, SecretKeys
from plaudit.records.times import wall_ms

LIFETIME_S: Final = 600
_PURPOSE: Final = "sign-in with a provider"
_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """A sign-in that a browser has begun.

    Attributes:
        state: binds the provider's response to this browser.
        nonce: binds the ID token to this sign-in.
        verifier: PKCE verifier, which binds the code to this sign-in.
        issuer: the provider.
        back: page to open afterwards.
        begun_ms: start, in epoch milliseconds.
    """

    state: str
    nonce: str
    verifier: str
    issuer: str
    back: str
    begun_ms: int

    @property
    def ends_ms(self) -> int:
        """End of its validity, in epoch milliseconds."""
        return self.begun_ms + LIFETIME_S * 1_000

    @classmethod
    def begin(cls, issuer: str, back: str) -> PendingSignIn:
        """Return a new sign-in."""
        state, nonce, verifier = (secrets.token_urlsafe(_BYTES) for _ in range(3))
        return cls(state, nonce, verifier, issuer, back, wall_ms())


class PendingSignIns:
    """Encrypts sign-ins into cookies, and decrypts them.

    Args:
        keys: keys that encrypt the cookies.
        settings: whether cookies are secure.
        now_ms: clock in epoch milliseconds.
    """

    def __init__(
        self, keys: SecretKeys, settings: ConsoleSettings, now_ms: Callable[[], int] = wall_ms
    ) -> None:
        self._keys = keys
        self._is_secure = settings.is_secure
        self._now_ms = now_ms

    @property
    def cookie(self) -> str:
        """Name of the cookie."""
        return f"{'__Host-' if self._is_secure else ''}plaudit-sign-in"

    def header(self, pending: PendingSignIn | None) -> str:
        """Return the `Set-Cookie` header of a sign-in; None removes the cookie."""
        value = "" if pending is None else self._sealed(pending)
        # The provider redirects here from another site, which `Strict` would exclude.
        ending = "; Secure" if self._is_secure else ""
        lifetime_s = LIFETIME_S if value else 0
        return (
            f"{self.cookie}={value}; Path=/; Max-Age={lifetime_s}; HttpOnly; SameSite=Lax{ending}"
        )

    def take(self, cookie: str | None, state: str) -> PendingSignIn:
        """Return the sign-in of a response.

        Args:
            cookie: value of the cookie.
            state: state in the response.

        Raises:
            SignInFailure: the sign-in is from another browser, or too old.
        """
        pending = self._opened(cookie)
        if not hmac.compare_digest(pending.state.encode(), state.encode()):
            raise SignInFailure(FailureReason.WRONG_STATE)
        if self._now_ms() > pending.ends_ms:
            raise SignInFailure(FailureReason.TOO_LATE)
        return pending

    def _sealed(self, pending: PendingSignIn) -> str:
        sealed = self._keys.seal(_PURPOSE, orjson.dumps(asdict(pending)))
        return f"{sealed.key_id}.{base64.urlsafe_b64encode(sealed.blob).decode().rstrip('=')}"

    def _opened(self, cookie: str | None) -> PendingSignIn:
        key_id, _, text = (cookie or "").partition(".")
        try:
            blob = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            plain = self._keys.open(_PURPOSE, Sealed(key_id, blob))
            return PendingSignIn(**orjson.loads(plain))
        except (CannotOpen, binascii.Error, ValueError, TypeError):
            raise SignInFailure(FailureReason.NOT_BEGUN_HERE) from None

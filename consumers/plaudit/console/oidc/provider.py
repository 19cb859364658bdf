"""HTTP client of an OpenID provider: metadata, keys, tokens and user info."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx
import orjson
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from plaudit.console.oidc.client_settings import OidcClient
from plaudit.console.oidc.failures import FailureReason, SignInFailure
from plaudit.console.oidc.id_token import verified
from plaudit.console.oidc.pending import PendingSignIn

DISCOVERY: Final = "/.well-known/openid-configuration"
TIMEOUT_S: Final = 10.0
MOST_BYTES: Final = 1 << 20
KNOWN_FOR_S: Final = 300.0
"""Lifetime of the cached metadata."""
_FAILED: Final = 400
_NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Metadata of a provider.

    Attributes:
        authorization: address of the sign-in page.
        token: address for the exchange of codes.
        keys: address of the public keys.
        user_info: address of the user info, if any.
        posts_secret: whether the client sends its secret in the form, not in a header.
        names_itself: whether every response names its issuer.
    """

    authorization: str
    token: str
    keys: str
    user_info: str | None
    posts_secret: bool
    names_itself: bool


class Provider:
    """Client of an OpenID provider.

    Args:
        client: this installation.
        clock: monotonic seconds.
    """

    def __init__(self, client: OidcClient, clock: Callable[[], float] = time.monotonic) -> None:
        self.client = client
        self._clock = clock
        self._known: tuple[float, Metadata] | None = None

    async def address(self, pending: PendingSignIn) -> str:
        """Return the address at which the person signs in.

        Raises:
            SignInFailure: the provider is unavailable, or its metadata is invalid.
        """
        metadata = await self._metadata()
        query = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uri,
            "scope": self.client.scopes,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": create_s256_code_challenge(pending.verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(metadata.authorization).query else "?"
        return f"{metadata.authorization}{joint}{urlencode(query)}"

    async def claims(
        self, pending: PendingSignIn, code: str, issuer: str | None
    ) -> Mapping[str, Any]:
        """Exchange a code for the claims about the person.

        Args:
            pending: the sign-in.
            code: code in the provider's response.
            issuer: issuer named in the response.

        Raises:
            SignInFailure: another provider responded, or its token is invalid.
        """
        metadata = await self._metadata()
        self._check_issuer(pending, issuer, metadata)
        tokens = await self._tokens(metadata, pending, code)
        keys = (await self._ask(metadata.keys)).get("keys")
        found = verified(
            tokens["id_token"],
            [each for each in keys if isinstance(each, dict)] if isinstance(keys, list) else [],
            issuer=self.client.issuer,
            client_id=self.client.client_id,
            nonce=pending.nonce,
            access_token=tokens.get("access_token"),
            now_s=int(time.time()),
        )
        return await self._with_user_info(metadata, tokens, found)

    def _check_issuer(self, pending: PendingSignIn, issuer: str | None, metadata: Metadata) -> None:
        """Refuse the response of another provider (RFC 9207)."""
        if issuer is None and not metadata.names_itself:
            return
        if issuer != self.client.issuer or pending.issuer != issuer:
            raise SignInFailure(FailureReason.WRONG_ISSUER, f"iss is {issuer!r}")

    async def _tokens(
        self, metadata: Metadata, pending: PendingSignIn, code: str
    ) -> dict[str, Any]:
        client = self.client
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": pending.verifier,
        }
        authorization = None
        if client.secret and not metadata.posts_secret:
            authorization = _basic(client)
        else:
            form["client_id"] = client.client_id
            if client.secret:
                form["client_secret"] = client.secret
        tokens = await self._ask(metadata.token, form, authorization)
        if not isinstance(tokens.get("id_token"), str):
            raise SignInFailure(FailureReason.TOKEN_INVALID, "the answer has no id_token")
        return tokens

    async def _with_user_info(
        self, metadata: Metadata, tokens: Mapping[str, Any], claims: dict[str, Any]
    ) -> dict[str, Any]:
        """Add the user info if the ID token lacks the claim that determines the scope."""
        first = self.client.claim.partition(".")[0]
        if metadata.user_info is None or self.client.claim in claims or first in claims:
            return claims
        bearer = f"Bearer {tokens.get('access_token', '')}"
        more = await self._ask(metadata.user_info, authorization=bearer)
        if more.get("sub") != claims["sub"]:
            raise SignInFailure(FailureReason.TOKEN_INVALID, "user info of another person")
        return {**more, **claims}

    async def _metadata(self) -> Metadata:
        if self._known is not None and self._clock() - self._known[0] < KNOWN_FOR_S:
            return self._known[1]
        found = await self._ask(self.client.issuer.rstrip("/") + DISCOVERY)
        metadata = metadata_of(found, self.client.issuer)
        self._known = self._clock(), metadata
        return metadata

    async def _ask(
        self,
        url: str,
        form: Mapping[str, str] | None = None,
        authorization: str | None = None,
    ) -> dict[str, Any]:
        """Send a GET, or the POST of a form; return the JSON object in the response.

        Raises:
            SignInFailure: the provider did not respond with a JSON object.
        """
        headers = {} if authorization is None else {"authorization": authorization}
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                httpx.AsyncClient(timeout=TIMEOUT_S, headers=headers) as http,
                http.stream("GET" if form is None else "POST", url, data=form) as response,
            ):
                content = await _read(response)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            detail = f"{url}: {type(error).__name__} {error}"
            raise SignInFailure(FailureReason.UNREACHABLE, detail) from None
        return _object(url, response.status_code, content)


def metadata_of(found: Mapping[str, Any], issuer: str) -> Metadata:
    """Parse the metadata of a provider.

    Raises:
        SignInFailure: they belong to another issuer, are incomplete, or name insecure addresses.
    """
    if found.get("issuer") != issuer:
        detail = f"PLAUDIT_OIDC_ISSUER is {issuer}, and it names itself {found.get('issuer')}"
        raise SignInFailure(FailureReason.PROVIDER_INVALID, detail)
    scheme = urlsplit(issuer).scheme
    for name in _NEEDED:
        if urlsplit(str(found.get(name, ""))).scheme not in {"https", scheme}:
            raise SignInFailure(FailureReason.PROVIDER_INVALID, f"{name} is {found.get(name)!r}")
    methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    user_info = found.get("userinfo_endpoint")
    return Metadata(
        authorization=found["authorization_endpoint"],
        token=found["token_endpoint"],
        keys=found["jwks_uri"],
        user_info=user_info if urlsplit(str(user_info)).scheme in {"https", scheme} else None,
        posts_secret="client_secret_basic" not in methods and "client_secret_post" in methods,
        names_itself=found.get("authorization_response_iss_parameter_supported") is True,
    )


def _basic(client: OidcClient) -> str:
    """Return the client's credentials for a header, encoded as in RFC 6749, 2.3.1."""
    pair = f"{quote(client.client_id, '')}:{quote(client.secret, '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > MOST_BYTES:
            detail = f"{response.url}: more than {MOST_BYTES:,} bytes"
            raise SignInFailure(FailureReason.PROVIDER_INVALID, detail)
    return bytes(content)


def _object(url: str, status: int, content: bytes) -> dict[str, Any]:
    try:
        found: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        found = None
    if status >= _FAILED and isinstance(found, dict) and "error" in found:
        detail = f"{url}: {found['error']} {found.get('error_description', '')}".strip()
        raise SignInFailure(FailureReason.CODE_REFUSED, detail[:500])
    if status >= _FAILED or not isinstance(found, dict):
        detail = f"{url}: HTTP {status} without a JSON object"
        raise SignInFailure(FailureReason.UNREACHABLE, detail)
    return found

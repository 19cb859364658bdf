"""An OpenID provider on loopback: it signs in one person, and can be told to misbehave."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

from joserfc.jwk import ECKey
from joserfc.jwt import encode

CLIENT_ID = "plaudit"
CLIENT_SECRET = "s3cret/+"
SUBJECT = "248289761001"


@cache
def signing_key(name: str) -> ECKey:
    """Return a key of that name."""
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig", "alg": "ES256"})


def signed(claims: dict[str, Any], key: str = "k1") -> str:
    """Return an ID token as an honest provider makes it."""
    header = {"alg": "ES256", "kid": key}
    return encode(header, claims, signing_key(key), algorithms=["ES256"])


@dataclass
class LocalProvider:
    """State of the provider, which tests change.

    Attributes:
        issuer: address.
        person: claims of the one person.
        user_info: what is said of the person beside the ID token.
        sign: makes the ID token of claims.
        metadata: replaces parts of the description.
        answer: replaces parts of the answer to the browser; None leaves one out.
        fails: whether every request is answered with 500.
        asked: paths of requests.
    """

    issuer: str
    person: dict[str, Any] = field(default_factory=dict)
    user_info: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] = signed
    metadata: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, str | None] = field(default_factory=dict)
    fails: bool = False
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def reset(self) -> None:
        """Be honest again, with one person who has no group."""
        self.__dict__.update(LocalProvider(self.issuer).__dict__)
        self.person = {"sub": SUBJECT, "email": "ada@example.com", "email_verified": True}

    def describe(self) -> dict[str, Any]:
        """Return the description."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Return where the browser goes, with a code."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        answer = {"code": code, "state": query["state"], "iss": self.issuer, **self.answer}
        given = {name: value for name, value in answer.items() if value is not None}
        return f"{query['redirect_uri']}?{urlencode(given)}"

    def exchange(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """Return the tokens of a code, once; None if anything is wrong with the request."""
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        kind, _, text = authorization.partition(" ")
        client = [unquote(each) for each in base64.b64decode(text).decode().split(":", 1)]
        if (
            asked is None
            or kind != "Basic"
            or client != [CLIENT_ID, CLIENT_SECRET]
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.person,
        }
        return {"id_token": self.sign(claims), "access_token": "at", "token_type": "Bearer"}


class _Handler(BaseHTTPRequestHandler):
    @property
    def _provider(self) -> LocalProvider:
        return cast("_Server", self.server).provider

    def do_GET(self) -> None:
        """Answer a look-up, or send the browser back."""
        provider, url = self._provider, urlsplit(self.path)
        provider.asked.append(url.path)
        if provider.fails:
            self._say(500, {})
        elif url.path == "/authorize":
            self.send_response(302)
            self.send_header("location", provider.authorize(dict(parse_qsl(url.query))))
            self.end_headers()
        elif url.path == "/keys":
            public = [signing_key("k1").as_dict(private=False), {"kty": "unheard-of"}]
            self._say(200, {"keys": public})
        elif url.path == "/userinfo":
            self._say(200, provider.user_info)
        else:
            self._say(200, provider.describe())

    def do_POST(self) -> None:
        """Exchange a code."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        found = self._provider.exchange(form, self.headers.get("authorization", ""))
        if found is None:
            self._say(400, {"error": "invalid_grant", "error_description": "unknown code"})
        else:
            self._say(200, found)

    def _say(self, status: int, content: dict[str, Any]) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    provider: LocalProvider


@contextmanager
def local_provider() -> Iterator[LocalProvider]:
    """Serve a provider."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.provider = LocalProvider(f"http://127.0.0.1:{server.server_address[1]}")
        server.provider.reset()
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.provider
        finally:
            server.shutdown()
            thread.join()

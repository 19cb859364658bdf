"""Public keys of an endpoint, as in the OpenAPI document."""

from __future__ import annotations

import base64
from typing import Literal

from pydantic import BaseModel, Field

from plaudit.endpoints.key_pairs import SigningKey
from plaudit.records.times import time_text


class PublicKey(BaseModel):
    """A public key, in the format of Standard Webhooks and as a JSON Web Key."""

    public_key: str = Field(description="whpk_, followed by base64.")
    kid: str
    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    alg: Literal["EdDSA"] = "EdDSA"
    use: Literal["sig"] = "sig"
    x: str = Field(description="The key in base64url.")
    expires_at: str | None = Field(description="Time at which a former key stops signing.")

    @classmethod
    def of(cls, key: SigningKey) -> PublicKey:
        """Return the public half of a key pair."""
        return cls(
            public_key=key.public,
            kid=key.key_id,
            x=base64.urlsafe_b64encode(key.public_bytes).rstrip(b"=").decode(),
            expires_at=None if key.expires_at_ms is None else time_text(key.expires_at_ms),
        )


class PublicKeys(BaseModel):
    """Public keys of an endpoint, newest first."""

    keys: list[PublicKey]

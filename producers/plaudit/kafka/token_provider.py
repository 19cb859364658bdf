"""Providers of OAuth tokens, for brokers with SASL/OAUTHBEARER.

librdkafka calls a provider when a client starts, and again before a token expires.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from plaudit.kafka.errors import SettingsError

VARIABLE: Final = "PLAUDIT_TOKEN_PROVIDER"
MSK_IAM: Final = "msk-iam"
REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")

Provider: TypeAlias = "Callable[[], tuple[str, float]]"
"""Returns a token and its expiry in epoch seconds."""


def token_provider(text: str, environ: Mapping[str, str] = os.environ) -> Provider:
    """Return the provider named by a setting.

    Args:
        text: `msk-iam`, or `package.module:function`.
        environ: environment with the region of MSK.

    Raises:
        SettingsError: it can't be loaded; the message contains the remedy.
    """
    if text == MSK_IAM:
        return _msk_iam(environ)
    module, _, name = text.partition(":")
    if not module or not name:
        raise SettingsError(VARIABLE, f"{text!r} is neither {MSK_IAM} nor package.module:function")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SettingsError(VARIABLE, f"{text} can't be loaded: {error}") from None
    if not callable(found):
        raise SettingsError(VARIABLE, f"{text} is not a function")
    provider: Provider = found
    return provider


def _msk_iam(environ: Mapping[str, str]) -> Provider:
    """Return a provider that signs with the AWS credentials of the process."""
    region = next((value for name in REGIONS if (value := environ.get(name))), None)
    if region is None:
        raise SettingsError(VARIABLE, f"{MSK_IAM} needs the cluster's region in {REGIONS[0]}")
    try:
        signer = importlib.import_module("aws_msk_iam_sasl_signer.MSKAuthTokenProvider")
    except ImportError:
        raise SettingsError(VARIABLE, f'{MSK_IAM}: pip install "plaudit[msk]"') from None

    def provide() -> tuple[str, float]:
        token, expires_ms = signer.generate_auth_token(region)
        return str(token), float(expires_ms) / 1_000

    return provide

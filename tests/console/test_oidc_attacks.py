"""Statements of a provider that must not sign anyone in; each on real sockets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from console.oidc_provider import LocalProvider, local_provider, signed, signing_key
from console.test_oidc import GRANTS, URL, settings_of
from plaudit.console.oidc.access import claim_values, granted, parse_rules, person_of
from plaudit.console.oidc.failures import FailureReason, SignInFailure
from plaudit.console.oidc.pending import LIFETIME_S, PendingSignIn, PendingSignIns
from plaudit.console.oidc.provider import Provider
from plaudit.console.settings import ConsoleSettings
from plaudit.endpoints.keys import SecretKeys
from plaudit.store.access.api_keys import Scope

Claims = dict[str, Any]


@pytest.fixture(scope="module")
def running() -> Iterator[LocalProvider]:
    with local_provider() as made:
        yield made


@pytest.fixture
def provider(running: LocalProvider) -> LocalProvider:
    running.reset()
    running.person["groups"] = ["support"]
    return running


def client_of(provider: LocalProvider, **more: str) -> Provider:
    """Return a client of the provider that has not heard of it yet."""
    client = settings_of(provider.issuer, **more).client(URL)
    assert client is not None
    return Provider(client)


async def claims_of(provider: LocalProvider, **more: str) -> Mapping[str, Any]:
    """Sign in at the provider; return what its statement says."""
    asking = client_of(provider, **more)
    pending = PendingSignIn.begin(provider.issuer, "/console")
    there = await asking.address(pending)
    answer = dict(parse_qsl(urlsplit(provider.authorize(query_of(there))).query))
    return await asking.claims(pending, answer["code"], answer.get("iss"))


def query_of(url: str) -> dict[str, str]:
    """Return the query of an address."""
    return dict(parse_qsl(urlsplit(url).query))


def part(content: object) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def unsigned(claims: Claims) -> str:
    """Return a token without a signature."""
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


def with_the_public_key(claims: Claims) -> str:
    """Return a token whose shared secret is the provider's public key."""
    body = f"{part({'alg': 'HS256', 'kid': 'k1'})}.{part(claims)}"
    secret = json.dumps(signing_key("k1").as_dict(private=False)).encode()
    digest = hmac.new(secret, body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def with_other_claims(claims: Claims) -> str:
    """Return a token whose claims were changed after it was signed."""
    head, _, signature = signed(claims).split(".")
    return f"{head}.{part({**claims, 'groups': ['webhook-admins']})}.{signature}"


def changed(**changes: Any) -> Callable[[Claims], str]:
    """Return what signs claims with some replaced; None leaves one out."""

    def sign(claims: Claims) -> str:
        made = {**claims, **changes}
        return signed({name: value for name, value in made.items() if value is not None})

    return sign


@pytest.mark.parametrize(
    ("sign", "reason"),
    [
        (unsigned, FailureReason.TOKEN_INVALID),
        (with_the_public_key, FailureReason.TOKEN_INVALID),
        (with_other_claims, FailureReason.TOKEN_INVALID),
        (lambda claims: signed(claims, "stranger"), FailureReason.TOKEN_INVALID),
        (lambda _: "not.a.token", FailureReason.TOKEN_INVALID),
        (lambda _: "", FailureReason.TOKEN_INVALID),
        (changed(nonce="of another sign-in"), FailureReason.WRONG_NONCE),
        (changed(nonce=None), FailureReason.WRONG_NONCE),
        (changed(iss="https://other.example.com"), FailureReason.WRONG_ISSUER),
        (changed(aud="another-client"), FailureReason.WRONG_AUDIENCE),
        (changed(aud=["plaudit", "another"]), FailureReason.WRONG_AUDIENCE),
        (changed(aud=["plaudit", "another"], azp="another"), FailureReason.WRONG_AUDIENCE),
        (changed(exp=int(time.time()) - 3_600), FailureReason.TOKEN_EXPIRED),
        (changed(exp=None), FailureReason.TOKEN_INVALID),
        (changed(exp="soon"), FailureReason.TOKEN_INVALID),
        (changed(iat=int(time.time()) + 86_400), FailureReason.TOKEN_INVALID),
        (changed(sub=None), FailureReason.TOKEN_INVALID),
        (changed(sub=""), FailureReason.TOKEN_INVALID),
        (changed(at_hash="AAAA"), FailureReason.TOKEN_INVALID),
    ],
)
async def test_a_statement_that_is_not_valid_is_refused(
    provider: LocalProvider, sign: Callable[[Claims], str], reason: FailureReason
) -> None:
    provider.sign = sign
    with pytest.raises(SignInFailure) as failure:
        await claims_of(provider)
    assert failure.value.reason is reason


async def test_an_honest_statement_has_the_claims(provider: LocalProvider) -> None:
    assert (await claims_of(provider))["groups"] == ["support"]


@pytest.mark.parametrize("iss", ["https://attacker.example.com", None])
async def test_an_answer_of_another_provider_is_not_exchanged(
    provider: LocalProvider, iss: str | None
) -> None:
    """Mix-up: the code of one provider must not be sent to another."""
    provider.answer = {"iss": iss}
    with pytest.raises(SignInFailure) as failure:
        await claims_of(provider)
    assert failure.value.reason is FailureReason.WRONG_ISSUER
    assert len(provider.codes) == 1, "the code was not used"


async def test_a_code_needs_the_verifier_of_its_own_sign_in(provider: LocalProvider) -> None:
    """Code injection: a stolen code belongs to the thief's own sign-in."""
    asking = client_of(provider)
    victim, thief = (PendingSignIn.begin(provider.issuer, "/console") for _ in range(2))
    stolen = query_of(provider.authorize(query_of(await asking.address(victim))))
    with pytest.raises(SignInFailure) as failure:
        await asking.claims(thief, stolen["code"], stolen["iss"])
    assert failure.value.reason is FailureReason.CODE_REFUSED


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example.com"},
        {"token_endpoint": "ftp://127.0.0.1/token"},
        {"jwks_uri": None},
    ],
)
async def test_a_provider_with_invalid_metadata_is_not_used(
    provider: LocalProvider, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    with pytest.raises(SignInFailure) as failure:
        await claims_of(provider)
    assert failure.value.reason is FailureReason.PROVIDER_INVALID


async def test_the_claim_may_stand_in_the_user_info_of_the_same_person(
    provider: LocalProvider,
) -> None:
    del provider.person["groups"]
    provider.user_info = {"sub": provider.person["sub"], "groups": ["support"]}
    assert (await claims_of(provider))["groups"] == ["support"]
    provider.user_info["sub"] = "another"
    with pytest.raises(SignInFailure) as failure:
        await claims_of(provider)
    assert failure.value.reason is FailureReason.TOKEN_INVALID


async def test_a_provider_that_is_away_is_named_in_the_log() -> None:
    with local_provider() as gone:
        asking = client_of(gone)
    with pytest.raises(SignInFailure, match=gone.issuer) as failure:
        await asking.address(PendingSignIn.begin(gone.issuer, "/console"))
    assert failure.value.reason is FailureReason.UNREACHABLE


def test_a_sign_in_that_takes_too_long_begins_again() -> None:
    now = [0]
    waiting = PendingSignIns(SecretKeys([b"k" * 32]), ConsoleSettings(), lambda: now[0])
    pending = PendingSignIn.begin("https://login.example.com", "/console")
    now[0] = pending.begun_ms
    cookie = waiting.header(pending).partition(";")[0].partition("=")[2]
    now[0] += LIFETIME_S * 1_000 + 1
    with pytest.raises(SignInFailure) as failure:
        waiting.take(cookie, pending.state)
    assert failure.value.reason is FailureReason.TOO_LATE


def test_a_cookie_of_another_installation_opens_nothing() -> None:
    pending = PendingSignIn.begin("https://login.example.com", "/console")
    foreign = PendingSignIns(SecretKeys([b"f" * 32]), ConsoleSettings())
    cookie = foreign.header(pending).partition(";")[0].partition("=")[2]
    mine = PendingSignIns(SecretKeys([b"k" * 32]), ConsoleSettings())
    with pytest.raises(SignInFailure) as failure:
        mine.take(cookie, pending.state)
    assert failure.value.reason is FailureReason.NOT_BEGUN_HERE


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_hosts() -> None:
    secure = ConsoleSettings(console_url="https://plaudit.example.com")
    header = PendingSignIns(SecretKeys([b"k" * 32]), secure).header(None)
    assert header.startswith("__Host-plaudit-sign-in=; Path=/; Max-Age=0")
    assert header.endswith("HttpOnly; SameSite=Lax; Secure")


def test_the_first_rule_that_matches_decides() -> None:
    rules = parse_rules(GRANTS)
    assert granted(rules, "groups", {"groups": ["support", "webhook-admins"]}).scope is Scope.ADMIN
    dn = parse_rules("cn=admins,ou=groups=admin")
    assert granted(dn, "groups", {"groups": "cn=admins,ou=groups"}).scope is Scope.ADMIN


def test_an_email_address_decides_only_when_it_is_verified() -> None:
    rules = parse_rules("ada@example.com=admin")
    claims: Claims = {"sub": "1", "email": "ada@example.com", "email_verified": True}
    assert granted(rules, "email", claims).scope is Scope.ADMIN
    for unverified in (False, None, "no"):
        with pytest.raises(SignInFailure) as failure:
            granted(rules, "email", {**claims, "email_verified": unverified})
        assert failure.value.reason is FailureReason.EMAIL_UNVERIFIED
    assert person_of({**claims, "email_verified": False}) == "1"


@pytest.mark.parametrize(
    ("claims", "name", "values"),
    [
        ({"realm_access": {"roles": ["a", "b"]}}, "realm_access.roles", {"a", "b"}),
        ({"https://example.com/roles": ["a"]}, "https://example.com/roles", {"a"}),
        ({"groups": "a"}, "groups", {"a"}),
        ({"groups": None}, "groups", set()),
        ({"realm_access": "text"}, "realm_access.roles", set()),
        ({}, "groups", set()),
    ],
)
def test_a_claim_is_found_by_its_name_or_its_path(
    claims: Claims, name: str, values: set[str]
) -> None:
    assert claim_values(claims, name) == values

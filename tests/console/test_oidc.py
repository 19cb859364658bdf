"""Signing in with an OpenID provider: the way there and back, and who is kept out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from console.oidc_provider import CLIENT_ID, CLIENT_SECRET, LocalProvider, local_provider
from console.rig import Browser, Rig, rig
from plaudit.console.oidc.client_settings import OidcSettings
from plaudit.console.oidc.failures import EXPLANATIONS, FailureReason
from plaudit.kafka.errors import SettingsError

URL = "http://console.test"
CALLBACK = f"{URL}/console/oidc/callback"
SESSION, PENDING = "plaudit-console", "plaudit-sign-in"
ACME = "7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01"
GRANTS = f"webhook-admins=admin; support=read; acme=workspace:{ACME}; acme-guests=read:{ACME}"


def settings_of(issuer: str, **more: str) -> OidcSettings:
    """Return settings of the provider's client."""
    given = {
        "oidc_issuer": issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_grants": GRANTS,
        **more,
    }
    return OidcSettings.model_validate(given)


@pytest.fixture(scope="module")
def running() -> Iterator[LocalProvider]:
    with local_provider() as made:
        yield made


@pytest.fixture(scope="module")
def served(running: LocalProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """An installation for all tests of this module, which together sign in more often than people.

    `tests/console/test_signing_in.py` tests the limit.
    """
    folder: Path = tmp_path_factory.mktemp("oidc")
    unlimited = patch("plaudit.console.services.SIGN_INS_PER_MINUTE", 0)
    with unlimited, rig(folder, oidc=settings_of(running.issuer), console_url=URL) as made:
        yield made


@pytest.fixture(autouse=True)
def provider(running: LocalProvider) -> LocalProvider:
    """The provider, honest again; its person is an admin."""
    running.reset()
    running.person["groups"] = ["everyone", "webhook-admins"]
    return running


def begun(served: Rig, back: str = "") -> tuple[Browser, str]:
    """Return a browser that comes back from the provider, and the address that it opens."""
    browser = served.browser(None)
    started = browser.client.get(f"/console/oidc/begin{back}")
    assert started.status_code == 303, started.text
    answered = httpx.get(started.headers["location"])
    to = answered.headers["location"]
    assert to.startswith(CALLBACK)
    return browser, to.removeprefix(URL)


def finished(served: Rig, back: str = "") -> tuple[Browser, httpx.Response]:
    """Return a browser that has been to the provider, and the response to its return."""
    browser, to = begun(served, back)
    return browser, browser.client.get(to)


def refused(response: httpx.Response, reason: FailureReason) -> None:
    """Check that a response is the page of a reason, and opens no session."""
    explained = EXPLANATIONS[reason]
    assert response.status_code == explained.status, response.text
    assert f"<code>{reason}</code>" in response.text
    assert f"{SESSION}=" not in response.headers.get("set-cookie", "")


def test_an_operator_signs_in_and_reaches_the_requested_page(served: Rig) -> None:
    sign_in = served.browser(None).get("/console/sign-in?next=/console/jobs%3Fx%3D1")
    assert "/console/oidc/begin?next=/console/jobs%3Fx%3D1" in sign_in
    browser, response = finished(served, "?next=/console/jobs%3Fx%3D1")
    assert (response.status_code, response.headers["location"]) == (303, "/console/jobs?x=1")
    cookies = response.headers.get_list("set-cookie")
    session = next(each for each in cookies if each.startswith(f"{SESSION}="))
    assert session.endswith("HttpOnly; SameSite=Lax")
    assert "ada@example.com" in browser.get("/console/settings/keys")


def test_the_request_to_the_provider_has_pkce_state_and_nonce(served: Rig) -> None:
    started = served.browser(None).client.get("/console/oidc/begin")
    query = dict(parse_qsl(urlsplit(started.headers["location"]).query))
    assert query["response_type"] == "code"
    assert query["redirect_uri"] == CALLBACK
    assert query["code_challenge_method"] == "S256"
    assert len({query["state"], query["nonce"], query["code_challenge"]}) == 3
    cookie = started.headers["set-cookie"]
    assert query["nonce"] not in cookie
    assert "HttpOnly; SameSite=Lax" in cookie


def test_a_group_of_readers_sees_everything_and_changes_nothing(
    served: Rig, provider: LocalProvider
) -> None:
    provider.person["groups"] = ["support"]
    browser, _ = finished(served)
    endpoint = served.add("crm")
    at = f"/console/endpoints/{endpoint}"
    browser.get(at)
    assert browser.post(at, f"{at}/disable").status_code == 403


def test_a_group_of_a_workspace_sees_that_workspace_alone(
    served: Rig, provider: LocalProvider
) -> None:
    provider.person["groups"] = "acme"
    browser, _ = finished(served)
    mine, foreign = served.add("mine", ACME), served.add("foreign")
    browser.get(f"/console/endpoints/{mine}")
    browser.get(f"/console/endpoints/{foreign}", 404)


def test_the_audit_log_names_the_person_after_the_session_has_ended(served: Rig) -> None:
    browser, _ = finished(served)
    endpoint = served.add("audited")
    at = f"/console/endpoints/{endpoint}"
    browser.post(at, f"{at}/disable", reason="a pause")
    browser.post("/console", "/console/sign-out")
    assert browser.client.get("/console").status_code == 303
    log = served.browser("admin").get(f"/console/settings/audit?target={endpoint}")
    assert "ada@example.com" in log


def test_an_answer_is_used_once(served: Rig) -> None:
    browser, to = begun(served)
    pending = browser.client.cookies[PENDING]
    assert browser.client.get(to).status_code == 303
    refused(browser.client.get(to), FailureReason.NOT_BEGUN_HERE)
    thief = served.browser(None)
    thief.client.cookies.set(PENDING, pending)
    refused(thief.client.get(to), FailureReason.REPLAYED)


def test_another_browser_cannot_use_an_answer(served: Rig) -> None:
    """Login CSRF: a link with the attacker's code would sign the victim in as the attacker."""
    _, to = begun(served)
    refused(served.browser(None).client.get(to), FailureReason.NOT_BEGUN_HERE)
    victim, _ = begun(served)
    refused(victim.client.get(to), FailureReason.WRONG_STATE)
    forged = served.browser(None)
    forged.client.cookies.set(PENDING, "00000000.AAAA")
    refused(forged.client.get(to), FailureReason.NOT_BEGUN_HERE)


def test_signing_in_does_not_reuse_a_planted_session(served: Rig) -> None:
    attacker, (victim, to) = served.browser("stranger"), begun(served)
    planted = attacker.client.cookies[SESSION]
    victim.client.cookies.set(SESSION, planted)
    assert victim.client.get(to).status_code == 303
    assert victim.client.cookies.get(SESSION, domain="127.0.0.1") != planted
    assert attacker.client.get("/console").status_code == 303, "the planted session has ended"


def test_a_person_without_a_group_that_has_access_is_refused(
    served: Rig, provider: LocalProvider
) -> None:
    provider.person["groups"] = ["everyone"]
    refused(finished(served)[1], FailureReason.NOT_GRANTED)


def test_a_refusal_of_the_provider_is_explained_without_its_words(
    served: Rig, provider: LocalProvider
) -> None:
    provider.answer = {"code": None, "error": "access_denied", "error_description": "<b>call 555"}
    response = finished(served)[1]
    refused(response, FailureReason.DENIED)
    assert "call 555" not in response.text


def test_a_provider_that_does_not_answer_is_explained(served: Rig, provider: LocalProvider) -> None:
    browser, to = begun(served)
    provider.fails = True
    refused(browser.client.get(to), FailureReason.UNREACHABLE)


def test_the_way_back_leads_to_no_other_site(served: Rig) -> None:
    _, response = finished(served, "?next=https://evil.example.com")
    assert response.headers["location"] == "/console"


def test_without_a_provider_operators_sign_in_with_keys_only(console: Rig) -> None:
    browser = console.browser(None)
    assert "oidc" not in browser.get("/console/sign-in")
    assert browser.client.get("/console/oidc/begin").status_code == 404


@pytest.mark.parametrize(
    ("given", "variable"),
    [
        ({"oidc_issuer": "http://login.example.com"}, "PLAUDIT_OIDC_ISSUER"),
        ({"oidc_issuer": "https://login.example.com?x=1"}, "PLAUDIT_OIDC_ISSUER"),
        ({"oidc_grants": "admins"}, "PLAUDIT_OIDC_GRANTS"),
        ({"oidc_grants": "admins=root"}, "PLAUDIT_OIDC_GRANTS"),
        ({"oidc_grants": "acme=workspace"}, "PLAUDIT_OIDC_GRANTS"),
        ({"oidc_grants": "acme=workspace:7"}, "PLAUDIT_OIDC_GRANTS"),
        ({"oidc_grants": ""}, "PLAUDIT_OIDC_GRANTS"),
        ({"oidc_client_id": ""}, "PLAUDIT_OIDC_CLIENT_ID"),
    ],
)
def test_settings_of_a_provider_that_can_not_work_name_the_variable(
    given: dict[str, str], variable: str
) -> None:
    with pytest.raises(SettingsError, match=variable):
        settings_of("https://login.example.com", **given).client(URL)


def test_a_provider_needs_the_public_address() -> None:
    with pytest.raises(SettingsError, match="PLAUDIT_CONSOLE_URL"):
        settings_of("https://login.example.com").client(None)


def test_every_reason_is_explained() -> None:
    assert set(EXPLANATIONS) == set(FailureReason)

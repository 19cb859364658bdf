"""Signing in with a provider of others, in a real browser: from the button to the overview."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Browser, Page

from console.rig import Rig, rig
from plaudit.console.oidc.client_settings import CALLBACK, OidcSettings
from waiting import listens, until

PEOPLE = {"ada": ["everyone", "webhook-admins"], "sam": ["support"], "eve": ["everyone"]}
"""Groups of each person."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider with RSA keys and a page of its own; only registered clients may use it."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    command += ["--require-registration", "true", "--require-nonce", "true"]
    for sub, groups in PEOPLE.items():
        command += ["--user-claims", json.dumps({"sub": sub, "email": sub, "groups": groups})]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        until(lambda: listens(port), "the provider listens")
        yield f"http://127.0.0.1:{port}"
        running.terminate()


@pytest.fixture(scope="module")
def console(issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """An installation that is registered with the provider."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    asked = {"redirect_uris": [f"{base}{CALLBACK}"]}
    client = httpx.post(f"{issuer}/oauth2/clients", json=asked).raise_for_status().json()
    settings = OidcSettings.model_validate(
        {
            "oidc_issuer": issuer,
            "oidc_client_id": client["client_id"],
            "oidc_client_secret": client["client_secret"],
            "oidc_grants": "webhook-admins=admin; support=read",
        }
    )
    with rig(tmp_path_factory.mktemp("oidc"), oidc=settings, console_url=base, port=port) as made:
        yield made


@contextmanager
def opened(browser: Browser, issuer: str, console: Rig) -> Iterator[Page]:
    """Open a browser that reaches the console and the provider, and no other host."""
    context = browser.new_context()
    context.route(
        lambda url: not url.startswith((issuer, console.base)), lambda route: route.abort()
    )
    yield context.new_page()
    context.close()


def sign_in(page: Page, console: Rig, person: str, at: str = "/console") -> str:
    """Sign in as a person; return the address with which the provider answered."""
    page.goto(f"{console.base}{at}")
    page.get_by_role("link", name="Sign in with").click()
    button = page.get_by_role("button", name=person, exact=True)
    with page.expect_request(f"{console.base}{CALLBACK}?*") as answered:
        button.click()
    page.wait_for_url(f"{console.base}/**")
    return answered.value.url


def test_a_click_on_sign_in_leads_over_the_provider_to_the_overview(
    browser: Browser, issuer: str, console: Rig
) -> None:
    with opened(browser, issuer, console) as page:
        sign_in(page, console, "ada")
        page.get_by_role("heading", name="Overview").wait_for()
        page.goto(f"{console.base}/console/settings/sessions")
        page.get_by_role("cell", name="ada (you)").wait_for()
        page.locator(".menu summary").first.click()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name="Sign in with").wait_for()


def test_the_groups_of_a_person_decide_what_the_console_offers(
    browser: Browser, issuer: str, console: Rig
) -> None:
    with opened(browser, issuer, console) as page:
        sign_in(page, console, "sam", "/console/endpoints")
        page.get_by_role("heading", name="Endpoints").wait_for()
        assert page.get_by_role("link", name="Create an endpoint").count() == 0


def test_a_person_without_a_group_that_has_access_gets_no_session(
    browser: Browser, issuer: str, console: Rig
) -> None:
    with opened(browser, issuer, console) as page:
        sign_in(page, console, "eve")
        page.get_by_text("not_granted").wait_for()
        page.goto(f"{console.base}/console")
        page.get_by_role("heading", name="Sign in").wait_for()


def test_the_answer_of_a_provider_works_once_and_in_one_browser(
    browser: Browser, issuer: str, console: Rig
) -> None:
    with opened(browser, issuer, console) as page:
        answer = sign_in(page, console, "ada")
        page.get_by_role("heading", name="Overview").wait_for()
        assert page.goto(answer) is not None
        page.get_by_text("not_begun_here").wait_for()
    with opened(browser, issuer, console) as other:
        other.goto(answer)
        other.get_by_text("not_begun_here").wait_for()
        other.goto(f"{console.base}/console")
        other.get_by_role("heading", name="Sign in").wait_for()


def test_a_refusal_at_the_provider_is_explained(
    browser: Browser, issuer: str, console: Rig
) -> None:
    with opened(browser, issuer, console) as page:
        page.goto(f"{console.base}/console")
        page.get_by_role("link", name="Sign in with").click()
        page.get_by_role("button", name="Deny").click()
        page.wait_for_url(f"{console.base}/**")
        page.get_by_role("heading", name="You are not signed in").wait_for()

"""Signing in: by key and by link; sessions that can't be fixed, stolen or kept after their key."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from console.rig import Browser, Rig
from plaudit.console.auth.cookies import session_cookie
from plaudit.console.settings import ConsoleSettings
from plaudit.console.sign_in.opening import local
from plaudit.kafka.errors import SettingsError
from plaudit.store.access.sessions import WebApp

COOKIE = "plaudit-console"


def link(rig: Rig, key: str = "write", **body: Any) -> httpx.Response:
    """Ask for a portal link."""
    authorization = {"authorization": f"Bearer {rig.keys[key]}"}
    with httpx.Client(base_url=rig.base) as client:
        return client.post("/v1/portal-links", headers=authorization, json=body)


def entered(rig: Rig, **body: Any) -> Browser:
    """Return a browser in the portal."""
    browser = rig.browser(None)
    made = link(rig, **body)
    assert made.status_code == 201, made.text
    assert redeemed(browser, path_of(made)).status_code == 303
    return browser


def path_of(made: httpx.Response) -> str:
    """Return the path and query of a portal link."""
    url: str = made.json()["url"]
    return url.partition("8400")[2]


def redeemed(browser: Browser, at: str, **headers: str) -> httpx.Response:
    """Press the button on the page of a link."""
    path, _, token = at.partition("?token=")
    return browser.client.post(path, data={"token": token}, headers=headers)


def test_a_page_asks_to_sign_in_and_leads_back(console: Rig) -> None:
    browser = console.browser(None)
    asked = browser.client.get("/console/deliveries?state=dead")
    to = asked.headers["location"]
    assert to == "/console/sign-in?next=/console/deliveries%3Fstate%3Ddead"
    signed = browser.client.post(to, data={"key": console.keys["admin"]})
    assert signed.headers["location"] == "/console/deliveries?state=dead"
    browser.get("/console/deliveries?state=dead")


def test_an_unknown_or_revoked_key_does_not_sign_in(console: Rig) -> None:
    browser = console.browser(None)
    for key in ("plk_wrong", "", "x" * 5_000):
        refused = browser.client.post("/console/sign-in", data={"key": key})
        assert refused.status_code == 401
        assert "set-cookie" not in refused.headers


def test_a_session_ends_with_its_key(console: Rig) -> None:
    key, text = console.services.keys.create(*_scope(console))
    console.keys["short"] = text
    browser = console.browser("short")
    browser.get("/console")
    console.services.keys.revoke(key.key_id)
    assert browser.client.get("/console").status_code == 303


def _scope(console: Rig) -> Any:
    from plaudit.store.access.api_keys import Scope  # noqa: PLC0415 - used once

    return Scope.WORKSPACE, console.workspace, "short"


def test_signing_in_replaces_a_session_that_the_browser_had(console: Rig) -> None:
    """Session fixation: a token that was planted before is not the one that is signed in."""
    attacker, victim = console.browser("stranger"), console.browser(None)
    planted = attacker.client.cookies[COOKIE]
    victim.client.cookies.set(COOKIE, planted)
    victim.client.post("/console/sign-in", data={"key": console.keys["admin"]})
    assert victim.client.cookies.get(COOKIE, domain="127.0.0.1") != planted
    assert attacker.client.get("/console").status_code == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_hosts() -> None:
    plain = session_cookie(WebApp.CONSOLE, ConsoleSettings(), "t", 60)
    assert plain == "plaudit-console=t; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"
    secure = ConsoleSettings(console_url="https://plaudit.example.com/")
    assert session_cookie(WebApp.CONSOLE, secure, "t", 60).startswith(
        "__Host-plaudit-console=t; Path=/"
    )
    framed = ConsoleSettings(
        console_url="https://plaudit.example.com", portal_frame_ancestors="https://app.example.com"
    )
    portal = session_cookie(WebApp.PORTAL, framed, "t", 60)
    assert portal.endswith("HttpOnly; SameSite=None; Secure; Partitioned")
    assert "SameSite=Lax" in session_cookie(WebApp.CONSOLE, framed, "t", 60)


def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(console: Rig) -> None:
    browser, thief = console.browser(), console.browser(None)
    thief.client.cookies.set(COOKIE, browser.client.cookies[COOKIE])
    thief.get("/console")
    assert browser.post("/console", "/console/sign-out").status_code == 303
    assert thief.client.get("/console").status_code == 303


def test_a_form_needs_the_token_of_its_own_session(console: Rig) -> None:
    endpoint = console.add("crm")
    at = f"/console/endpoints/{endpoint}/disable"
    one, other = console.browser(), console.browser("write")
    foreign = other.token("/console")
    for token in ("", "00", "zz", foreign, foreign[:-2]):
        assert one.client.post(at, data={"csrf": token}).status_code == 403
    assert console.services.endpoints.get(endpoint).status == "active"
    assert one.client.post(at, data={"csrf": one.token("/console")}).status_code == 303


def test_a_form_of_another_origin_is_refused(console: Rig) -> None:
    endpoint = console.add("crm")
    browser = console.browser()
    form = {"csrf": browser.token("/console")}
    at = f"/console/endpoints/{endpoint}/disable"
    for headers in (
        {"origin": "https://evil.example.com"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "http://127.0.0.1:1"},
    ):
        assert browser.client.post(at, data=form, headers=headers).status_code == 403, headers
    own = {"origin": console.base, "sec-fetch-site": "same-origin"}
    assert browser.client.post(at, data=form, headers=own).status_code == 303


def test_signing_in_has_a_pace(console: Rig) -> None:
    browser = console.browser(None)
    statuses = [
        browser.client.post("/console/sign-in", data={"key": "plk_no"}).status_code
        for _ in range(21)
    ]
    assert statuses == [401] * 20 + [429]


def test_a_portal_link_works_once(console: Rig) -> None:
    at = path_of(link(console))
    first, second = console.browser(None), console.browser(None)
    entered = redeemed(first, at)
    assert (entered.status_code, entered.headers["location"]) == (303, "/portal")
    first.get("/portal")
    for browser in (first, second):
        assert redeemed(browser, at).status_code == 410
        browser.get(at, 410)
    assert first.client.get("/console").status_code == 303, "the portal is not the console"


def test_a_mail_scanner_that_opens_a_link_does_not_use_it_up(console: Rig) -> None:
    at = path_of(link(console, person="ada@example.com", theme={"name": "Praise"}))
    scanner = console.browser(None)
    for method in ("GET", "HEAD", "GET"):
        seen = scanner.client.request(method, at)
        assert seen.status_code == 200
        assert "set-cookie" not in seen.headers
        assert seen.headers["referrer-policy"] == "strict-origin"
    page = scanner.get(at)
    assert "ada@example.com" in page
    assert "Praise" in page
    assert "data-at-once" not in page, "a scanner may run scripts"
    assert redeemed(console.browser(None), at).status_code == 303


def test_a_frame_redeems_its_link_without_a_click_where_scripts_run(console: Rig) -> None:
    at = path_of(link(console))
    framed = console.browser(None).get(at, headers={"sec-fetch-dest": "iframe"})
    assert "data-at-once" in framed


def test_another_site_cannot_redeem_a_link_in_the_browser_of_a_person(console: Rig) -> None:
    """Login CSRF: the person would write into the session of the attacker."""
    at = path_of(link(console))
    victim = console.browser(None)
    assert redeemed(victim, at, origin="https://evil.example.com").status_code == 403
    assert redeemed(victim, at, origin=console.base).status_code == 303


def test_a_link_replaces_a_session_that_the_browser_had(console: Rig) -> None:
    attacker, victim = entered(console), console.browser(None)
    victim.client.cookies.set("plaudit-portal", attacker.client.cookies["plaudit-portal"])
    assert redeemed(victim, path_of(link(console))).status_code == 303
    attacker.get("/portal", 401)


def test_redeeming_links_has_a_pace(console: Rig) -> None:
    browser = console.browser(None)
    statuses = [redeemed(browser, "/portal/enter?token=no").status_code for _ in range(21)]
    assert statuses == [410] * 20 + [429]


def test_a_portal_link_is_for_one_workspace_and_some_pages(console: Rig) -> None:
    browser = entered(console, pages=["deliveries", "events"], scope="read")
    browser.get("/portal/deliveries")
    browser.get("/portal/endpoints", 404)
    browser.get("/portal/settings", 404)
    assert link(console, "read").status_code == 403
    assert link(console, workspace_id=console.other).status_code == 403
    assert link(console, "admin").status_code == 422
    assert link(console, "admin", workspace_id=console.other).status_code == 201


def test_a_portal_link_refuses_harmful_input(console: Rig) -> None:
    for body in (
        {"scope": "admin"},
        {"pages": ["nowhere"]},
        {"return_url": "javascript:alert(1)"},
        {"return_url": "https://a b/"},
        {"theme": {"accent": "red;}body{"}},
        {"theme": {"logo": "http://example.com/logo.png"}},
        {"theme": {"logo": "https://example.com; script-src *"}},
        {"link_lifetime_s": 0},
    ):
        assert link(console, **body).status_code == 422, body


def test_the_portal_has_the_look_of_its_application(console: Rig) -> None:
    theme = {"name": "Praise <b>", "logo": "https://cdn.example.com/l.png", "accent": "#ffcc00"}
    browser = entered(console, theme=theme, return_url="https://app.example.com/hooks")
    page = browser.client.get("/portal")
    assert "Praise &lt;b&gt;" in page.text
    assert "img-src 'self' https://cdn.example.com;" in page.headers["content-security-policy"]
    assert "https://app.example.com/hooks" in page.text
    assert "color: #000000" in browser.get("/portal/accent.css")


@pytest.mark.parametrize(
    "text",
    [
        "//evil.example.com",
        "https://evil.example.com",
        "/consolex",
        "/\\evil",
        "javascript:1",
        "/console\n",
        None,
    ],
)
def test_the_way_back_stays_in_the_console(text: str | None) -> None:
    assert local("/console", text) == "/console"
    assert local("/console", "/console/events?x=1") == "/console/events?x=1"


@pytest.mark.parametrize(
    "given",
    [
        {"portal_frame_ancestors": "https://a.example.com; script-src *"},
        {"portal_frame_ancestors": "*"},
        {"console_url": "https://plaudit.example.com/path"},
    ],
)
def test_settings_that_would_open_a_hole_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        ConsoleSettings.model_validate(given)

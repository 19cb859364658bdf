"""Pages in a real browser: the main path, frames, hostile content, and what axe-core finds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from attempts import failed
from console.rig import Rig, rig
from console.scene import paint
from console.screenshots import HEIGHT, WIDTHS, enter, pages, sign_in, visit
from console.test_hostile_content import HOSTILE
from console.test_signing_in import link, path_of
from plaudit.store.access.api_keys import Scope
from plaudit.store.access.sessions import SessionGrant, SessionService, WebApp


@contextmanager
def opened(browser: Browser, theme: Literal["light", "dark"] = "light") -> Iterator[Page]:
    """Open a page that may not log an error; policies that it violates are errors, too."""
    context = browser.new_context(color_scheme=theme)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("dialog", lambda dialog: wrong.append(f"error: {dialog.message}"))
    page.on("console", lambda line: wrong.append(f"{line.type}: {line.text}"))
    yield page
    context.close()
    assert [each for each in wrong if "error" in each and "status of 4" not in each] == []


def test_support_finds_why_a_delivery_failed_and_sees_its_request(
    browser: Browser, console: Rig
) -> None:
    ids = paint(console, per_hour=6)
    with opened(browser) as page:
        sign_in(page, console)
        page.keyboard.press("/")
        page.keyboard.type(ids["waiting"])
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/deliveries/{ids['waiting']}")
        assert "the address does not exist" in page.locator(".verdict").inner_text()
        page.get_by_text('"mrkdwn"').first.wait_for()
        page.get_by_role("link", name="Slack").click()
        page.locator(".plot canvas").first.wait_for()
        page.get_by_role("link", name="Deliveries", exact=True).click()
        page.wait_for_url("**/deliveries")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/deliveries/*-*")


def test_an_endpoint_is_created_with_live_help(browser: Browser, console: Rig) -> None:
    with opened(browser) as page:
        sign_in(page, console, "write")
        page.goto(f"{console.base}/console/endpoints/new")
        page.get_by_label("Address").fill("http://10.0.0.1/")
        page.locator("#wrong-url", has_text="PLAUDIT_ALLOW_NETWORKS").wait_for()
        page.get_by_label("Address").fill("https://hooks.slack.com/services/x")
        page.locator("#checked", has_text="use the format slack").wait_for()
        page.get_by_role("button", name="Create").click()
        page.locator(".secret code", has_text="whsec_").wait_for()


def test_hostile_content_is_shown_and_not_run(browser: Browser, console: Rig) -> None:
    endpoint = console.add(f"crm{HOSTILE}", url="https://crm.example.com/")
    hostile = failed(
        workspace_id=console.workspace,
        endpoint_id=endpoint,
        error=HOSTILE,
        answer_snippet=HOSTILE.encode(),
        answer_headers={"x": HOSTILE},
        event_type=HOSTILE,
    )
    console.log(hostile)
    with opened(browser) as page:
        sign_in(page, console)
        page.goto(f"{console.base}/console/deliveries/{hostile['delivery_id']}")
        assert "alert(1)" in page.locator("h1").inner_text()
        page.goto(f"{console.base}/console/endpoints/{endpoint}")


@contextmanager
def embedding(server: ThreadingHTTPServer) -> Iterator[str]:
    """Serve a page of a platform, which has a frame; yields its origin."""
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Embedding(BaseHTTPRequestHandler):
    """A page with a frame, whose address is in the query."""

    def do_GET(self) -> None:
        """Answer with the page."""
        _, _, url = self.path.partition("?")
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(f'<iframe src="{url}"></iframe>'.encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def test_only_a_named_origin_embeds_the_portal(browser: Browser, tmp_path: Path) -> None:
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Embedding) for _ in range(2)]
    with (
        embedding(servers[0]) as friend,
        embedding(servers[1]) as foe,
        rig(tmp_path, portal_frame_ancestors=friend) as made,
    ):
        page = browser.new_page()
        for origin, shown in ((friend, True), (foe, False)):
            url = made.base + path_of(link(made))
            page.goto(f"{origin}/?{url}")
            found = page.frame_locator("iframe").get_by_role("heading", name="Overview")
            if shown:
                found.wait_for()
            else:
                assert found.count() == 0
        page.goto(f"{friend}/?{made.base}/console/sign-in")
        assert page.frame_locator("iframe").get_by_label("API key").count() == 0
        page.close()
        _open_without_scripts(browser, f"{friend}/?{made.base}{path_of(link(made))}")


def _open_without_scripts(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Open").click()
    frame.get_by_role("heading", name="Overview").wait_for()
    context.close()


def test_a_link_into_the_console_signs_in_at_once(browser: Browser, console: Rig) -> None:
    """`plaudit dev` prints such a link."""
    admin = SessionGrant(WebApp.CONSOLE, "dev", Scope.ADMIN)
    token, _ = SessionService(console.services.engine).create_link(admin, 60_000, 60_000)
    with opened(browser) as page:
        page.goto(f"{console.base}/console/enter?token={token}")
        page.get_by_role("heading", name="Overview").wait_for()


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("width", WIDTHS.values())
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page_of_either_face(
    browser: Browser, console: Rig, theme: Literal["light", "dark"], width: int
) -> None:
    wanted = pages(console, paint(console))
    axe = Axe()
    with opened(browser, theme) as page:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.goto(f"{console.base}/console/sign-in")
        _accessible(axe, page)
        sign_in(page, console)
        for address in (*wanted.values(), "/dead-letters?kind=events", "/deliveries?error=none"):
            visit(page, f"{console.base}/console{address}")
            _accessible(axe, page)
        page.goto(f"{console.base}/portal/enter?token=used")
        _accessible(axe, page)
        enter(page, console)
        for name, address in wanted.items():
            if name != "keys":
                visit(page, f"{console.base}/portal{address}")
                _accessible(axe, page)


def test_axe_finds_nothing_on_the_main_pages(browser: Browser, console: Rig) -> None:
    ids = paint(console, per_hour=6)
    with opened(browser) as page:
        sign_in(page, console)
        for address in (
            "/endpoints/new",
            "/dead-letters",
            f"/deliveries/{ids['waiting']}",
            f"/jobs/{ids['purge']}",
        ):
            visit(page, f"{console.base}/console{address}")
            _accessible(Axe(), page)
        enter(page, console)
        _accessible(Axe(), page)


def _accessible(axe: Axe, page: Page) -> None:
    found = axe.run(page)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"


def test_an_endpoint_is_created_disabled_and_replayed_by_keyboard(
    browser: Browser, console: Rig
) -> None:
    with opened(browser) as page:
        sign_in(page, console, "write")
        tab_to(page, "Endpoints")
        page.keyboard.press("Enter")
        page.wait_for_url("**/endpoints")
        tab_to(page, "Create the first one")
        page.keyboard.press("Enter")
        page.wait_for_url("**/endpoints/new")
        tab_to(page, "Address")
        page.keyboard.type("https://crm.example.com/hooks")
        tab_to(page, "Name")
        page.keyboard.type("CRM")
        tab_to(page, "testimonial.approved")
        page.keyboard.press("Space")
        tab_to(page, "Create")
        page.keyboard.press("Enter")
        page.locator(".secret code").wait_for()
        (made,) = console.services.endpoints.list(console.workspace)
        assert made.event_types == ("testimonial.approved",)
        page.goto(f"{console.base}/console/endpoints/{made.endpoint_id}")
        tab_to(page, "More")
        page.keyboard.press("Enter")
        tab_to(page, "Replay events …")
        page.keyboard.press("Enter")
        page.wait_for_url("**/replay?*")
        tab_to(page, "Count in a dry run")
        page.keyboard.press("Enter")
        page.wait_for_url("**/jobs/*")
        page.go_back()
        page.go_back()
        tab_to(page, "More")
        page.keyboard.press("Enter")
        tab_to(page, "Reason")
        page.keyboard.type("a pause")
        page.keyboard.press("Enter")
        page.locator(".verdict", has_text="a pause").wait_for()


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element of a name has the focus, which has to be visible."""
    page.locator("main").focus()
    for key in ("Tab", "Shift+Tab"):
        for _ in range(60):
            page.keyboard.press(key)
            if page.evaluate(NAME_OF_FOCUS).strip().startswith(name):
                assert page.evaluate("document.activeElement.matches(':focus-visible')")
                return
    raise AssertionError(f"{page.url}: the keyboard can't reach {name!r}")


NAME_OF_FOCUS = """() => {
  const at = document.activeElement;
  const label = at.labels && at.labels.length ? at.labels[0] : at;
  return at.getAttribute("aria-label") || label.textContent || "";
}"""

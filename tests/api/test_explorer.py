"""The interactive documentation: offline, without inline code, and usable in a browser."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

import pytest

from api.conftest import Installation
from console.browsers import chromium

VENDORED = {
    "swagger-ui-bundle.min.js": "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
    "swagger-ui.min.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
}
"""Files of swagger-ui-dist 5.35.0, there without `.min` in their names."""


def test_third_party_files_are_the_released_ones_with_their_licence() -> None:
    folder = files("plaudit.api.explorer") / "static"
    for name, digest in VENDORED.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    licence = (folder / "swagger-ui.LICENSE.txt").read_text()
    assert "Apache License" in licence


@pytest.mark.broker
def test_the_page_and_its_files_come_from_here_and_hold_no_inline_code(
    api: Installation,
) -> None:
    client = api.client
    page = client.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son\w+=", page.text)
    urls = re.findall(r'(?:src|href)="([^"]+\.(?:js|css))"', page.text)
    assert len(urls) == 3
    for url in urls:
        packed = client.get(f"/{url}")
        assert packed.headers["content-encoding"] == "gzip"
        assert "immutable" in packed.headers["cache-control"]
        plain = client.get(f"/{url}", headers={"accept-encoding": "identity"})
        assert plain.content == packed.content
        assert "content-encoding" not in plain.headers
    assert client.get("/docs/0/init.js").status_code == 404


@pytest.mark.nightly
@pytest.mark.broker
def test_a_browser_shows_every_tag_and_breaks_no_rule(api: Installation) -> None:
    base = str(api.client.base_url).rstrip("/")
    tags = {each["name"] for each in api.app.openapi()["tags"]}
    with chromium() as browser:
        page = browser.new_page()
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda each: said.append(each.text))
        page.on("pageerror", lambda each: said.append(str(each)))
        page.on("request", lambda each: asked.append(each.url))
        page.goto(f"{base}/docs")
        page.wait_for_selector(".opblock-tag")
        shown = {each.get_attribute("data-tag") for each in page.query_selector_all(".opblock-tag")}
        page.click(".opblock-tag[data-tag=events]")
        page.click("#operations-events-publishEvents button.opblock-summary-control")
        page.wait_for_selector(".opblock-body")
        assert shown == tags
        assert not said
        assert all(each.startswith((base, "data:")) for each in asked), asked

"""`make screenshots`: every page in both themes and widths; the docs get those that they show."""

from __future__ import annotations

import base64
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Browser, Page

from console.browsers import chromium
from console.rig import Rig, rig
from console.scene import HOUR_MS, paint
from plaudit.store.access.api_keys import Scope
from plaudit.store.access.sessions import SessionGrant, SessionService, WebApp

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "console.md"
FOLDER = ROOT / "build" / "console"
WIDTHS = {"wide": 1440, "narrow": 390}
HEIGHT = 900
PORTAL = ("overview", "endpoints", "endpoint", "deliveries", "delivery", "notices")
"""Pages that are pictured in the portal, too."""
LARGEST_BYTES = 200_000
# The browser packs its pictures itself: a fifth of the size of PNG, and no other tool.
QUALITY = 0.75
TO_WEBP = """async ([png, quality]) => {
  const image = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").drawImage(image, 0, 0);
  const packed = await canvas.convertToBlob({ type: "image/webp", quality: quality });
  const bytes = new Uint8Array(await packed.arrayBuffer());
  return btoa(Array.from(bytes, (each) => String.fromCharCode(each)).join(""));
}"""


def pages(made: Rig, ids: Mapping[str, str]) -> dict[str, str]:
    """Return the address of each page by the name of its picture."""
    return {
        "overview": "",
        "endpoints": "/endpoints",
        "endpoint": f"/endpoints/{ids['Slack']}",
        "endpoint-new": "/endpoints/new",
        "deliveries": "/deliveries?state=waiting&since=24h",
        "delivery": f"/deliveries/{ids['waiting']}",
        "delivery-dead": f"/deliveries/{ids['dead']}",
        "dead-letters": "/dead-letters",
        "dead-letter": f"/dead-letters/{ids['letter']}",
        "jobs": "/jobs",
        "job-dry-run": f"/jobs/{ids['job']}",
        "job-removal": f"/jobs/{ids['purge']}",
        "job-running": f"/jobs/{ids['running']}",
        "replay": "/replay",
        "endpoint-edit": f"/endpoints/{ids['CRM']}/edit",
        "endpoint-remove": f"/endpoints/{ids['Old shop']}/remove",
        "search": "/search?q=example",
        "trace": f"/trace/{ids['event']}",
        "events": "/events",
        "event-type": "/events/testimonial.approved",
        "retry": "/deliveries/retry?state=dead",
        "keys": "/settings/keys",
        "notices": f"/settings/notices?workspace={made.workspace}",
        "sessions": "/settings/sessions",
        "audit": "/settings/audit",
        "error": "/endpoints/00000000-0000-4000-8000-000000000000",
    }


def sign_in(page: Page, made: Rig, key: str = "admin") -> None:
    """Sign in with a key, as people do."""
    page.goto(f"{made.base}/console/sign-in")
    page.get_by_label("API key").fill(made.keys[key])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{made.base}/console")


def enter(page: Page, made: Rig) -> None:
    """Enter the portal with a link, as the person of a platform."""
    grant = SessionGrant(
        WebApp.PORTAL,
        "ada@example.com",
        Scope.WORKSPACE,
        made.workspace,
        return_url="https://app.example.com/settings",
        theme={"name": "Praise", "accent": "#3355ff"},
    )
    token, _ = SessionService(made.services.engine).create_link(grant, HOUR_MS, HOUR_MS)
    page.goto(f"{made.base}/portal/enter?token={token}")
    page.get_by_role("button", name="Open").click()
    page.get_by_role("heading", name="Overview").wait_for()


def shoot(browser: Browser, made: Rig, wanted: Mapping[str, str], folder: Path) -> None:
    """Take the pictures."""
    packer = browser.new_page()
    for theme in ("light", "dark"):
        for width_name, width in WIDTHS.items():
            page = browser.new_page(
                viewport={"width": width, "height": HEIGHT},
                color_scheme="dark" if theme == "dark" else "light",
            )
            ending = f"{theme}-{width_name}.webp"
            page.goto(f"{made.base}/console/sign-in")
            keep(packer, page.screenshot(), folder / f"sign-in-{ending}")
            sign_in(page, made)
            for name, address in wanted.items():
                visit(page, f"{made.base}/console{address}")
                keep(packer, page.screenshot(full_page=True), folder / f"{name}-{ending}")
            enter(page, made)
            for name in PORTAL:
                if name in wanted:
                    visit(page, f"{made.base}/portal{wanted[name]}")
                    picture = page.screenshot(full_page=True)
                    keep(packer, picture, folder / f"portal-{name}-{ending}")
            page.close()
    packer.close()


def visit(page: Page, address: str) -> None:
    """Open a page, and wait for its parts; a stream of events stays open."""
    page.goto(address)
    page.locator(".htmx-request").first.wait_for(state="detached")


def keep(packer: Page, picture: bytes, file: Path) -> None:
    """Write a picture as WebP.

    Args:
        packer: page that packs pictures.
        picture: PNG.
        file: where to.
    """
    packed = packer.evaluate(TO_WEBP, [base64.b64encode(picture).decode(), QUALITY])
    content = base64.b64decode(packed)
    assert len(content) <= LARGEST_BYTES, f"{file.name} has {len(content):,} bytes"
    file.write_bytes(content)


def show(folder: Path) -> None:
    """Copy the pictures that the documentation shows into it."""
    shown = PAGE.with_suffix("")
    shown.mkdir(exist_ok=True)
    for name in re.findall(r"\(console/([\w-]+\.webp)\)", PAGE.read_text()):
        if (folder / name).exists():
            shutil.copyfile(folder / name, shown / name)


def main() -> None:
    """Take all pictures, or those of the pages that are named."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, rig(Path(data)) as made, chromium() as browser:
        wanted = pages(made, paint(made))
        chosen = sys.argv[2:]
        if chosen:
            wanted = {name: wanted[name] for name in chosen}
        shoot(browser, made, wanted, folder)
    if folder == FOLDER:
        show(folder)


if __name__ == "__main__":
    main()

"""`make screenshots`: every page in both themes and both widths, into docs/console."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Browser, Page

from console.browsers import chromium
from console.rig import Rig, rig
from console.scene import paint

FOLDER = Path(__file__).parents[2] / "docs" / "console"
WIDTHS = {"wide": 1440, "narrow": 390}
HEIGHT = 900
LARGEST_BYTES = 200_000


def pages(ids: Mapping[str, str]) -> dict[str, str]:
    """Return the address of each page by the name of its picture."""
    return {
        "overview": "",
        "endpoints": "/endpoints",
        "endpoint": f"/endpoints/{ids['Slack']}",
        "endpoint-new": "/endpoints/new",
        "deliveries": "/deliveries?state=waiting&since=24h",
        "delivery": f"/deliveries/{ids['waiting']}",
        "delivery-dead": f"/deliveries/{ids['dead']}",
        "trace": f"/trace/{ids['event']}",
        "events": "/events",
        "event-type": "/events/testimonial.approved",
        "retry": "/deliveries/retry?state=dead",
        "keys": "/settings/keys",
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


def shoot(browser: Browser, made: Rig, wanted: Mapping[str, str], folder: Path) -> None:
    """Take the pictures."""
    for theme in ("light", "dark"):
        for width_name, width in WIDTHS.items():
            page = browser.new_page(
                viewport={"width": width, "height": HEIGHT},
                color_scheme="dark" if theme == "dark" else "light",
            )
            page.goto(f"{made.base}/console/sign-in")
            page.screenshot(path=folder / f"sign-in-{theme}-{width_name}.png")
            sign_in(page, made)
            for name, address in wanted.items():
                page.goto(f"{made.base}/console{address}", wait_until="networkidle")
                page.screenshot(path=folder / f"{name}-{theme}-{width_name}.png", full_page=True)
            page.close()


def main() -> None:
    """Take all pictures, or those of the pages that are named."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, rig(Path(data)) as made, chromium() as browser:
        wanted = pages(paint(made))
        chosen = sys.argv[2:]
        if chosen:
            wanted = {name: wanted[name] for name in chosen}
        shoot(browser, made, wanted, folder)


if __name__ == "__main__":
    main()

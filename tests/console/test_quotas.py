"""Quotas of a workspace hold on the console's pages, too."""

from __future__ import annotations

from pathlib import Path

from console.rig import rig
from plaudit.api.settings import ApiSettings


def test_a_workspace_has_a_quota_for_host_names_on_the_pages_too(tmp_path: Path) -> None:
    with rig(tmp_path, ApiSettings(api_max_names=1)) as console:
        browser = console.browser("write")
        new = "/console/endpoints/new"
        assert browser.post(new, url="https://one.example/", name="first").status_code == 200
        over = browser.post(new, url="https://two.example/", name="second")
        assert (over.status_code, "PLAUDIT_API_MAX_NAMES" in over.text) == (403, True)
        again = browser.post(new, url="https://one.example/again", name="third")
        assert again.status_code == 200
        [first] = [
            each.endpoint_id
            for each in console.services.endpoints.list(console.workspace)
            if each.name == "first"
        ]
        edit = f"/console/endpoints/{first}/edit"
        moved = browser.post(edit, url="https://two.example/", name="first", version="1")
        assert (moved.status_code, "PLAUDIT_API_MAX_NAMES" in moved.text) == (403, True)


def test_test_sends_of_all_viewers_count_for_the_workspace(tmp_path: Path) -> None:
    with rig(tmp_path, ApiSettings(api_tests_per_minute=2)) as console:
        at = f"/console/endpoints/{console.add('crm', url='http://127.0.0.1:1/')}"
        answers = [
            console.browser(key).post(at, f"{at}/test").status_code
            for key in ("write", "admin", "admin")
        ]
        assert answers == [200, 200, 429]

"""Pages that move, and work by keyboard, in a real browser."""

from __future__ import annotations

import time

from playwright.sync_api import Browser, Page

from attempts import attempt, failed
from console.rig import Rig
from console.scene import letter
from console.screenshots import sign_in
from console.test_browser import opened
from plaudit.store.jobs.job_model import JobProgress, JobState
from plaudit.store.jobs.queue import JobQueue


def test_letters_are_chosen_and_sent_again_by_keyboard_and_the_job_moves(
    browser: Browser, console: Rig
) -> None:
    endpoint = console.add("crm")
    for number in range(3):
        console.letters.add(letter(console, endpoint, "exhausted", "503", number))
    with opened(browser) as page:
        sign_in(page, console, "write")
        page.goto(f"{console.base}/console/dead-letters")
        for key in ("j", "j", "x"):
            page.keyboard.press(key)
        page.locator("[data-selected]", has_text="1 selected").wait_for()
        page.get_by_role("button", name="Send again").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/jobs/*")
        (job,) = console.services.jobs.list(console.workspace).jobs
        assert len(job.params["filter"]["ids"]) == 1
        page.locator(".verdict", has_text="waits for a runner").wait_for()
        console.finish(1)
        page.get_by_role("button", name="Send 1 dead letter now").press("Enter")
        page.locator("h1", has_text="Send dead letters again").wait_for()
        _follow(page, console)


def _follow(page: Page, console: Rig) -> None:
    """Carry out the job of a page step by step, and see each on the page."""
    queue = JobQueue(console.services.engine, "runner")
    job = queue.claim()
    assert job is not None
    queue.keep(job, JobProgress(1_204, 431))
    page.locator(".verdict", has_text="431 of 1,204 dead letters sent.").wait_for()
    queue.conclude(job, JobState.DONE, {"chosen": 1_204, "moved": 1_204}, None)
    page.locator(".mark", has_text="done").wait_for()
    assert page.get_by_role("button", name="Stop").count() == 0


def test_the_overview_refreshes_and_reports_a_lost_connection(
    browser: Browser, console: Rig
) -> None:
    endpoint = console.add("crm")
    mine = {"workspace_id": console.workspace, "endpoint_id": endpoint}
    now = int(time.time() * 1_000)
    console.log(attempt(**mine, started_at=now - 60_000))
    # Not `opened`: the browser logs that it is offline.
    page = browser.new_page()
    page.clock.install()
    sign_in(page, console)
    page.locator(".plot canvas").first.wait_for()
    page.locator("main").focus()
    console.log(failed(**mine, started_at=now - 30_000))
    page.clock.run_for(16_000)
    page.locator(".verdict", has_text="1 of 1 endpoint needs attention").wait_for()
    page.locator(".plot canvas").first.wait_for()
    page.context.set_offline(True)
    page.clock.run_for(16_000)
    page.locator(".lost", has_text="Not connected since").wait_for()
    page.context.set_offline(False)
    page.clock.run_for(16_000)
    page.locator(".lost").wait_for(state="hidden")
    page.close()

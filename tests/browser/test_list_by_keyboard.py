"""The accounts list by keyboard alone: walk, choose, change many, undo; a view; and nothing while somebody types."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bench.stack import Hub
from hub.people.permissions import CSM
from tests.browser.conftest import Enter, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LIST = "/t/demo/accounts/"


@pytest.fixture(scope="module")
def demo(running: Hub) -> dict[str, Any]:
    running.manage("demo", "--accounts=12", "--months=14")
    written: dict[str, Any] = json.loads((running.home / "demo.json").read_text())
    return written


@pytest.fixture
def csm(open_page: Enter, demo: dict[str, Any]) -> Page:
    found = next(entry for entry in demo["sign_ins"] if entry["role"] == CSM)
    page = open_page()
    sign_in(page, found["email"], found["password"])
    return page


def test_a_list_is_worked_by_keys(csm: Page) -> None:
    csm.goto(LIST)
    rows = csm.locator("[data-row]")
    expect(rows.first).to_have_attribute("tabindex", "0")
    for key in ("j", "x", "ArrowDown", "x", "j", "k"):
        csm.keyboard.press(key)
    expect(csm.locator("[data-chosen]")).to_have_text("2 chosen")
    expect(rows.nth(1)).to_be_focused()
    assert [rows.nth(at).get_attribute("aria-selected") for at in range(3)] == ["true", "true", "false"]
    assert csm.locator("[data-row][tabindex='0']").count() == 1

    csm.keyboard.press("s")
    expect(rows.nth(1).locator("[data-sources]")).to_have_attribute("open", "")
    expect(rows.nth(1).locator(".source-card")).to_contain_text("name")
    csm.keyboard.press("s")
    expect(rows.nth(1).locator("[data-sources]")).not_to_have_attribute("open", "")

    csm.fill("#account-q", "jx?s")
    expect(csm.locator("dialog[open]")).to_have_count(0)
    csm.goto(LIST)
    csm.keyboard.press("?")
    expect(csm.get_by_role("dialog", name="Keys of this list")).to_be_visible()
    csm.keyboard.press("Escape")

    for key in ("j", "x", "j", "x"):
        csm.keyboard.press(key)
    csm.keyboard.press("e")
    csm.wait_for_url("**/bulk/new/**")
    csm.get_by_label("New value of Owner").select_option(label="Nobody")
    csm.get_by_label("Owner", exact=True).check()
    csm.get_by_role("button", name="Show what will change").click()
    csm.get_by_role("button", name="Change 2 accounts").click()
    expect(csm.locator("#bulk-state")).to_contain_text("Done")
    csm.get_by_role("button", name="Undo on").click()
    expect(csm.locator("#bulk-state")).to_contain_text("Undone")

    csm.goto(f"{LIST}?sort=-mrr_minor")
    csm.get_by_role("link", name="Save as view").click()
    csm.get_by_label("Name of this view").fill("Largest")
    csm.get_by_role("button", name="Save view").click()
    expect(csm.get_by_role("link", name="Largest")).to_have_attribute("aria-current", "page")
    expect(rows.first).to_have_attribute("tabindex", "0")
    csm.keyboard.press("v")
    expect(csm.get_by_role("link", name="Largest")).to_be_focused()
    csm.keyboard.press("j")
    name = rows.first.locator(".strong").inner_text()
    csm.keyboard.press("Enter")
    expect(csm.get_by_role("heading", level=1)).to_contain_text(name)


def test_a_filter_is_made_in_the_drawer(csm: Page) -> None:
    csm.goto(LIST)
    csm.get_by_role("link", name="Filter").click()
    drawer = csm.get_by_role("dialog", name="Filter accounts")
    # The row comes anew with what its fact, and then its operator, asks for.
    for label, value in (("What", "mrr_minor"), ("How", "gt")):
        with csm.expect_response("**/filter/row/**"):
            drawer.get_by_label(label, exact=True).select_option(value)
        expect(drawer.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)
    drawer.get_by_label("Value").fill("1000")
    drawer.get_by_role("button", name="Add a condition").click()
    expect(drawer.locator("[data-filter-row]")).to_have_count(2)
    drawer.get_by_role("button", name="Take this condition away").nth(1).click()
    drawer.get_by_role("button", name="Show accounts").click()
    expect(csm.locator("#account-list")).to_contain_text("MRR is more than 1,000")

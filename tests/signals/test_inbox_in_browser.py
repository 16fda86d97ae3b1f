"""The inbox by keyboard, and a storm that is decided, in a real browser and in both themes."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.models import Signal, SignalStatus, Storm, Trigger
from tests.shell.test_pages_in_browser import sign_in
from tests.signals.test_inbox import signal_of
from tests.world import make_member, make_tenant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TRAIL = {"label": "uses in 30 days", "unit": "", "kind": "number", "values": [9.0, None, 7.0, 3.0]}


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    tenant = make_tenant("acme")
    make_member(tenant, "admin")
    with tenant_context(tenant):
        for name in ("Cedar", "Birch", "Ash"):
            signal_of(name, "usage-decline", trail=TRAIL)
        trigger = Trigger.objects.get(key="usage-decline")
        storm = Storm.objects.create(trigger=trigger, began_at=timezone.now(), limit=3, window_minutes=60, held=1)
        signal_of("Oak", "usage-decline", status=SignalStatus.HELD, storm=storm)
    return tenant


def test_signals_are_dealt_with_by_keys(page: Page, tenant: Tenant) -> None:
    sign_in(page)
    page.goto("/t/acme/signals/?whose=all")
    rows = page.locator("[data-row]")
    expect(rows.first).to_have_attribute("tabindex", "0")
    page.keyboard.press("j")
    expect(rows.first).to_be_focused()
    # e resolves, u undoes; the row stays where it is until the list moves on.
    page.keyboard.press("e")
    expect(rows.first).to_contain_text("Resolved by admin@acme.example")
    rows.first.focus()
    page.keyboard.press("u")
    expect(rows.first).not_to_contain_text("Resolved")
    rows.nth(1).focus()
    page.keyboard.press("d")
    drawer = page.locator("dialog[open]")
    drawer.get_by_label("Why", exact=True).select_option("not_true")
    drawer.get_by_role("button", name="Dismiss", exact=True).click()
    expect(rows.nth(1)).to_contain_text("Dismissed by admin@acme.example: Not true")
    expect(page.locator("dialog[open]")).to_have_count(0)
    rows.nth(2).focus()
    page.keyboard.press("s")
    page.locator("dialog[open]").get_by_role("button", name="Tomorrow").click()
    expect(rows.nth(2)).to_contain_text("snoozed until")
    page.keyboard.press("?")
    expect(page.locator("#keys-help")).to_be_visible()
    page.keyboard.press("Escape")
    with tenant_context(tenant):
        assert sorted(Signal.objects.exclude(status="held").values_list("status", flat=True)) == [
            "dismissed", "open", "open",
        ]  # fmt: skip


def test_those_that_are_chosen_are_resolved_together(page: Page, tenant: Tenant) -> None:
    sign_in(page)
    page.goto("/t/acme/signals/?whose=all")
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.locator("[data-chosen]")).to_have_text("2 chosen")
    page.keyboard.press("e")
    expect(page.get_by_text("2 signals resolved")).to_be_visible()
    expect(page.locator("[data-row]")).to_have_count(1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_are_accessible_and_fit(page: Page, tenant: Tenant, theme: Literal["light", "dark"]) -> None:
    sign_in(page)
    page.emulate_media(color_scheme=theme)
    with tenant_context(tenant):
        storm, signal = Storm.objects.get(), Signal.objects.filter(status="open")[0]
    found = []
    for address in ("?whose=all", "?whose=all&group=account", f"storms/{storm.pk}/", f"{signal.pk}/", "triggers/"):
        page.goto(f"/t/acme/signals/{address}")
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            bad = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
            found += [f"{address} {width} {v['id']} {v['nodes'][0]['target']}" for v in bad]
            wide = page.evaluate("document.documentElement.scrollWidth")
            found += [f"{address}: {wide} px wide"] if wide > width else []
    assert found == []


def test_a_storm_is_dropped_from_its_banner(page: Page, tenant: Tenant) -> None:
    sign_in(page)
    page.goto("/t/acme/signals/?whose=all")
    page.get_by_role("link", name="Look and decide").click()
    expect(page.get_by_role("button", name="Release 1")).to_be_visible()
    page.get_by_role("button", name="Drop them").click()
    expect(page.get_by_text("dropped; nothing comes of them")).to_be_visible()

"""The queue by keyboard in a real browser: approve, take back, veto with a reason; nothing that axe finds serious."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.decisions.models import Choice
from tests.journeys.decisions import table
from tests.world import PASSWORD, make_account, make_member, make_tenant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    tenant = make_tenant("acme")
    make_member(tenant, "admin")
    account = table.lay(tenant)
    table.play(tenant, "Call them")
    with tenant_context(tenant):
        accounts = [account, make_account("Blue Harbor"), make_account("Fabrikam")]
    for each in accounts:
        table.signal(tenant, each)
    table.decide(tenant)
    return tenant


def statuses(tenant: Tenant) -> list[str]:
    with tenant_context(tenant):
        return sorted(Choice.objects.values_list("status", flat=True))


def test_decisions_are_reviewed_by_keyboard(page: Page, tenant: Tenant) -> None:
    page.goto("/accounts/login/")
    page.fill("[name=login]", "admin@acme.example")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/t/acme/")
    page.goto("/t/acme/decisions/")
    rows = page.locator("[data-row]")
    expect(rows).to_have_count(3)
    rows.first.focus()
    page.keyboard.press("e")
    expect(rows.first.get_by_text("Can be undone")).to_be_visible()
    page.locator("[data-row] [data-key=u]").click()
    expect(rows.first.get_by_text("Undone", exact=True)).to_be_visible()
    rows.nth(1).focus()
    page.keyboard.press("d")
    page.get_by_label("Why not").select_option("wrong_time")
    page.get_by_role("button", name="Veto 1 decision").click()
    expect(page.get_by_text("1 decision vetoed")).to_be_visible()
    assert statuses(tenant) == ["asked", "undone", "vetoed"]
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = [v["id"] for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
    assert found == []

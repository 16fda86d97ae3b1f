"""What the staff's pages do in a real browser. How all of them look is held by tests/browser/test_pages.py."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from hub.accounts.models import Account
from hub.accounts.services import change_record, contact_upsert
from hub.feedback.services import ticket_upsert
from hub.plans.services import MILESTONE_COMPLETED, plan_create
from hub.revenue.services import contract_line_upsert, invoice_upsert, opportunity_upsert
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from hub.work.services import task_open
from signals.engine import evaluate_batch
from tests.world import ACTOR, PASSWORD, make_account, make_contact, make_member, make_tenant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    tenant = make_tenant("acme")
    make_member(tenant, "admin")
    with tenant_context(tenant):
        for at in range(3):
            _fill(make_account(f"Blue Harbor {at}", domain=f"blue{at}.example", signed_up_on=date(2024, 1, 1)), at)
        while evaluate_batch(tenant):
            pass
    return tenant


def _fill(account: Account, at: int) -> None:
    today = timezone.localdate()
    make_contact(account, f"kim{at}@blue.example", roles=["champion"])
    plan_create(account=account, started_on=today - timedelta(days=10), actor=ACTOR)
    task_open(account_id=account.pk, title=f"Call {at}", origin_key=str(at), playbook="Ask.", due_at=timezone.now())
    for months in range(3):
        contract_line_upsert(
            account=account,
            source="test",
            external_id=f"{at}-{months}",
            fields={
                "mrr_minor": 50_000,
                "currency": "USD",
                "starts_on": today - timedelta(days=500 - 120 * months),
                "renews_on": today + timedelta(days=20),
            },
        )
    for week in range(1, 12):
        day = today - timedelta(days=7 * week)
        UsageDaily.objects.create(account=account, day=day, name="Reports", count=20 + week)
    _reach(account, f"Step {at}")


def _reach(account: Account, title: str) -> None:
    change_record(
        account_id=account.pk, kind=MILESTONE_COMPLETED, key=title, occurred_at=timezone.now(), data={"title": title}
    )


def sign_in(page: Page) -> None:
    page.goto("/accounts/login/")
    page.fill("[name=login]", "admin@acme.example")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/t/acme/")


def test_today_shows_what_has_happened_even_where_no_stream_reaches_it(page: Page, tenant: Tenant) -> None:
    sign_in(page)
    expect(page.locator("#signals").get_by_text("Reached the milestone “Step 0”")).to_be_visible()
    with tenant_context(tenant):
        _reach(Account.objects.all()[0], "The news")
        while evaluate_batch(tenant):
            pass
    news = page.locator("#signals").get_by_text("Reached the milestone “The news”")
    expect(news).to_be_visible(timeout=15_000)


def test_completing_a_milestone_changes_the_plan_and_the_timeline_in_place(page: Page, tenant: Tenant) -> None:
    sign_in(page)
    with tenant_context(tenant):
        account = Account.objects.all()[0]
    page.goto(f"/t/acme/accounts/{account.pk}/")
    page.get_by_role("button", name="Complete “Hold the kick-off”").click()
    expect(page.get_by_text("1 of 4 required milestones done")).to_be_visible()
    expect(page.locator("#timeline").get_by_text("Milestone reached: Hold the kick-off")).to_be_visible()
    page.fill("#note-body", "Met the new lead.")
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#timeline").get_by_text("Met the new lead.")).to_be_visible()
    expect(page.locator("#note-body")).to_have_value("")


def test_dismissing_with_a_reason_and_the_search_key(page: Page, tenant: Tenant) -> None:
    sign_in(page)
    page.goto("/t/acme/signals/?whose=all")
    row = page.locator("#inbox li", has_text="Step 1")
    row.get_by_label("Dismiss “").click()
    drawer = page.locator("#drawer-slot")
    drawer.get_by_label("Why", exact=True).select_option(label="Already known")
    drawer.get_by_label("Note", exact=True).fill("Told on Monday")
    drawer.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("Dismissed by admin@acme.example: Already known: Told on Monday")).to_be_visible()
    page.locator("h1").click()
    page.keyboard.press("/")
    expect(page.locator("[data-search]")).to_be_focused()


def test_filtering_the_list_keeps_the_address_and_the_way_back(page: Page, tenant: Tenant) -> None:
    sign_in(page)
    page.goto("/t/acme/accounts/")
    page.fill("#account-q", "blue2")
    expect(page.locator("#account-list tbody tr")).to_have_count(1)
    assert "q=blue2" in page.url
    page.go_back()
    expect(page.locator("#account-list tbody tr")).to_have_count(3)


@pytest.mark.parametrize("width", [390, 1360])
def test_a_word_without_end_from_another_system_stays_within_the_page(page: Page, tenant: Tenant, width: int) -> None:
    endless = "W" * 180
    with tenant_context(tenant):
        account = make_account(endless, industry=endless[:80])
        known: dict[str, Any] = {"account": account, "source": "crm", "external_id": "1"}
        today = timezone.localdate()
        ticket_upsert(**known, fields={"subject": endless, "opened_at": timezone.now()})
        opportunity_upsert(**known, fields={"name": endless, "kind": "renewal", "stage": endless[:60]})
        invoice_upsert(
            **known, fields={"number": endless[:60], "total_minor": 1, "currency": "USD", "issued_on": today}
        )
        contact_upsert(**known, fields={"name": endless, "title": endless, "email": f"{endless[:60]}@blue.example"})
    sign_in(page)
    page.wait_for_url("**/t/acme/")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"/t/acme/accounts/{account.pk}/")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_range_of_the_filter_can_be_typed_on_a_phone(page: Page, tenant: Tenant) -> None:
    sign_in(page)
    page.wait_for_url("**/t/acme/")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto('/t/acme/accounts/filter/?rule={"fact":"mrr_minor","op":"between","value":[100,200]}')
    boxes = [page.locator(f"[data-filter-row] [name={name}]").bounding_box() for name in ("op", "value", "second")]
    assert [box and box["width"] > 200 for box in boxes] == [True] * 3

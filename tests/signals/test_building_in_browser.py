"""Building a trigger with the keyboard, in a real browser."""

from __future__ import annotations

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from signals.engine import evaluate_batch
from signals.models import Trigger
from tests.shell.test_pages_in_browser import sign_in
from tests.world import make_account, make_member, make_tenant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    tenant = make_tenant("acme")
    make_member(tenant, "admin")
    with tenant_context(tenant):
        for name, count in (("Ash", 30), ("Birch", 3)):
            account = make_account(name, country="NO")
            UsageDaily.objects.create(account=account, day=timezone.now().date(), name="Export", count=count)
        while evaluate_batch(tenant):
            pass
    return tenant


def test_a_trigger_is_built_by_keyboard_and_says_what_it_would_do(page: Page, tenant: Tenant) -> None:
    sign_in(page)
    page.goto("/t/acme/signals/triggers/new/")
    page.get_by_label("Name").fill("Busy week")
    page.get_by_label("Family").fill("usage")
    row, tried = page.locator("[data-filter-row]"), page.locator("#tried")
    row.first.get_by_label("What", exact=True).select_option("uses")
    row.first.get_by_label("How many days").fill("7")
    row.first.get_by_label("How", exact=True).select_option("gte")
    row.first.get_by_label("Value").fill("10")
    expect(tried).to_contain_text("Matches 1 account now")
    expect(tried).to_contain_text("Would have fired 1 time in the last 90 days")
    # Enter saves nothing: it adds a row after the last one and goes there.
    row.first.get_by_label("Value").press("Enter")
    expect(row).to_have_count(2)
    expect(row.nth(1).get_by_label("What", exact=True)).to_be_focused()
    row.nth(1).get_by_label("What", exact=True).select_option("country")
    row.nth(1).get_by_label("Value").fill("SE")
    expect(tried).to_contain_text("Matches 0 accounts now")
    row.nth(1).get_by_label("Take this condition away").click()
    expect(row).to_have_count(1)
    expect(tried).to_contain_text("Matches 1 account now")
    page.get_by_role("button", name="Make the trigger").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Busy week")
    with tenant_context(tenant):
        rule = {"fact": "uses", "with": {"days": 7}, "op": "gte", "value": 10}
        assert Trigger.objects.get(key="busy-week").rule == {"all": [rule]}

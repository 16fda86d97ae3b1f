"""The list of tasks by keyboard, and a playbook that is worked through."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.work.models import Task
from hub.work.playbooks import Content
from hub.work.services import playbook_save, task_open
from tests.world import ACTOR, PASSWORD, make_account, make_member, make_tenant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    tenant = make_tenant("acme")
    member = make_member(tenant, "csm")
    with tenant_context(tenant):
        content = Content(("Look", "Call"), "Be kind")
        playbook_save(playbook=None, name="Help", description="", content=content, actor=ACTOR, key="help")
        account = make_account(owner_id=member.user_id)
        for at in range(4):
            due = timezone.now() + timedelta(days=at + 1)
            task_open(account_id=account.pk, title=f"Task {at}", origin_key=str(at), playbook_key="help", due_at=due)
    return tenant


def test_tasks_are_worked_by_keyboard_alone(page: Page, tenant: Tenant) -> None:
    page.goto("/accounts/login/")
    page.fill("[name=login]", "csm@acme.example")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/t/acme/")
    page.goto("/t/acme/tasks/")
    rows = page.locator("#tasks [data-row]")
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(rows.nth(0).get_by_text("Did it help?")).to_be_visible()
    rows.nth(0).get_by_role("button", name="“Task 0” helped").click()
    expect(rows.nth(0)).to_contain_text("It helped")
    rows.nth(1).focus()
    page.keyboard.press("s")
    drawer = page.locator("#drawer-slot dialog")
    expect(drawer.get_by_label("What do you wait for?")).to_be_focused()
    page.keyboard.type("Their holidays")
    drawer.get_by_role("button", name="In two weeks").click()
    expect(rows.nth(1)).to_contain_text("Their holidays")
    rows.nth(2).focus()
    page.keyboard.press("x")
    rows.nth(3).focus()
    page.keyboard.press("x")
    page.keyboard.press("t")
    expect(page.get_by_text("2 tasks yours now.")).to_be_visible()
    with tenant_context(tenant):
        assert sorted(Task.objects.values_list("response", flat=True)) == ["", "complete", "take", "take"]


def test_a_playbook_is_worked_through_on_the_page_of_the_task(page: Page, tenant: Tenant) -> None:
    with tenant_context(tenant):
        task = Task.objects.get(title="Task 0")
    page.goto("/accounts/login/")
    page.fill("[name=login]", "csm@acme.example")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/t/acme/")
    page.goto(f"/t/acme/tasks/{task.pk}/")
    for step in ("Look", "Call"):
        page.get_by_role("button", name=step, exact=True).click()
        expect(page.get_by_role("button", name=step, exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_label("What came of it").fill("They stay")
    page.get_by_role("button", name="It helped").click()
    expect(page.get_by_text("is done.")).to_be_visible()
    with tenant_context(tenant):
        task.refresh_from_db()
        assert (task.status, task.helped, task.closed_reason, task.response) == ("done", "yes", "They stay", "tick")

"""The builder in a real browser: from empty to running, edited with an account inside, by mouse and by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.drafts.operations import insert
from journeys.drafts.selectors import current_draft
from journeys.drafts.services import draft_change, journey_create
from journeys.drafts.shape import BEGINNING
from journeys.models import Enrollment, Journey
from tests.journeys import stage
from tests.journeys.test_pages_in_browser import sign_in
from tests.world import ACTOR, make_member, make_tenant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    tenant = make_tenant("acme")
    make_member(tenant, "admin")
    account = stage.set_up(tenant)
    stage.plan(tenant, account)
    return tenant


def drawer(page: Page) -> Locator:
    return page.locator("dialog[open]")


def add(page: Page, step: str, place: int = -1) -> None:
    """Put a step into a gap, the last one but the end's unless told; its form opens."""
    plus = page.locator("a.gap-plus")
    plus.nth(place if place >= 0 else plus.count() - 1).click()
    drawer(page).get_by_role("button", name=step, exact=True).click()
    expect(page.locator("#step-form")).to_be_visible()


def save(page: Page) -> None:
    page.locator("#step-form").get_by_role("button", name="Save").last.click()
    expect(page.locator("[data-builder]")).to_be_visible()


def test_onboarding_is_built_from_empty_tested_published_seen_running_and_edited(page: Page, tenant: Tenant) -> None:
    with tenant_context(tenant):
        # Else the ready journey takes the signal.
        Journey.objects.filter(key="activation").update(status="archived")
    sign_in(page)
    page.goto("/t/acme/journeys/")
    page.get_by_role("link", name="New journey").click()
    page.fill("#name", "Onboarding")
    page.select_option("#purpose", "onboarding")
    page.get_by_role("button", name="Begin to build").click()
    page.get_by_role("link", name="Choose what begins it").click()
    drawer(page).get_by_label("Begins with the signal").select_option("milestone-reached")
    save(page)

    add(page, "E-mail")
    page.locator("[name='f.to.role']").first.select_option("champion")
    page.get_by_role("textbox", name="Subject").fill("Well done, {{ contact.first_name }}")
    page.get_by_role("textbox", name="Text").fill("<p>Next: {{ milestones.next }}</p>")
    save(page)
    add(page, "Wait")
    page.locator("[name='f.rule.count']").fill("2")
    save(page)
    add(page, "Task")
    page.get_by_role("textbox", name="Task", exact=True).fill("Call {{ account.name }}")
    save(page)
    page.get_by_role("button", name="Add a goal").click()
    page.get_by_role("textbox", name="Goal", exact=True).fill("Activated")
    with page.expect_response("**/filter/row/**"):
        page.locator("[name=fact]").select_option("activated_on")
    page.locator("[name=op]").select_option("is_set")
    save(page)
    expect(page.get_by_text("Nothing wrong")).to_be_visible()

    page.get_by_role("link", name="Test as account").click()
    expect(page.get_by_text("Well done, Kim")).to_be_visible()
    expect(page.get_by_text("Would be sent")).to_be_visible()
    expect(page.get_by_text("Call Northwind")).to_be_visible()
    page.get_by_role("link", name="Build").last.click()
    page.get_by_role("link", name="Publish …").click()
    page.get_by_role("button", name="Publish version 1").click()
    expect(page.get_by_text("runs as version 1")).to_be_visible()

    stage.reach(tenant, "kick-off")
    stage.run(tenant)
    page.reload()
    waits = page.locator("[id^=node-wait]")
    expect(waits.get_by_text("here", exact=True)).to_be_visible()

    page.get_by_role("link", name="Build").first.click()
    step = page.locator("[id^=node-wait]")
    step.locator("summary").click()
    step.get_by_role("button", name="Delete").click()
    expect(page.locator("[id^=node-wait]")).to_have_count(0)
    page.get_by_role("link", name="Publish …").click()
    expect(page.locator("[data-fate=redirected]")).to_contain_text("1")
    expect(page.locator("[data-fate=kept]")).to_contain_text("0")
    page.get_by_role("button", name="Publish version 2").click()
    expect(page.locator("[id^=node-task]").get_by_text("here", exact=True)).to_be_visible()
    with tenant_context(tenant):
        found = Enrollment.objects.get(journey__name="Onboarding")
        assert (found.version, found.node_id.split("-")[0]) == (2, "task")


@pytest.fixture
def three(tenant: Tenant) -> Journey:
    """A journey of a task, a wait and a message in the hub."""
    with tenant_context(tenant):
        journey = journey_create(name="Three", purpose="adoption", actor=ACTOR)
        for kind in ("in_hub_message", "wait", "task"):
            seen = current_draft(journey).revision
            draft_change(
                journey=journey,
                seen=seen,
                change=lambda graph, kind=kind: insert(graph, BEGINNING, kind)[0],  # type: ignore[misc]  # bound now
                words=kind,
                actor=ACTOR,
            )
    return journey


def order(page: Page) -> list[str]:
    """The kinds of the steps from top to bottom, without the beginning."""
    ids = page.locator("[data-builder] [data-row]").evaluate_all("rows => rows.map((row) => row.id)")
    return [each.removeprefix("node-").rsplit("-", 1)[0] for each in ids][1:]


def test_steps_are_moved_by_dragging_by_keyboard_and_undone(page: Page, tenant: Tenant, three: Journey) -> None:
    # A page that scrolls under the pointer would be dragged by another step.
    page.set_viewport_size({"width": 1280, "height": 1400})
    sign_in(page)
    page.goto(f"/t/acme/journeys/{three.pk}/build/")
    assert order(page) == ["task", "wait", "in-hub-message", "exit"]
    with page.expect_navigation():
        page.locator("[id^=node-task]").drag_to(page.locator("[data-gap]").last)
    assert order(page) == ["wait", "in-hub-message", "task", "exit"]
    # The row of the keyboard is the beginning: one on is the wait, which goes down by d.
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("[id^=node-wait]")).to_be_focused()
    with page.expect_navigation():
        page.keyboard.press("d")
    assert order(page) == ["in-hub-message", "wait", "task", "exit"]
    for expected in (["wait", "in-hub-message", "task", "exit"], ["task", "wait", "in-hub-message", "exit"]):
        with page.expect_navigation():
            page.get_by_role("button", name="Undo").click()
        assert order(page) == expected
    with page.expect_navigation():
        page.get_by_role("button", name="Redo").click()
    assert order(page) == ["wait", "in-hub-message", "task", "exit"]


def test_a_step_is_edited_in_a_drawer_by_keyboard_alone(page: Page, tenant: Tenant, three: Journey) -> None:
    sign_in(page)
    page.goto(f"/t/acme/journeys/{three.pk}/build/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(drawer(page)).to_be_visible()
    page.get_by_role("textbox", name="Task", exact=True).focus()
    page.keyboard.type("Say hello")
    page.keyboard.press("Enter")
    expect(page.locator("[id^=node-task]")).to_contain_text("Say hello")


def test_a_drawer_asks_before_it_throws_away_what_was_typed(page: Page, tenant: Tenant, three: Journey) -> None:
    sign_in(page)
    page.goto(f"/t/acme/journeys/{three.pk}/build/")
    page.locator("[id^=node-task] a[data-opens-row]").click()
    field = drawer(page).get_by_role("textbox", name="Task", exact=True)
    field.fill("not saved yet")
    asked: list[str] = []

    def stay(asking: Dialog) -> None:
        asked.append(asking.message)
        asking.dismiss()

    page.once("dialog", stay)
    page.keyboard.press("Escape")
    expect(field).to_have_value("not saved yet")
    page.once("dialog", lambda asking: asking.accept())
    drawer(page).get_by_role("button", name="Close").click()
    expect(drawer(page)).to_have_count(0)
    assert asked == ["Close without saving what you typed?"]

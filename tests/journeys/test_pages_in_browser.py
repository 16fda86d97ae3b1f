"""Journeys, outbox and why in a real browser: both themes, a phone, nothing that axe finds serious."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from hub.accounts.models import Account
from hub.outbox.models import Message
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.models import Journey
from tests.journeys import stage
from tests.world import PASSWORD, make_account, make_contact, make_member, make_tenant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
BAD = ("serious", "critical")
# Where pictures of the pages are kept for whoever wants to look at them.
PICTURES = os.environ.get("TEST_PICTURES", "")


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    tenant = make_tenant("acme")
    make_member(tenant, "admin")
    account = stage.set_up(tenant)
    stage.plan(tenant, account)
    stage.reach(tenant, "kick-off")
    stage.run(tenant)
    stage.reach(tenant, "invite-team")
    stage.tag_expansion(tenant, account, text="wants 20 more seats for the Berlin team")
    stage.run(tenant)
    with tenant_context(tenant):
        for name in ("Blue Harbor", "Fabrikam"):
            make_contact(make_account(name), roles=["champion"])
    stage.decline(tenant, account)
    stage.run(tenant)
    with tenant_context(tenant):
        lost = Message.objects.filter(purpose="save").get()
        Message.objects.filter(pk=lost.pk).update(status="unknown", reason="lease_expired")
    return tenant


def sign_in(page: Page) -> None:
    page.goto("/accounts/login/")
    page.fill("[name=login]", "admin@acme.example")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/t/acme/")


def addresses(tenant: Tenant) -> dict[str, str]:
    with tenant_context(tenant):
        account = Account.objects.get(name="Northwind")
        activation, upsell = (Journey.objects.get(key=key).pk for key in ("activation", "upsell"))
        lost = Message.objects.get(status="unknown").pk
    return {
        "today": "",
        "list": "journeys/",
        "tree": f"journeys/{activation}/",
        "sentences": f"journeys/{upsell}/?mode=sentences",
        "versions": f"journeys/{upsell}/?mode=versions",
        "build": f"journeys/{activation}/build/",
        "add": f"journeys/{activation}/build/add/",
        "step": f"journeys/{activation}/build/step/reached/",
        "case": f"journeys/{activation}/build/step/where/?arm=0",
        "begins": f"journeys/{activation}/build/begins/",
        "test": f"journeys/{activation}/test/?account={account.pk}",
        "publish": f"journeys/{activation}/publish/",
        "settings": f"journeys/{upsell}/settings/",
        "new": "journeys/new/",
        "preview": f"journeys/{upsell}/preview/educate/?account={account.pk}",
        "why": f"journeys/why/{account.pk}/",
        "outbox": "journeys/outbox/",
        "message": f"journeys/outbox/{lost}/",
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_every_page_is_accessible_and_fits(
    page: Page, tenant: Tenant, theme: Literal["light", "dark"], size: str
) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]  # width and height
    sign_in(page)
    found = []
    for name, address in addresses(tenant).items():
        page.goto(f"/t/acme/{address}")
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / f"{name}-{size}-{theme}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > SIZES[size]["width"]:
            found.append(f"{name} is {wide} px wide")
        violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
        found += [f"{name}: {v['id']} {v['nodes'][0]['target']}" for v in violations if v["impact"] in BAD]
    assert found == []


def test_the_preview_shows_the_letter_in_its_frame(page: Page, tenant: Tenant) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    sign_in(page)
    page.goto(f"/t/acme/{addresses(tenant)['preview']}")
    letter = page.frame_locator("iframe")
    expect(letter.get_by_text("how other teams went about it")).to_be_visible()
    button = letter.get_by_role("link", name="See what you use today")
    assert button.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(35, 71, 197)"
    assert problems == []

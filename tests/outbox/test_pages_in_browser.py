"""The pages of sending in a real browser: both themes, a phone, nothing that axe finds serious."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page

from hub.accounts.models import Account, Contact
from hub.outbox.models import MailTemplate, Message, MessageStatus, Stop
from hub.outbox.services import consent_set, sending_stop, unsubscribe_token
from hub.outbox.services.content import snippet_save, template_save
from hub.tenancy.context import tenant_context
from hub.tenancy.ids import uuid7
from hub.tenancy.models import Tenant
from tests.world import ACTOR, PASSWORD, make_account, make_contact, make_member, make_tenant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
BAD = ("serious", "critical")
# Where pictures of the pages are kept for whoever wants to look at them.
PICTURES = os.environ.get("TEST_PICTURES", "")
BODY = (
    '<p>Hello {{ contact.first_name }},</p><p>{{ snippets.bye }}</p><h2><a href="https://x.example/">Read it</a></h2>'
)


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    tenant = make_tenant("acme", brand_color="#ffd400")
    tenant.settings = {"brand": {"footer": "1 Road, Town"}}
    tenant.save()
    make_member(tenant, "admin")
    with tenant_context(tenant):
        account = make_account()
        kim = make_contact(account)
        consent_set(contact=kim, status="granted", source="form", actor=ACTOR, topic="growth")
        consent_set(
            contact=kim, status="denied", source="unsubscribe link", actor=ACTOR, topic="events", note="by phone"
        )
        snippet_save(key="bye", wordings={"": "Bye, Kim"}, actor=ACTOR)
        words = {"": {"subject": "FREE for {{ account.name }}", "body": BODY}, "de": {"subject": "Hallo", "body": BODY}}
        template_save(name="What is new", topic="newsletter", wordings=words, actor=ACTOR)
        now = timezone.now()
        Message.objects.create(
            account=account, contact=kim, key="m", channel="email", message_class="programme", purpose="expansion",
            subject="Ten more seats", body_html=BODY, body_text="Hi", status=MessageStatus.SENT, sent_at=now,
            cause_label="Upsell", topic="growth",
        )  # fmt: skip
        sending_stop(actor=ACTOR, why="The prices are wrong", group_id=uuid7(), label="Upsell")
        figures = {"contacts": 900, "total": 4000, "limit": 400}
        Stop.objects.create(kind="blast", group_id=uuid7(), label="News", began_by="Tandem", figures=figures)
        figures = {"count": 6, "mails": 240, "days": 7}
        Stop.objects.create(kind="bounces", began_by="Tandem", figures=figures)
    return tenant


def addresses(tenant: Tenant) -> dict[str, str]:
    with tenant_context(tenant):
        account, kim = Account.objects.get().pk, Contact.objects.get().pk
        template, message = MailTemplate.objects.get().pk, Message.objects.get().pk
        token = unsubscribe_token(message)
    sending = "/t/acme/set-up/sending/"
    return {
        "rules": sending,
        "topics": f"{sending}topics/",
        "topic": f"{sending}topics/growth/",
        "brand": f"{sending}brand/",
        "templates": f"{sending}templates/",
        "template": f"{sending}templates/{template}/",
        "snippets": f"{sending}snippets/",
        "domain": f"{sending}domain/?domain=acme.example&selector=s1",
        "guards": "/t/acme/journeys/guards/",
        "outbox": "/t/acme/journeys/outbox/",
        "pressure": "/t/acme/journeys/pressure/",
        "account-pressure": f"/t/acme/accounts/{account}/pressure/",
        "consent": f"/t/acme/contacts/{kim}/consent/",
        "person": f"/t/acme/contacts/{kim}/",
        "unsubscribe": f"/u/{token}/",
        "preferences": f"/u/{token}/preferences/",
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_every_page_is_accessible_and_fits(
    page: Page, tenant: Tenant, settings: Any, theme: Literal["light", "dark"], size: str
) -> None:
    settings.SENDING_NAMESERVERS = ["127.0.0.1:1"]
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]  # width and height
    page.goto("/accounts/login/")
    page.fill("[name=login]", "admin@acme.example")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/t/acme/")
    found = []
    for name, address in addresses(tenant).items():
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, name
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / f"{name}-{size}-{theme}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > SIZES[size]["width"]:
            found.append(f"{name} is {wide} px wide")
        violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
        found += [f"{name}: {v['id']} {v['nodes'][0]['target']}" for v in violations if v["impact"] in BAD]
    assert found == []

"""Every page of the demo, in both themes, at a desk and on a phone: accessible by axe, never too wide, without errors.

Pages are found by following links, as people do, and held against the list of addresses: a page that nothing leads
to is found out. Each is loaded once, and looked at in both themes and sizes as it follows the system to them, which
every page does without being loaded anew. TEST_PICTURES=folder keeps a picture of each.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve
from playwright.sync_api import Browser, FilePayload, Page
from standardwebhooks.webhooks import Webhook

from bench.stack import Hub
from hub.people.permissions import ADMIN
from tests.browser.conftest import Enter, fresh_profiles, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]

THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
SIZES = {"desk": (1360, 850), "phone": (390, 844)}
BAD = ("serious", "critical")
RUN_AXE = "axe.run({resultTypes: ['violations']}).then(found => found.violations)"
# A change of colours under way is brought to its end; what never ends, such as a spinner, is left alone.
SETTLE = """() => document.getAnimations()
    .filter(each => each.effect.getComputedTiming().endTime < Infinity).forEach(each => each.finish())"""
PICTURES = os.environ.get("TEST_PICTURES", "")
# What the navigation must offer an admin.
NAVIGATION = [
    "Today",
    "Accounts",
    "Signals",
    "Journeys",
    "QBRs",
    "Advocacy",
    "Metrics",
    "Exports",
    "Imports",
    "Webhooks",
]
# Addresses of staff and customers that are no pages: forms, downloads, the insides of frames.
NO_PAGES = frozenset(
    {
        *("decisions:act", "decisions:do", "decisions:digest", "decisions:plays_install"),
        *("decisions:play_switch", "decisions:play_archive"),
        *("portal:milestone_done", "portal:view_as", "signals:do", "signals:act_do", "signals:bulk_stop"),
        *("signals:mail", "signals:storm_limits", "signals:storm_release", "signals:storm_drop"),
        # The demo has no storm; tests/signals/test_storms.py looks at its page.
        "signals:storm",
        *("signals:trigger_try", "signals:trigger_switch", "signals:trigger_restore"),
        *(
            "work:task_done",
            "work:task_dismiss",
            "work:task_add",
            "work:note_add",
            "work:task_do",
            "plans:milestone_complete",
        ),
        *("work:act", "work:act_do", "work:task_tick", "work:task_file", "work:targets", "work:subscription_change"),
        *("work:playbook_put_away", "work_public:feed", "journeys:ready_use"),
        *("plans:start", "qbr:generate", "qbr:share", "qbr:line_add", "qbr:answer", "qbr:line", "qbr:line_remove"),
        *("qbr:line_tag", "qbr:line_tick", "qbr_hub:comment", "advocacy:decide", "journeys:pause", "journeys:resume"),
        *("journeys:enter", "journeys:enter_many", "journeys:remove", "journeys:intake", "advocacy:resource_archive"),
        *("advocacy_hub:answer", "advocacy_hub:resource"),
        *("journeys:preview_body", "outbox:body", "outbox:settle"),
        *("outbox:consent_word", "outbox:topic_reset", "outbox:rules_set", "outbox:stop", "outbox:stop_decide"),
        *("journeys:experiment_holdout", "journeys:experiment_act"),
        *("journeys:act_within", "journeys:act", "journeys:second_person", "journeys:decide"),
        *("journeys:restore", "journeys:archive"),
        *("outbox:brand_change", "outbox:brand_sample", "outbox:template_body", "outbox:template_test"),
        # Made by hand; tests/outbox/test_content.py looks at it.
        *(
            "outbox:template",
            "outbox:template_gone",
            "outbox:snippet_set",
            "outbox:snippet_gone",
            "outbox:story",
            "outbox:story_gone",
            "outbox:logo",
            "outbox:click",
        ),
        *("imports:settings", "imports:check", "imports:start", "imports:cancel", "imports:undo", "imports:keep"),
        *("imports:quarantine_download", "imports:mend", "imports:mapping_download", "imports:mapping_forget"),
        *("outbound:export_start", "outbound:export_cancel", "outbound:export_file"),
        *("outbound:webhook_rotate", "outbound:webhook_test", "outbound:webhook_switch", "outbound:webhook_remove"),
        *("outbound:delivery_resend", "sources:key_new", "sources:key_revoke", "sources:refused_download"),
        *("sources:connection_renew", "sources:connection_revoke", "sources:call_again", "sources:match"),
        *("sources:reading", "sources:reading_now", "sources:reading_stop"),
        *("sources:writing_change", "sources:writing_now", "sources:writing_try", "imports:kept_download"),
        *("record:attribute_add", "record:rollup", "record:parent", "record:person_merge", "record:person_split"),
        *("record:winning_set", "record:winning_remove", "record:withdraw"),
        *("record:conflict_keep", "record:conflict_let_win"),
        *("record:person_undo", "record:contact_roles", "record:contact_left", "record:contact_returned"),
        *(
            "accounts:filter_row",
            "accounts:filter_group",
            "accounts:bulk_start",
            "accounts:bulk_cancel",
            "accounts:bulk_undo",
            "shell:view_keep",
            "shell:view_forget",
        ),
        *("stages:override", "stages:override_end", "stages:change", "stages:try"),
        *("segments:try", "segments:archive", "metrics:planning_add", "metrics:planning_change"),
        *("metrics:planning_commit", "metrics:planning_tick", "metrics:planning_close"),
        *("health:override", "health:override_end", "health:hand", "health:card_apply", "feedback:theme_reset"),
        *("backtest:start", "backtest:cancel", "backtest:publish"),
        *("prediction:train", "prediction:cancel", "prediction:publish", "prediction:retire"),
        *("revenue:ranks", "revenue:entitlement", "revenue:entitlement_remove", "revenue:rate", "revenue:rate_remove"),
    }
)
# Pages that no link of a well-kept demo leads to.
UNLINKED = {
    "shell:search": "/t/demo/search/?q=a",
    # The list leads there once it is narrowed, and each page is looked at once.
    "shell:view_new": "/t/demo/views/new/?list=accounts&stage=value",
    "metrics:contradictions": "/t/demo/metrics/contradictions/",
    # The list leads there by its form; without accounts it goes back.
    "journeys:choose": "/t/demo/journeys/enter/",
    # The queue leads there once more than one decision waits.
    "decisions:all": "/t/demo/decisions/all/",
    # Data quality leads there from the second day on.
    "metrics:unmatched": "/t/demo/metrics/data-quality/events/",
    "metrics:incomplete": "/t/demo/metrics/data-quality/accounts/",
    "people:home": "/",
}
STAFF_ENTRANCE = ["/accounts/login/", "/accounts/login/code/", "/accounts/password/reset/", "/accounts/logout/"]


@dataclass
class Visit:
    """Where somebody has been: the name of a view (and mode) → its address; and what was wrong there."""

    addresses: dict[str, str]
    faults: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def open_page(browser: Browser, running: Hub) -> Iterator[Enter]:
    with fresh_profiles(browser, running) as opened:
        yield opened


@pytest.fixture(scope="module")
def demo(running: Hub) -> dict[str, Any]:
    """What the demo wrote down for people to sign in with."""
    running.manage("demo", "--accounts=12", "--months=14")
    pages = add_what_a_demo_lacks(running)
    written: dict[str, Any] = json.loads((running.home / "demo.json").read_text())
    return written | {"writing": pages}


# Set up by a key of a CRM, which a test has not.
WRITING = """
from hub.ingest.models import HookDelivery, WriteBack, WriteCall
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
with tenant_context(Tenant.objects.get(slug="demo")):
    writing = WriteBack.objects.create(endpoint_id="{connection}", fields={{"stage": "tandem_stage"}})
    asked = '{{"inputs": [{{"id": "7", "properties": {{"tandem_stage": "value"}}}}]}}'
    call = WriteCall.objects.create(writing=writing, code=200, request=asked, answer='{{"status": "COMPLETE"}}')
    print("call", call.pk)
    print("in", HookDelivery.objects.get().pk)
"""


# Of twelve accounts none may have anything that is worth a decision. Workers run beside, and may be who decides.
DECISION = """
import time
from django.utils import timezone
from hub.accounts.models import Account
from hub.people.audit import command
from hub.registry.handlers import signal_recorded
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.decisions import working
from journeys.decisions.models import Choice
from journeys.decisions.plays import play_create
from signals.models import Signal, Trigger
tenant = Tenant.objects.get(slug="demo")
with tenant_context(tenant):
    stages = sorted(set(Account.objects.exclude(stage="").values_list("stage", flat=True)))
    terms = {
        "action": "task.open", "config": {"title": "Call them", "playbook": "Ask.", "due_business_days": 2},
        "triggers": ["use-case-new"], "stages": stages, "rule": {"all": []}, "purpose": "adoption", "worth": "adoption",
        "worth_percent": None, "prior": [2, 2], "prior_source": "supposed", "autonomy": "ask", "cooldown_days": 30,
        "window_days": 30, "holdout_percent": 0, "success": None,
    }
    play_create(name="Call them", terms=terms, actor=command("pages"))
    trigger = Trigger.objects.get(key="use-case-new")
    for account in Account.objects.order_by("pk"):
        made = Signal.objects.create(
            account=account, trigger=trigger, trigger_version=trigger.version, dedupe_key=f"pages:{account.pk}",
            severity=trigger.severity, sentence="Use grows", occurred_at=timezone.now(),
        )
        signal_recorded(tenant.pk, [made.pk])
for _ in range(100):
    working.drain(tenant.pk)
    with tenant_context(tenant):
        if Choice.objects.filter(status="asked").exists():
            break
    time.sleep(0.3)
else:
    with tenant_context(tenant):
        raise SystemExit(str(list(Choice.objects.values("status", "reason", "verdicts"))))
"""


def set_up_writing(running: Hub, connection: str) -> dict[str, str]:
    """Pages of a connection that writes to a CRM: its settings and the log of a call; and of one that came in.

    Of connections only the first is walked, and the CRM has not called.
    """
    told = running.manage("shell", "--no-imports", "-c", WRITING.format(connection=connection))
    made = dict(line.split() for line in told.splitlines() if line.startswith(("call ", "in ")))
    return {
        "sources:call": f"/t/demo/sources/calls/{made['in']}/",
        "sources:writing": f"/t/demo/sources/connections/{connection}/writing/",
        "sources:write": f"/t/demo/sources/writes/{made['call']}/",
    }


def add_what_a_demo_lacks(running: Hub) -> dict[str, str]:
    """Add, as a program would, an endpoint, a connection, each with a call, an attribute, a view and live events."""
    key = running.manage("create_api_key", "--tenant=demo", "--name=pages").strip()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def send(path: str, body: dict[str, Any], method: str = "POST") -> dict[str, Any]:
        request = Request(f"{running.url}/{path}", json.dumps(body).encode(), headers, method=method)
        with urlopen(request, timeout=30) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    endpoint = send("api/v1/webhooks", {"url": "https://hooks.invalid/in", "kinds": ["signal.recorded"]})
    send(f"api/v1/webhooks/{endpoint['id']}/test", {})
    connection = send("api/v1/connections", {"source": "standard", "options": {"source": "crm"}})
    call = json.dumps(
        {"type": "account.updated", "timestamp": "2026-01-01T00:00:00Z", "data": {"id": "A1", "name": "N"}}
    )
    now = datetime.now(UTC)
    signed = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(connection["secret"]).sign("msg_1", now, call),
    }
    with urlopen(Request(connection["address"], call.encode(), signed), timeout=30) as answer:
        assert answer.status == 200
    send("api/v1/attributes/account/region", {"label": "Region", "kind": "text"}, "PUT")
    send("api/v1/views", {"list": "accounts", "name": "Getting value", "params": {"stage": "value"}})
    shared = {"type": "track", "userId": "u1", "event": "Report Shared", "properties": {"plan": "pro", "seats": 3}}
    send("v1/batch", {"writeKey": key, "batch": [shared, {"type": "track", "userId": "u1"}]})
    crm = send("api/v1/connections", {"source": "hubspot", "secret": "client-secret"})
    running.manage("shell", "--no-imports", "-c", DECISION)
    return set_up_writing(running, crm["id"])


@pytest.fixture(scope="module")
def staff(open_page: Enter, demo: dict[str, Any]) -> Page:
    admin = next(entry for entry in demo["sign_ins"] if entry["role"] == ADMIN)
    page = open_page()
    sign_in(page, admin["email"], admin["password"])
    return page


@pytest.fixture(scope="module")
def changed(staff: Page) -> dict[str, str]:
    """The pages of a change of many accounts and of an act on many signals, and those where they are made."""
    # Another value each time: what an account holds already is no change, and cannot be undone.
    value = f"to.attribute.region={uuid4().hex}"
    new = f"/t/demo/accounts/bulk/new/?all=1&set=attribute.region&{value}&preview=1"
    staff.goto(new)
    staff.get_by_role("button", name="Change 12 accounts").click()
    staff.get_by_role("button", name="Undo on 12 accounts").wait_for(timeout=60_000)
    found = {"accounts:bulk": urlsplit(staff.url).path, "accounts:bulk_new?preview": new}
    acted = "/t/demo/signals/act/?all=1&status=all&whose=all"
    staff.goto(acted)
    staff.get_by_role("button", name="Seen").click()
    staff.wait_for_url("**/signals/acts/**")
    return found | {"signals:bulk": urlsplit(staff.url).path, "signals:act": acted} | looked_back(staff)


def looked_back(staff: Page) -> dict[str, str]:
    """The pages of a back-test and of a model, both through: on so few accounts they say that it is not enough."""
    staff.goto("/t/demo/health/back-tests/")
    staff.get_by_role("button", name="Start a back-test").click()
    staff.get_by_role("heading", name="How well it ranks").wait_for(timeout=90_000)
    run = urlsplit(staff.url).path
    staff.goto("/t/demo/set-up/prediction/")
    staff.get_by_role("button", name="Train").click()
    staff.get_by_text("it takes 20").wait_for(timeout=90_000)
    return {"backtest:run": run, "backtest:losses": f"{run}left/", "prediction:model": urlsplit(staff.url).path}


@pytest.fixture(scope="module")
def customer(open_page: Enter, running: Hub, demo: dict[str, Any]) -> Page:
    page = open_page()
    page.goto(running.manage("create_contact_link", demo["contact"], "--tenant=demo").strip())
    page.get_by_role("button", name="Open my hub").click()
    page.wait_for_url("**/hub/demo/")
    return page


@pytest.fixture(scope="module")
def imports(staff: Page) -> dict[str, str]:
    """Pages of two imports that somebody has begun: one is being set up, one is through and has rows to mend."""
    found = {}
    for step in ("draft", "done"):
        staff.goto("/t/demo/imports/new/")
        rows = b"account_id,company,seats,signup_date\nx1,Import Inc,many,03/04/2024\n"
        staff.set_input_files("#files", [FilePayload(name="accounts.csv", mimeType="text/csv", buffer=rows)])
        staff.locator("main").get_by_role("button", name="Upload").click()
        staff.get_by_text("columns used").wait_for(timeout=90_000)
        address = urlsplit(staff.url).path
        found[f"imports:run?{step}"] = address
        found |= {"imports:file": f"{address}files/0/"} if step == "draft" else {"imports:yaml": f"{address}yaml/"}
        if step == "done":
            staff.get_by_role("button", name="Start the import").click()
            staff.get_by_label("Keep the mapping as").fill("Monthly accounts", timeout=90_000)
            staff.get_by_role("button", name="Keep", exact=True).click()
            found["imports:quarantine"] = f"{address}quarantine/"
    return found


def visited(page: Page, start: str, others: Mapping[str, str] | None = None) -> Visit:
    """Look at every kind of page that links lead to from `start`, at the first address met, and at `others`."""
    # Behind another one a page draws nothing, and its charts keep the width that they had.
    page.bring_to_front()
    visit, waiting, seen = Visit({view_of(start): start}), [start], set()
    while waiting:
        seen.add(address := waiting.pop())
        visit.faults += faults_of(page, address)
        links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
        for link in links:
            parts = urlsplit(link)
            address = parts.path + (f"?{parts.query}" if parts.query else "")
            name = view_of(address)
            if address.startswith(start) and name and name not in visit.addresses and name not in NO_PAGES:
                visit.addresses[name] = address
                waiting.append(address)
    for name, address in (others or {}).items():
        visit.addresses[name] = address
        visit.faults += faults_of(page, address) if address not in seen else []
    return visit


def view_of(address: str) -> str:
    """The name of the view behind an address, with the mode that it asks for; "" when it is none of ours."""
    path, _, query = address.partition("?")
    try:
        name = resolve(path).view_name
    except Resolver404:
        return ""
    mode = next((part for part in query.split("&") if part.startswith("mode=") and part != "mode="), "")
    return f"{name}?{mode}" if mode else name


def pages_of(surface: str) -> set[str]:
    """Names of the views with this guard, without those that are no pages."""
    return {name for name, guard in _views(get_resolver().url_patterns) if guard == surface} - NO_PAGES


def _views(patterns: list[Any], spaces: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    for entry in patterns:
        if isinstance(entry, URLResolver):
            yield from _views(entry.url_patterns, (*spaces, entry.namespace) if entry.namespace else spaces)
        elif isinstance(entry, URLPattern) and entry.name:
            yield ":".join((*spaces, entry.name)), getattr(entry.callback, "surface", "")


def faults_of(page: Page, address: str) -> list[str]:
    """What is wrong with a page: an answer that is none, sideways scrolling, findings of axe."""
    answer = page.goto(address)
    found = [] if answer and answer.status == 200 else [f"{address}: answered {answer and answer.status}"]
    page.evaluate(AXE_SCRIPT)
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            found += [f"{address} ({theme}, {size}): {fault}" for fault in _faults_now(page, width)]
            if PICTURES:
                file = f"{view_of(address).replace(':', '-').replace('?', '-')}-{size}-{theme}.png"
                page.screenshot(path=Path(PICTURES) / file, full_page=True)
    return found


def _faults_now(page: Page, width: int) -> list[str]:
    """Of a page that has axe, once its colours have changed over."""
    page.evaluate(SETTLE)
    violations = [v for v in page.evaluate(RUN_AXE) if v["impact"] in BAD]
    found = [f"{v['id']} {v['nodes'][0]['target']} {v['nodes'][0]['failureSummary']}" for v in violations]
    wide = page.evaluate("document.documentElement.scrollWidth")
    return found + ([f"{wide} px wide"] if wide > width else [])


@pytest.fixture(scope="module")
def of_staff(staff: Page, imports: dict[str, str], changed: dict[str, str], demo: dict[str, Any]) -> Visit:
    return visited(staff, "/t/demo/", UNLINKED | imports | changed | demo["writing"])


@pytest.fixture(scope="module")
def of_customers(customer: Page) -> Visit:
    return visited(customer, "/hub/demo/")


def test_links_lead_to_every_page_of_staff_and_customers(of_staff: Visit, of_customers: Visit, staff: Page) -> None:
    found = {*of_staff.addresses, *of_customers.addresses}
    assert {name.partition("?")[0] for name in found} >= pages_of("staff") | pages_of("hub")
    offered = staff.locator("#main-navigation .shell-link .shell-word").all_text_contents()
    assert [item for item in offered if item in NAVIGATION] == NAVIGATION


def test_staff_pages_are_accessible_and_fit(of_staff: Visit) -> None:
    assert of_staff.faults == []


def test_pages_of_the_customers_hub_are_accessible_and_fit(of_customers: Visit) -> None:
    assert of_customers.faults == []


def test_ways_in_are_accessible_and_fit(open_page: Enter, demo: dict[str, Any]) -> None:
    page = open_page()
    ways = [*STAFF_ENTRANCE, "/hub/demo/sign-in/", "/hub/demo/enter/some-token/"]
    assert [fault for address in ways for fault in faults_of(page, address)] == []


@pytest.mark.parametrize("theme", THEMES)
def test_the_page_after_asking_for_a_link_is_accessible_and_fits(
    open_page: Enter, demo: dict[str, Any], theme: Literal["light", "dark"]
) -> None:
    page = open_page()
    page.emulate_media(color_scheme=theme)
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        page.goto("/hub/demo/sign-in/")
        page.fill("#email", "somebody@example.com")
        page.get_by_role("button", name="Send me a link").click()
        page.get_by_label("Code from the mail").wait_for()
        page.evaluate(AXE_SCRIPT)
        assert _faults_now(page, width) == []

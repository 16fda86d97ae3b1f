"""The whole loop in a browser: what one person does reaches the other, on the product as it runs.

The figures are printed. The promise is 5 s; a machine that is busy with other tests may take longer.
"""

from __future__ import annotations

import time

import psycopg
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from bench.company import CSM, PASSWORD, Company, Customer
from bench.sink import Sink
from bench.stack import Hub
from hub.tenancy.live import CHANNEL
from tests.browser.conftest import Enter, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE = 15.0


@pytest.fixture(scope="module")
def company(running: Hub) -> Company:
    return Company(running, customers=3)


@pytest.fixture
def csm(open_page: Enter, company: Company) -> Page:
    """The CSM with Today open, as it stays open all day."""
    page = open_page()
    sign_in(page, CSM, PASSWORD)
    expect(page.locator("html[data-stream=open]")).to_be_attached()
    return page


def seen_after(since: float, what: Locator) -> float:
    """Seconds from `since` until it shows on the page."""
    expect(what.first).to_be_visible(timeout=PATIENCE * 1000)
    return time.monotonic() - since


def panel(page: Page, key: str, customer: Customer, text: str) -> Locator:
    return page.locator(f"#{key} li").filter(has_text=customer.name).filter(has_text=text)


def say(capsys: pytest.CaptureFixture[str], title: str, **seconds: float) -> None:
    with capsys.disabled():
        print(f"\n{title}: " + ", ".join(f"{name} {took:.2f} s" for name, took in seconds.items()))


def test_a_milestone_done_in_the_hub_reaches_the_mailbox_and_the_csm(
    open_page: Enter, csm: Page, company: Company, sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    kim = company.customers[0]
    contact = open_page()
    contact.goto(company.links([kim])[0])
    contact.get_by_role("button", name="Open my hub").click()
    expect(contact.get_by_role("heading", name="Hello, Kim Park")).to_be_visible()
    expect(contact.locator(".next-step")).to_contain_text("Hold the kick-off")
    contact.get_by_role("link", name="Go", exact=True).click()

    begun = time.monotonic()
    contact.get_by_role("button", name="Mark “Hold the kick-off” as done").click()
    expect(contact.get_by_text("1 of 3 required milestones done")).to_be_visible()
    answered = time.monotonic() - begun
    signal = seen_after(begun, panel(csm, "signals", kim, "Reached the milestone “Hold the kick-off”"))
    journey = seen_after(begun, panel(csm, "decisions", kim, "Activation began"))
    mail = sink.wait_for(kim.email, seconds=PATIENCE)

    assert mail.message["Subject"] == "Done: Hold the kick-off. Next: Invite your team"
    assert mail.message["From"].startswith("Northstar <")
    say(capsys, "milestone", page=answered, signal=signal, journey=journey, mail=mail.at - begun)


def test_a_tagged_line_of_a_qbr_begins_the_upsell(
    open_page: Enter, csm: Page, company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    customer = company.customers[1]
    editor = open_page()
    sign_in(editor, CSM, PASSWORD)
    editor.get_by_role("link", name="QBRs").click()
    editor.get_by_role("button", name="Generate for all accounts").click()
    editor.get_by_role("link", name=customer.name).click()
    block = editor.locator(".qbr-block").filter(has=editor.locator("form.qbr-add")).first
    block.get_by_role("textbox").fill("They want 20 more seats for the Berlin team.")
    block.get_by_role("button", name="Add").click()
    line = editor.locator(".qbr-line").filter(has_text="20 more seats")
    line.get_by_label("Tag this line as a signal").click()

    begun = time.monotonic()
    line.get_by_role("button", name="Expansion").click()
    expect(line.locator(".badge-ui").get_by_text("Expansion", exact=True)).to_be_visible()
    answered = time.monotonic() - begun
    signal = seen_after(begun, panel(csm, "signals", customer, "20 more seats"))
    journey = seen_after(begun, panel(csm, "decisions", customer, "Upsell began"))
    csm.get_by_role("link", name=customer.name).first.click()
    expect(csm.locator("#journeys").get_by_text("Upsell")).to_be_visible()
    say(capsys, "tagged line", page=answered, signal=signal, journey=journey)


def test_a_decline_of_use_begins_the_save_and_gives_the_csm_a_task(
    open_page: Enter, csm: Page, company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    customer = company.customers[2]
    inbox = open_page()
    sign_in(inbox, CSM, PASSWORD)
    inbox.get_by_role("link", name="Signals", exact=True).click()
    company.use_declines(customer)
    # The import is a command that has just ended: what counts is the way from its commit.
    begun = time.monotonic()
    signal = seen_after(begun, panel(csm, "signals", customer, "under the mean of the weeks before"))
    journey = seen_after(begun, panel(csm, "decisions", customer, "Save began"))
    task = seen_after(begun, panel(csm, "tasks", customer, "Find out what has changed"))
    row = inbox.locator("#inbox li").filter(has_text=customer.name).filter(has_text="under the mean")
    expect(row).to_be_visible()
    say(capsys, "decline", signal=signal, journey=journey, task=task)


def test_what_changes_while_the_page_is_being_refreshed_is_shown_too(csm: Page, company: Company) -> None:
    names = iter(["First name", "Second name"])
    with psycopg.connect(company.hub.run()["database_admin_url"], autocommit=True) as connection:

        def rename() -> None:
            connection.execute("UPDATE accounts_account SET name = %s WHERE name NOT LIKE 'Customer%%'", [next(names)])
            connection.execute("SELECT pg_notify(%s, id || ' signals') FROM tenancy_tenant", [CHANNEL])

        late: list[Route] = []

        def answer_late(route: Route) -> None:
            if late:
                route.continue_()
                return
            late.append(route)
            answer = route.fetch()
            rename()
            # Until the word of it has reached the page, which still waits for this answer.
            time.sleep(0.7)
            route.fulfill(response=answer)

        connection.execute("UPDATE accounts_account SET name = 'No name' WHERE name = 'Customer 002'")
        expect(csm.locator("#signals")).to_contain_text("Customer 002")
        csm.route("**/t/*/?whose=*", answer_late)
        rename()
        expect(csm.locator("#signals")).to_contain_text("Second name", timeout=5000)

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hub.accounts.models import Account, AccountExternalId, TimelineEntry
from hub.accounts.services import account_upsert, attribute_define, attributes_set, fields_set_by_hand, timeline_record
from hub.people.audit import Actor
from hub.plans.models import Milestone
from hub.plans.services import plan_create
from hub.revenue.services import contract_line_upsert
from hub.shell.account_list import AccountQuery, AccountRow, accounts_page, asked
from hub.shell.account_list.columns import FACT_SORTS
from hub.shell.paging import cursor_of
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from hub.usage.trends import weekly_trends
from hub.work.services import task_open
from signals.engine import evaluate_batch
from tests.shell.staff import HTMX, staff
from tests.world import ACTOR, make_account, make_contact, make_member

LIST_QUERIES = 14
PAGE_QUERIES = 45


def fill(tenant: Tenant, count: int) -> list[Account]:
    """Accounts with lines, use, tickets' worth of timeline and facts, each a little different."""
    with tenant_context(tenant):
        accounts = [make_account(f"Account {at:03}", domain=f"a{at}.example") for at in range(count)]
        for at, account in enumerate(accounts):
            contract_line_upsert(
                account=account,
                source="test",
                external_id=str(at),
                fields={
                    "mrr_minor": 1000 * (at % 7),
                    "currency": "USD",
                    "starts_on": date(2024, 1, 1),
                    "renews_on": date(2030, 1, 1 + at % 5) if at % 3 else None,
                },
            )
            UsageDaily.objects.create(account=account, day=timezone.localdate() - timedelta(days=9), name="x", count=at)
        while evaluate_batch(tenant):
            pass
    return accounts


SORTS = ["name", "created_at", *FACT_SORTS, "attribute.tone", "attribute.size"]


@pytest.mark.parametrize("sort", [*SORTS, *(f"-{key}" for key in SORTS)])
def test_walking_the_pages_meets_every_account_once_in_order_and_those_without_a_value_last(
    acme: Tenant, sort: str
) -> None:
    accounts = fill(acme, 11)
    with tenant_context(acme):
        for key, kind in (("tone", "text"), ("size", "number")):
            attribute_define(entity="account", key=key, label=key, kind=kind, actor=ACTOR)
        for at, account in enumerate(accounts[:7]):
            attributes_set(account=account, values={"tone": f"t{at % 2}", "size": at % 3}, actor=ACTOR)
        # Nobody has evaluated this one yet: it has no facts.
        make_account("Zz fresh")
        seen, cursor = list[AccountRow](), ""
        while True:
            page = accounts_page(AccountQuery(sort=sort, cursor=cursor), size=3)
            seen += page.rows
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
        assert asked(AccountQuery(sort=sort)).descending is sort.startswith("-")
    assert len({row.id for row in seen}) == len(seen) == 12
    keys = [row.key for row in seen if row.part == 0 and row.key is not None]
    assert keys == sorted(keys, reverse=sort.startswith("-"))
    assert [row.part for row in seen] == sorted(row.part for row in seen)


@pytest.mark.parametrize("sort", ["owner", "-owner"])
@pytest.mark.parametrize("size", [1, 2, 50])
@pytest.mark.parametrize("rule", ["", '{"fact": "country", "op": "eq", "value": "NO"}'])
def test_by_owner_everybody_comes_by_name_with_their_accounts_by_name_and_nobody_last(
    acme: Tenant, sort: str, size: int, rule: str
) -> None:
    with tenant_context(acme):
        people = [make_member(acme, "csm", f"{name}@acme.example").user for name in ("zoe", "abe", "mia", "idle")]
        for at in range(12):
            owner = [*people[:3], None][at % 4]
            make_account(f"Account {at % 5} {at}", owner_id=owner and owner.pk, country="NO" if at % 3 else "SE")
        seen, cursor = list[AccountRow](), ""
        while True:
            page = accounts_page(AccountQuery(sort=sort, cursor=cursor, rule=rule), size=size)
            seen += page.rows
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
        down = sort.startswith("-")
        rows = Account.objects.filter(country="NO") if rule else Account.objects.all()
        named = [(account.owner.email if account.owner else "", account.name.lower()) for account in rows]
    owned, nobodys = [row for row in named if row[0]], [row for row in named if not row[0]]
    expected = sorted(owned, reverse=down) + sorted(nobodys, reverse=down)
    assert [(row.owner, row.name.lower()) for row in seen] == expected


def test_a_cursor_of_an_owner_who_owns_nothing_any_more_goes_on_behind_them(acme: Tenant) -> None:
    with tenant_context(acme):
        abe, mia, zoe = (make_member(acme, "csm", f"{name}@acme.example").user for name in ("abe", "mia", "zoe"))
        for name, owner in (("A", abe), ("M", mia), ("Z", zoe)):
            make_account(name, owner_id=owner.pk)
        page = accounts_page(AccountQuery(sort="owner"), size=2)
        Account.objects.filter(owner=mia).update(owner=None)
        left = accounts_page(AccountQuery(sort="owner", cursor=page.next_cursor or ""), size=5)
        assert [row.name for row in left.rows] == ["Z", "M"]
        for nonsense in (cursor_of(0, "x y", abe.pk), cursor_of(1, 7, abe.pk), cursor_of(2, None, abe.pk)):
            accounts_page(AccountQuery(sort="owner", cursor=nonsense))


def test_the_search_finds_words_and_domains_from_their_start_and_takes_wildcards_as_letters(acme: Tenant) -> None:
    with tenant_context(acme):
        make_account("Blue Harbor", domain="blue.example")
        make_account("100% Juice", domain="juice.example")

        def found(text: str) -> list[str]:
            return [row.name for row in accounts_page(AccountQuery(q=text)).rows]

        assert found("harb") == found("BLUE.ex") == ["Blue Harbor"]
        assert found("arbor") == []
        assert found("100%") == ["100% Juice"]
        assert found("%") == []


def test_filters_stand_in_the_url_and_nonsense_in_them_is_ignored(acme: Tenant) -> None:
    with tenant_context(acme):
        mine = make_member(acme, "csm", "owner@acme.example").user
        make_account("Mine", owner_id=mine.pk)
        make_account("Nobodys")
    client = staff(acme, "leader")
    assert "Nobodys" not in client.get("/t/acme/accounts/", {"owner": str(mine.pk)}).text
    assert "Mine" not in client.get("/t/acme/accounts/?owner=none").text.split("<tbody>")[1]
    page = client.get("/t/acme/accounts/?owner=x&stage=y&sort=z&cursor=!!").text
    assert "Mine" in page
    assert "Nobodys" in page


def test_htmx_gets_the_list_alone(acme: Tenant) -> None:
    fill(acme, 1)
    answer = staff(acme).get("/t/acme/accounts/", headers=HTMX).text
    assert answer.lstrip().startswith('<div id="account-list">')
    assert "Account 000" in answer


def test_the_list_teaches_when_it_is_empty(acme: Tenant) -> None:
    client = staff(acme)
    assert "No accounts yet" in client.get("/t/acme/accounts/").text
    assert "No account matches" in client.get("/t/acme/accounts/?q=zzz").text


@pytest.mark.parametrize("count", [1, 20])
def test_the_list_asks_as_often_for_twenty_accounts_as_for_one(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    fill(acme, count)
    client = staff(acme)
    client.get("/t/acme/accounts/")
    with django_assert_num_queries(LIST_QUERIES):
        client.get("/t/acme/accounts/")


def test_the_account_page_asks_as_often_for_twenty_of_everything_as_for_one(acme: Tenant) -> None:
    (account,) = fill(acme, 1)
    client, asked = staff(acme), list[int]()
    for count in (1, 20):
        with tenant_context(acme):
            for at in range(count):
                make_contact(account, f"kim{at}@a.example")
                timeline_record(account_id=account.pk, kind="note", key=str(at), title="A", occurred_at=timezone.now())
                task_open(account_id=account.pk, title="A", origin_key=str(at))
        client.get(f"/t/acme/accounts/{account.pk}/")
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/t/acme/accounts/{account.pk}/")
        asked.append(len(queries))
    # Every app adds its panel, so the number itself may grow with the apps.
    assert asked[0] == asked[1] <= PAGE_QUERIES


def test_the_list_leads_to_its_export_with_the_filters_set(acme: Tenant) -> None:
    fill(acme, 8)
    page = staff(acme).get("/t/acme/accounts/?stage=adoption&sort=-mrr").text
    assert "/t/acme/exports/?stage=adoption&amp;sort=-mrr&amp;list=accounts" in page
    assert "stage “adoption”" in staff(acme, "admin").get("/t/acme/exports/?stage=adoption&list=accounts").text


def test_the_account_page_of_another_tenant_is_not_there(acme: Tenant, globex: Tenant) -> None:
    (foreign,) = fill(globex, 1)
    assert staff(acme).get(f"/t/acme/accounts/{foreign.pk}/").status_code == 404


def test_the_timeline_pages_and_filters_and_htmx_gets_it_alone(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        for at in range(25):
            timeline_record(
                account_id=account.pk, kind="note", key=str(at), title=f"Entry-{at:02}", occurred_at=timezone.now()
            )
        timeline_record(account_id=account.pk, kind="task", key="t", title="Task-x", occurred_at=timezone.now())
    client, url = staff(acme), f"/t/acme/accounts/{account.pk}/"
    first = client.get(f"{url}?kind=note", headers=HTMX)
    assert first.text.lstrip().startswith("<div")
    assert "<h1" not in first.text
    assert "Task-x" not in first.text
    assert "Entry-24" in first.text
    assert "Entry-04" not in first.text
    (following,) = re.findall(r'href="(\?[^"]*cursor=[^"]*)" rel="next"', first.text)
    second = client.get(url + unescape(following)).text
    assert "Entry-04" in second
    assert "Entry-05" not in second


def test_staff_complete_a_milestone_once_and_a_leader_may_not(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        plan_create(account=account, started_on=timezone.localdate(), actor=ACTOR)
        milestone = Milestone.objects.filter(account=account).order_by("position")[0]
    url = f"/t/acme/milestones/{milestone.pk}/complete/"
    assert staff(acme, "leader").post(url).status_code == 403
    client = staff(acme)
    assert client.get(url).status_code == 405
    answer = client.post(url, headers=HTMX)
    assert "1 of 4 required milestones done" in answer.text
    assert answer["HX-Trigger"] == "record-changed"
    assert client.post(url).status_code == 302
    with tenant_context(acme):
        milestone.refresh_from_db()
        assert milestone.completed_via == "staff"
        assert TimelineEntry.objects.filter(account=account, kind="milestone").count() == 1


def test_weekly_trends_count_complete_weeks_only(acme: Tenant) -> None:
    monday = date(2026, 3, 2)
    with tenant_context(acme):
        account = make_account()
        for day, count in [(monday - timedelta(days=1), 3), (monday - timedelta(days=8), 5), (monday, 100)]:
            UsageDaily.objects.create(account=account, day=day, name="x", count=count)
        assert weekly_trends([account.pk], today=monday + timedelta(days=2), weeks=3) == {account.pk: [0, 5, 3]}


def test_the_search_finds_accounts_and_contacts(acme: Tenant) -> None:
    with tenant_context(acme):
        make_contact(make_account("Blue Harbor"), "kim@harbor.example", name="Kim Larsen")
    client = staff(acme)
    page = client.get("/t/acme/search/?q=lars").text
    assert "Kim Larsen" in page
    assert "Blue Harbor" in client.get("/t/acme/search/?q=harb").text
    assert "Nothing found" in client.get("/t/acme/search/?q=zzz").text


def test_each_line_says_who_gave_what_it_shows(acme: Tenant) -> None:
    with tenant_context(acme):
        attribute_define(entity="account", key="region", label="Region", kind="text", actor=ACTOR)
        owner = make_member(acme, "csm", "owner@acme.example").user
        account = make_account("Northwind", domain="north.example", industry="Retail", attributes={"region": "West"})
        fields_set_by_hand(row=account, values={"owner_id": owner.pk}, actor=Actor("user", label="Kim"))
        AccountExternalId.objects.create(account=account, source="billing", value="b1")
        account_upsert(source="billing", external_id="b1", fields={"domain": "west.example"})
    page = staff(acme, "leader").get("/t/acme/accounts/?columns=owner,attribute.region,mrr_minor").text
    mark = page.split("data-sources")[1].split("</details>")[0]
    lines = [re.sub(r"<[^>]+>", "", line) for line in mark.split("<div>")[1:]]
    assert [re.sub(r", \w+ \d+, \d+:", ":", line) for line in lines] == [
        "test: name, region",
        "billing: domain",
        "by hand, Kim: ownerSources disagree about domain",
    ]


def test_a_line_of_which_no_source_speaks_has_no_mark(acme: Tenant) -> None:
    with tenant_context(acme):
        Account.objects.create(name="Alone")
    assert "data-sources" not in staff(acme).get("/t/acme/accounts/").text


def test_open_conflicts_stand_beside_the_record_for_those_who_keep_it(acme: Tenant) -> None:
    admin, csm = staff(acme, "admin"), staff(acme, "csm")
    assert "open conflicts" not in admin.get("/t/acme/").text
    with tenant_context(acme):
        make_account("Northwind", domain="north.example")
        AccountExternalId.objects.create(account=Account.objects.get(), source="billing", value="b1")
        account_upsert(source="billing", external_id="b1", fields={"domain": "west.example"})
    assert "1 open conflicts between sources" in admin.get("/t/acme/").text
    assert "open conflicts" not in csm.get("/t/acme/").text

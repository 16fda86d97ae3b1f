"""Data quality: the figure and its parts, what accounts lack, and the lists behind them."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.facts import today_of
from hub.accounts.models import Account, AccountFacts, FieldConflict, SourceAlarm
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.models import Tenant, TenantWork
from metrics.quality.counting import backlog, counted, drain, latest_score, look, quality_count, strangers
from metrics.quality.lacking import CHECKS, lacking_page, lacks_of
from metrics.quality.models import QualityDay
from metrics.quality.parts import PARTS, Counts, parts_of, score_of, share
from tests.rest.test_rest import api_of
from tests.shell.staff import staff
from tests.world import make_account, make_contact, make_member

COUNT = st.integers(0, 1000)


@given(COUNT, COUNT)
def test_a_part_is_100_only_when_all_is_good_and_less_is_never_more(bad: int, whole: int) -> None:
    found = share(bad, whole)
    if not whole:
        assert found is None
        return
    assert found is not None
    assert 0 <= found <= 100
    assert (found == 100) == (bad == 0)
    assert (share(bad + 1, whole) or 0) <= found


@given(st.dictionaries(st.sampled_from(PARTS), st.none() | st.integers(0, 100)))
def test_the_figure_lies_between_its_parts(parts: dict[str, int | None]) -> None:
    known = [value for value in parts.values() if value is not None]
    found = score_of(parts)
    assert (found is None) == (not known)
    assert found is None or min(known) <= found <= max(known)


def test_what_could_not_be_counted_in_time_is_not_known_and_hands_its_weight_on() -> None:
    parts = parts_of(Counts(sources=2, alarms=1, events=None, accounts=4, paying=4, incomplete=1))
    assert parts == {"freshness": 50, "matching": None, "agreement": 100, "completeness": 75}
    assert score_of(parts) == 75
    assert Counts.read(Counts(sources=2).stored() | {"gone": 1}) == Counts(sources=2)


def whole(name: str, tenant: Tenant, mrr: int = 100) -> Account:
    """An account that pays and lacks nothing."""
    owner = make_member(tenant, email=f"{name.lower()}@owner.example", password=None).user
    account = make_account(
        name, owner_id=owner.pk, industry="Retail", segment="SMB", seats=5, signed_up_on=date(2025, 1, 1)
    )
    make_contact(account, roles=["champion"])
    AccountFacts.objects.update_or_create(
        account=account, defaults={"mrr_minor": mrr, "renews_on": date(2027, 1, 1), "last_event_on": date(2026, 1, 1)}
    )
    return account


def event(account: Account | None, user: str) -> None:
    """A raw event of today, of an account or of nobody."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT usage_event_partition(%s)", [timezone.now().date()])
        cursor.execute(
            "INSERT INTO usage_event (id, tenant_id, day, account_id, user_key, group_key, kind, name, quantity,"
            " occurred_at, received_at, source, message_id, historical, properties)"
            " VALUES (%s, %s, %s, %s, %s, '', 'track', 'x', 1, now(), now(), 'segment', %s, false, '{}')"
            " ON CONFLICT DO NOTHING",
            [uuid4(), current_tenant_id(), timezone.now().date(), account.pk if account else None, user, str(uuid4())],
        )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("owner", {"owner": None}),
        ("industry", {"industry": ""}),
        ("segment", {"segment": ""}),
        ("seats", {"seats": None}),
        ("signed_up", {"signed_up_on": None}),
        ("renewal", {}),
        ("contact", {}),
        ("champion", {}),
        ("usage", {}),
    ],
)
def test_each_thing_that_an_account_lacks_is_named(acme: Tenant, key: str, change: dict[str, object]) -> None:
    with tenant_context(acme):
        account = whole("One", acme)
        assert lacks_of(account.pk) == []
        if change:
            Account.objects.filter(pk=account.pk).update(**change)
        if key == "renewal":
            AccountFacts.objects.update(renews_on=None)
        if key == "usage":
            AccountFacts.objects.update(last_event_on=None)
        if key == "champion":
            account.contacts.update(roles=[])
        if key == "contact":
            account.contacts.update(status="left", left_on=date(2026, 1, 1))
        expected = ["contact", "champion"] if key == "contact" else [key]
        assert lacks_of(account.pk) == [CHECKS[each] for each in expected]


@pytest.mark.django_db
def test_a_day_is_counted_once_kept_and_counted_anew(acme: Tenant) -> None:
    with tenant_context(acme):
        assert backlog() is None, "nothing to judge without accounts"
        first, second = whole("First", acme), whole("Second", acme, 900)
        free = make_account("Free")
        AccountFacts.objects.update_or_create(account=free, defaults={"mrr_minor": 0})
        Account.objects.filter(pk=second.pk).update(industry="")
        FieldConflict.objects.create(
            account=first, entity="account", field="segment", winner_source="crm", winner_value="a",
            winner_at=timezone.now(), other_source="billing", other_value="b", other_at=timezone.now(),
        )  # fmt: skip
        SourceAlarm.objects.create(kind="key", key="k", label="App", reason="quiet")
        for account, user in ((first, "a"), (first, "b"), (None, "stranger"), (None, "stranger")):
            event(account, user)
        assert backlog() is not None
    look(timezone.now())
    with tenant_context(acme):
        assert TenantWork.objects.filter(queue="quality", next_due_at__lte=timezone.now()).count() == 1
    assert drain(acme.pk) > timezone.now()
    with tenant_context(acme):
        assert backlog() is None
        row = QualityDay.objects.get()
        assert row.counts == counted()[0].stored()
        assert (row.freshness, row.matching, row.agreement, row.completeness) == (0, 50, 66, 50)
        assert row.score == latest_score() == 41
        assert row.lacking == {key: int(key == "industry") for key in CHECKS}
        found = strangers()
        assert found is not None
        assert [(each.user_key, each.events) for each in found] == [("stranger", 2)]
        SourceAlarm.objects.update(cleared_at=timezone.now())
        quality_count(today_of(acme))
        assert QualityDay.objects.get().freshness is None, "no source has delivered"


@pytest.mark.django_db
def test_the_lists_behind_the_parts(acme: Tenant) -> None:
    cache.clear()
    with tenant_context(acme):
        for number, mrr in enumerate((100, 900, 500)):
            Account.objects.filter(pk=whole(f"A{number}", acme, mrr).pk).update(industry="")
        whole("Complete", acme)
        event(None, "stranger-1")
        today = today_of(acme)
        QualityDay.objects.create(day=today - timedelta(days=1), score=70, completeness=70)
        quality_count(today)
        first = lacking_page("", "", size=2)
        assert [row.name for row in first.rows] == ["A1", "A2"]
        assert [row.name for row in lacking_page("", first.next_cursor or "", size=2).rows] == ["A0"]
    client = staff(acme, "leader")
    text = client.get("/t/acme/metrics/data-quality/").text
    assert "Data quality, 90 days" in text
    assert "3 accounts that pay lack something" in text
    listed = client.get("/t/acme/metrics/data-quality/accounts/?lacks=industry").text
    assert "an industry" in listed
    assert "Complete</a>" not in listed
    assert client.get("/t/acme/metrics/data-quality/accounts/?lacks=luck&cursor=nonsense").status_code == 200
    assert "stranger-1" in client.get("/t/acme/metrics/data-quality/events/").text
    with tenant_context(acme):
        account = Account.objects.get(name="A1")
    assert "Has 8 of 9 things" in client.get(f"/t/acme/accounts/{account.pk}/").text
    rows = api_of(acme)("GET", f"data-quality?since={today.isoformat()}").json()["results"]
    assert [row["completeness"] for row in rows] == [25]
    assert api_of(acme)("GET", "data-quality?since=soon").status_code == 400


@pytest.mark.django_db
def test_before_the_first_count_the_page_says_what_will_stand_there(acme: Tenant) -> None:
    assert "Not counted yet" in staff(acme).get("/t/acme/metrics/data-quality/").text


@pytest.mark.django_db
def test_the_list_asks_as_often_for_twenty_accounts_as_for_one(acme: Tenant) -> None:
    client, asked = staff(acme), []
    for count in (1, 20):
        with tenant_context(acme):
            for number in range(count):
                Account.objects.filter(pk=whole(f"B{count}x{number}", acme).pk).update(seats=None)
        client.get("/t/acme/metrics/data-quality/accounts/")
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/t/acme/metrics/data-quality/accounts/").status_code == 200
        asked.append(len(queries))
    assert asked[0] == asked[1] <= 16

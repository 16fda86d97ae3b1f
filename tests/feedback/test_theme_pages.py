"""Themes in Set-up and in Metrics: tried before they are kept, read again after, weighed by who writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.accounts.facts import facts_refresh
from hub.accounts.models import Account, AccountFacts
from hub.feedback import reading
from hub.feedback.models import ReadText, TextTheme
from hub.feedback.services import survey_response_upsert, ticket_upsert
from hub.feedback.text_selectors import theme_weights
from hub.feedback.theme_services import ThemeError, theme_reset, theme_save
from hub.people.models import AuditEvent
from hub.people.services import credential_create
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import ACTOR, make_account, make_member

pytestmark = pytest.mark.django_db
SET_UP, THEMES, TEXTS = "/t/acme/set-up/themes/", "/t/acme/metrics/themes/", "/t/acme/metrics/themes/texts/"


def staff(tenant: Tenant, role: str = "admin") -> Client:
    client = Client()
    client.force_login(make_member(tenant, role, password=None).user)
    return client


def said(account: Account, *subjects: str, ago: int = 1) -> None:
    for subject in subjects:
        ticket_upsert(
            source="test", external_id=f"{account.pk} {subject}", account=account,
            fields={"subject": subject, "opened_at": timezone.now() - timedelta(days=ago)},
        )  # fmt: skip


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        account = make_account()
        said(account, "The robot arm is stuck", "The invoice is terribly wrong", "I love the new dashboard")
    reading.drain(acme.pk)
    return account


def test_a_theme_is_tried_before_it_is_kept(acme: Tenant, account: Account) -> None:
    client = staff(acme)
    given = {"title": "Robots", "phrases": "Robot arm*\nrobots"}
    page = client.post(f"{SET_UP}new/", {**given, "try": "1"}).content.decode()
    assert "1 of the latest 3 texts" in page
    assert "The robot arm is stuck" in page
    assert "The invoice" not in page
    with tenant_context(acme):
        assert not TextTheme.objects.exists()
    assert client.post(f"{SET_UP}new/", given).status_code == 302
    reading.drain(acme.pk)
    with tenant_context(acme):
        row = TextTheme.objects.get()
        assert (row.key, row.phrases) == ("robots", ["robot arm*", "robots"])
        assert ReadText.objects.filter(themes__contains=["robots"]).count() == 1
        assert AuditEvent.objects.filter(action="theme.add", object_id=str(row.pk)).count() == 1


def test_a_shipped_theme_is_changed_put_away_and_put_back(acme: Tenant, account: Account) -> None:
    client = staff(acme)

    def billing() -> int:
        reading.drain(acme.pk)
        with tenant_context(acme):
            return len(ReadText.objects.filter(themes__contains=["billing"]))

    assert billing() == 1
    given = {"title": "Billing", "phrases": "invoice*\ndashboard"}
    assert client.post(f"{SET_UP}billing/", given).status_code == 302
    assert billing() == 2
    assert client.post(f"{SET_UP}billing/", {**given, "is_off": "on"}).status_code == 302
    assert billing() == 0
    assert client.post(f"{SET_UP}billing/reset/").status_code == 302
    assert billing() == 1
    with tenant_context(acme):
        actions = list(AuditEvent.objects.filter(action__in=["theme.change", "theme.reset"]).order_by("id"))
        assert [event.action for event in actions] == ["theme.change", "theme.change", "theme.reset"]


@pytest.mark.parametrize(
    "given",
    [
        {"title": "", "phrases": "robot"},
        {"title": "Robots", "phrases": ""},
        {"title": "Robots", "phrases": "*"},
        {"title": "Robots", "phrases": "(a|b"},
        {"title": "Billing", "phrases": "robot"},
        {"title": "???", "phrases": "robot"},
        {"title": "bug", "phrases": "robot"},
        {"title": "new", "phrases": "robot"},
        {"title": "Robots", "phrases": "x" * 81},
        {"title": "Robots", "phrases": "\n".join(f"robot{n}" for n in range(201))},
    ],
)
def test_what_makes_no_theme_is_refused_with_a_sentence(acme: Tenant, given: dict[str, str]) -> None:
    response = staff(acme).post(f"{SET_UP}new/", given)
    assert response.status_code == 422
    with tenant_context(acme):
        assert not TextTheme.objects.exists()


def test_a_theme_is_added_once(acme: Tenant) -> None:
    with tenant_context(acme):
        theme_save(title="Robots", phrases=["robot"], actor=ACTOR)
        with pytest.raises(ThemeError, match="already"):
            theme_save(title="robots", phrases=["robot"], actor=ACTOR)
        with pytest.raises(ThemeError, match="already"):
            theme_save(title="Robots!", phrases=["robot"], actor=ACTOR)
        with pytest.raises(ThemeError, match="ships"):
            theme_reset(key="robots", actor=ACTOR)


def test_themes_are_weighed_by_the_accounts_that_write(acme: Tenant, account: Account) -> None:
    today = timezone.now().date()
    with tenant_context(acme):
        other = make_account("Other")
        said(other, "An invoice is missing", "The invoice again", "Pages are slow")
        said(other, "An old invoice", ago=40)
        facts_refresh([account.pk, other.pk], today=today)
        AccountFacts.objects.filter(account=account).update(mrr_minor=100_00)
        AccountFacts.objects.filter(account=other).update(mrr_minor=250_00)
    reading.drain(acme.pk)
    with tenant_context(acme):
        weights = {weight.key: weight for weight in theme_weights(today=today, days=30)}
    billing = weights["billing"]
    assert (billing.texts, billing.earlier, billing.accounts, billing.mrr_minor) == (3, 1, 2, 350_00)
    assert billing.negative >= 1
    assert (weights["performance"].accounts, weights["performance"].mrr_minor) == (1, 250_00)
    page = staff(acme, "marketer").get(f"{THEMES}?days=30").content.decode()
    assert page.index("Billing") < page.index("Performance")
    assert "$4,200.00" in page


def test_the_texts_behind_a_theme_are_found_by_filters(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        survey_response_upsert(
            source="test", external_id="1", account=account,
            fields={
                "kind": "nps", "score": 3, "comment": "<script>Die Rechnung ist falsch und nicht gut, invoice",
                "answered_at": timezone.now(),
            },
        )  # fmt: skip
    reading.drain(acme.pk)
    client = staff(acme, "csm")
    everything = client.get(TEXTS).content.decode()
    assert "The robot arm is stuck" in everything
    assert "<script>Die" not in everything
    assert "sentiment is read in English only" in everything
    billing = client.get(f"{TEXTS}?theme=billing").content.decode()
    assert "terribly wrong" in billing
    assert "robot arm" not in billing
    negative = client.get(f"{TEXTS}?theme=billing&feeling=negative&kind=ticket&account={account.pk}").content.decode()
    assert "terribly wrong" in negative
    assert "Rechnung" not in negative
    for odd in ("?theme=%27", "?cursor=x", "?account=x", "?days=9999999", "?kind=%27", "?feeling=x"):
        assert client.get(TEXTS + odd).status_code == 200


def test_a_page_of_texts_goes_on_where_the_last_one_ended(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        said(account, *(f"Bug number {n:03}" for n in range(60)))
    reading.drain(acme.pk)
    client = staff(acme)
    seen: list[str] = []
    url = TEXTS
    for _ in range(3):
        response = client.get(url)
        seen += [one.text.text for one, _ in response.context["rows"]]
        if not response.context["next_cursor"]:
            break
        url = f"{TEXTS}?cursor={response.context['next_cursor']}"
    assert len(seen) == len(set(seen)) == 63


@pytest.mark.parametrize("url", [THEMES, TEXTS, SET_UP])
def test_a_page_takes_as_many_queries_for_one_text_as_for_twenty(acme: Tenant, account: Account, url: str) -> None:
    client = staff(acme)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(url).status_code == 200
        return len(asked)

    queries()
    few = queries()
    with tenant_context(acme):
        said(account, *(f"The invoice {n} crashes" for n in range(20)))
    reading.drain(acme.pk)
    assert queries() == few


def test_the_account_page_says_how_a_text_sounds_and_what_it_is_about(acme: Tenant, account: Account) -> None:
    page = staff(acme).get(f"/t/acme/accounts/{account.pk}/").content.decode()
    assert "All texts with themes and sentiment" in page
    assert "Billing</span>" in page
    assert "Negative</span>" in page


def test_what_was_read_is_told_over_rest(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        _, secret = credential_create(tenant=acme, name="test", actor=ACTOR)

    def asked(query: str) -> list[dict[str, Any]]:
        response = Client().get(f"/api/v1/read-texts{query}", headers={"Authorization": f"Bearer {secret}"})
        assert response.status_code == 200, response.content
        rows: list[dict[str, Any]] = response.json()["results"]
        return rows

    assert len(asked("")) == 3
    [billing] = asked("?theme=billing")
    assert (billing["kind"], billing["feeling"], billing["themes"]) == ("ticket", "negative", ["billing"])
    assert billing["confidence"] == {"billing": 0.6}
    assert asked(f"?theme=none&account={account.pk}") == []
    assert [row["feeling"] for row in asked("?feeling=positive")] == ["positive"]


def test_words_that_often_stand_beside_a_phrase_are_proposed(acme: Tenant, account: Account) -> None:
    with tenant_context(acme):
        said(
            account, *(f"The robot gripper jams {n}" for n in range(8)), *(f"Where is the {n} chart" for n in range(8))
        )
    reading.drain(acme.pk)
    response = staff(acme).post(f"{SET_UP}new/", {"title": "Robots", "phrases": "robot*", "try": "1"})
    assert {"gripper", "jams"} <= set(response.context["beside"])
    assert not {"robot", "the", "chart"} & set(response.context["beside"])

"""Who said what: kept per field, decided by rules, contradictions in a log, decided anew by a worker."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.accounts.models import (
    Account,
    AccountExternalId,
    AttributeValue,
    Contact,
    ContactExternalId,
    DecisionDue,
    FieldConflict,
    SourceRule,
)
from hub.accounts.services import (
    WinningError,
    account_upsert,
    attribute_define,
    attributes_set,
    conflict_keep,
    conflict_let_win,
    contact_left,
    contact_upsert,
    fields_set_by_hand,
    people_link,
    person_merge,
    source_rule_preview,
    source_rule_remove,
    source_rule_set,
    source_withdraw,
)
from hub.accounts.services.deciding import backlog, drain
from hub.accounts.words import HAND, Rule, RuleKind, words_of
from hub.people.audit import Actor
from hub.people.models import AuditEvent
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.rest.test_rest import api_of, check_problem
from tests.shell.staff import staff
from tests.world import ACTOR, make_contact, make_tenant

pytestmark = pytest.mark.django_db
KIM = Actor("user", label="Kim")
DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def acme() -> Tenant:
    return make_tenant()


def both(values: dict[str, Any], *, crm: str = "Retail", billing: str = "Shops", field: str = "industry") -> Account:
    """An account that two sources know: the CRM's word is older than that of the billing."""
    account, _ = account_upsert(source="crm", external_id="1", fields={"name": "Acme", field: crm, **values}, as_of=DAY)
    AccountExternalId.objects.create(account=account, source="billing", value="b1")
    says("billing", "b1", {field: billing}, DAY + timedelta(days=1))
    return fresh(account)


def says(source: str, external_id: str, fields: dict[str, Any], at: datetime | None = None) -> str:
    return account_upsert(source=source, external_id=external_id, fields=fields, as_of=at)[1]


def fresh(account: Account) -> Account:
    found: Account = Account.objects.get(pk=account.pk)
    return found


def the_conflict() -> FieldConflict:
    found: FieldConflict = FieldConflict.objects.get()
    return found


def test_every_field_says_who_gave_it_and_as_of_when(acme: Tenant) -> None:
    with tenant_context(acme):
        account = both({"seats": 12, "signed_up_on": date(2025, 5, 6)})
        said = {
            name: [(w.source, w.value, w.at) for w in words_of(account.words, name)] for name in ("seats", "industry")
        }
        assert said == {
            "seats": [("crm", 12, DAY)],
            "industry": [("billing", "Shops", DAY + timedelta(days=1)), ("crm", "Retail", DAY)],
        }
        assert account.industry == "Shops"
        assert account.signed_up_on == date(2025, 5, 6)


def test_older_word_of_another_source_does_not_win_and_is_kept(acme: Tenant) -> None:
    with tenant_context(acme):
        account = both({})
        assert says("crm", "1", {"industry": "Trade"}, DAY + timedelta(hours=1)) == "unchanged"
        assert fresh(account).industry == "Shops"
        assert the_conflict().other_value == "Trade"
        assert says("crm", "1", {"industry": "Trade"}, DAY + timedelta(days=2)) == "updated"
        assert fresh(account).industry == "Trade"


def test_the_same_word_again_writes_nothing(acme: Tenant) -> None:
    with tenant_context(acme):
        account, _ = account_upsert(source="crm", external_id="1", fields={"name": "Acme", "domain": "a.example"})
        before = fresh(account)
        assert says("crm", "1", {"name": "Acme", "domain": "a.example"}) == "unchanged"
        after = fresh(account)
        assert (after.words, after.updated_at) == (before.words, before.updated_at)
        assert not FieldConflict.objects.exists()


def test_a_conflict_is_one_entry_that_follows_and_closes_by_itself(acme: Tenant) -> None:
    with tenant_context(acme):
        both({})
        opened = the_conflict()
        assert (opened.state, opened.field, opened.winner_source, opened.winner_value, opened.other_value) == (
            "open",
            "industry",
            "billing",
            "Shops",
            "Retail",
        )
        for n in range(3):
            says("crm", "1", {"industry": f"Trade {n}"}, DAY + timedelta(days=2 + n))
        assert the_conflict().pk == opened.pk
        assert the_conflict().winner_value == "Trade 2"
        says("billing", "b1", {"industry": " trade 2 "}, DAY + timedelta(days=9))
        assert (the_conflict().state, the_conflict().closed_at is not None) == ("closed", True)
        says("billing", "b1", {"industry": "Other"}, DAY + timedelta(days=10))
        assert sorted(FieldConflict.objects.values_list("state", flat=True)) == ["closed", "open"]


def test_a_source_that_takes_its_word_back_leaves_the_field_to_the_other(acme: Tenant) -> None:
    with tenant_context(acme):
        account = both({})
        assert says("billing", "b1", {"industry": ""}, DAY + timedelta(days=3)) == "updated"
        assert fresh(account).industry == "Retail"
        assert the_conflict().state == "closed"


@pytest.mark.parametrize(
    ("rule", "stored"),
    [
        ({"kind": "order", "order": ["crm", "billing"]}, "Retail"),
        ({"kind": "order", "order": ["billing", "crm"]}, "Shops"),
        ({"kind": "newest"}, "Shops"),
    ],
)
def test_a_rule_decides_what_is_stored_already_by_a_worker(acme: Tenant, rule: dict[str, Any], stored: str) -> None:
    with tenant_context(acme):
        account = both({})
        source_rule_set(entity="account", field="industry", actor=ACTOR, **rule)
        assert fresh(account).industry == "Shops"
        assert backlog() is not None
    drain(acme.pk)
    with tenant_context(acme):
        assert fresh(account).industry == stored
        assert the_conflict().winner_value == stored
        assert DecisionDue.objects.get().finished_at is not None
        assert backlog() is None


def test_a_rule_holds_for_words_that_come_later(acme: Tenant) -> None:
    with tenant_context(acme):
        account = both({})
        source_rule_set(entity="account", field="", kind="order", order=["crm"], actor=ACTOR)
        assert says("billing", "b1", {"industry": "New"}, DAY + timedelta(days=30)) == "updated"
        assert fresh(account).industry == "Retail"
        assert "crm" in the_conflict().rule


def test_removing_a_rule_goes_back_to_the_newest_word(acme: Tenant) -> None:
    with tenant_context(acme):
        account = both({})
        rule = source_rule_set(entity="account", field="industry", kind="order", order=["crm"], actor=ACTOR)
    drain(acme.pk)
    with tenant_context(acme):
        assert fresh(account).industry == "Retail"
        source_rule_remove(rule=rule, actor=ACTOR)
    drain(acme.pk)
    with tenant_context(acme):
        assert fresh(account).industry == "Shops"
        assert set(AuditEvent.objects.filter(action__startswith="source_rule.").values_list("action", flat=True)) == {
            "source_rule.set",
            "source_rule.remove",
        }


def test_a_preview_counts_what_the_worker_then_changes(acme: Tenant) -> None:
    with tenant_context(acme):
        both({})
        preview = source_rule_preview(entity="account", field="industry", rule=Rule(RuleKind.ORDER, ("crm",)))
        assert (preview.changes, preview.looked_at, preview.complete) == (1, 1, True)
        assert preview.examples == [("Acme", "industry", "Shops", "Retail")]
        assert source_rule_preview(entity="account", field="industry", rule=Rule()).changes == 0
        source_rule_set(entity="account", field="industry", kind="order", order=["crm"], actor=ACTOR)
    drain(acme.pk)
    with tenant_context(acme):
        assert DecisionDue.objects.get().changed == preview.changes


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"field": "shoe_size"}, "no field shoe_size"),
        ({"field": "attributes.nothing"}, "no field"),
        ({"entity": "ticket"}, "accounts and contacts"),
        ({"kind": "loudest"}, "choose how"),
        ({"order": []}, "at least one"),
        ({"order": ["crm", "billing", "crm"]}, "twice"),
        ({"order": ["crm", "nobody"]}, "no source is called nobody"),
        ({"kind": "hand", "hand_days": 0}, "1 to 3650"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(acme: Tenant, wrong: dict[str, Any], said: str) -> None:
    with tenant_context(acme):
        both({})
        with pytest.raises(WinningError, match=said):
            source_rule_set(
                **{"entity": "account", "field": "industry", "kind": "order", "order": ["crm"], **wrong}, actor=ACTOR
            )
        assert not SourceRule.objects.exists()


def test_withdrawing_a_source_stores_the_words_of_others(acme: Tenant) -> None:
    with tenant_context(acme):
        account = both({"domain": "a.example"})
        source_withdraw(source="billing", actor=ACTOR)
        with pytest.raises(WinningError, match="nobody"):
            source_withdraw(source="nobody", actor=ACTOR)
    drain(acme.pk)
    with tenant_context(acme):
        assert (fresh(account).industry, fresh(account).domain) == ("Retail", "a.example")
        assert "billing" not in fresh(account).words
        assert the_conflict().state == "closed"
        source_withdraw(source="crm", actor=ACTOR)
    drain(acme.pk)
    with tenant_context(acme):
        assert (fresh(account).domain, fresh(account).words) == ("a.example", {})


# --- By hand ------------------------------------------------------------------------------------------------------


def test_a_persons_word_is_a_source_with_a_name(acme: Tenant) -> None:
    with tenant_context(acme):
        account = both({})
        assert fields_set_by_hand(row=account, values={"industry": "Fashion"}, actor=KIM) == []
        word = words_of(fresh(account).words, "industry")[0]
        assert (fresh(account).industry, word.source, word.by) == ("Fashion", HAND, "Kim")
        assert the_conflict().state == "settled"


def test_a_persons_word_stays_when_the_rule_says_so_and_ends_with_its_days(acme: Tenant) -> None:
    with tenant_context(acme):
        account = both({})
        source_rule_set(entity="account", field="", kind="hand", hand_days=30, actor=ACTOR)
        fields_set_by_hand(row=account, values={"industry": "Fashion"}, actor=KIM)
        says("crm", "1", {"industry": "Newer"}, timezone.now() + timedelta(minutes=1))
        assert fresh(account).industry == "Fashion"
        assert the_conflict().state == "open"
    drain(acme.pk)
    with tenant_context(acme):
        assert fresh(account).industry == "Fashion"
        row = fresh(account)
        row.words[HAND]["at"] = (timezone.now() - timedelta(days=31)).isoformat()
        row.save(update_fields=["words"])
        SourceRule.objects.update(decided_at=timezone.now() - timedelta(days=1))
        assert (backlog() or timezone.now() + timedelta(1)) <= timezone.now()
    drain(acme.pk)
    with tenant_context(acme):
        assert fresh(account).industry == "Newer"


def test_no_program_speaks_as_a_person(acme: Tenant) -> None:
    with tenant_context(acme):
        account, _ = account_upsert(source=HAND, external_id="1", fields={"name": "Acme", "domain": "x.example"})
        assert {word.source for word in words_of(fresh(account).words, "domain")} == {"by hand (source)"}


def test_keeping_a_value_makes_it_a_persons_word_and_letting_one_win_makes_the_rule(acme: Tenant) -> None:
    with tenant_context(acme):
        account = both({})
        assert conflict_keep(conflict=the_conflict(), source="crm", actor=KIM) == []
        assert (fresh(account).industry, the_conflict().state) == ("Retail", "settled")
        says("billing", "b1", {"industry": "Malls"}, timezone.now() + timedelta(hours=1))
        assert (fresh(account).industry, the_conflict().state) == ("Malls", "open")
        rule = conflict_let_win(conflict=the_conflict(), source="billing", actor=KIM)
        assert rule.order[0] == "billing"
        with pytest.raises(WinningError, match="two"):
            conflict_keep(conflict=the_conflict(), source="nobody", actor=KIM)
        assert conflict_keep(conflict=the_conflict(), source=HAND, actor=KIM) == ["industry"]


@pytest.mark.parametrize("values", [{"name": " "}, {"shoe_size": 1}, {"domain": "x" * 300}, {"seats": -4}])
def test_what_a_person_cannot_set_changes_nothing(acme: Tenant, values: dict[str, Any]) -> None:
    with tenant_context(acme):
        account = both({})
        with pytest.raises(WinningError):
            fields_set_by_hand(row=account, values=values, actor=KIM)
        assert fresh(account).words == account.words


# --- Attributes, contacts, people -----------------------------------------------------------------------------------


def test_typed_attributes_follow_the_rules_and_name_the_winner(acme: Tenant) -> None:
    with tenant_context(acme):
        attribute_define(entity="account", key="region", label="Region", kind="text", actor=ACTOR)
        attribute_define(entity="account", key="size", label="Size", kind="number", actor=ACTOR)
        account = both({"attributes": {"region": "North", "size": "12", "free": "x"}})
        source_rule_set(entity="account", field="attributes.region", kind="order", order=["crm"], actor=ACTOR)
        assert says("billing", "b1", {"attributes": {"region": "South", "size": 12.0}}) == "unchanged"
        value = AttributeValue.objects.get(definition__key="region")
        assert (value.text_value, value.source, fresh(account).attributes["region"]) == ("North", "crm", "North")
        assert not FieldConflict.objects.filter(field="attributes.size").exists()
        source_rule_set(entity="account", field="attributes.region", kind="order", order=["billing"], actor=ACTOR)
    drain(acme.pk)
    with tenant_context(acme):
        value = AttributeValue.objects.get(definition__key="region")
        assert (value.text_value, value.source, fresh(account).attributes["region"]) == ("South", "billing", "South")
        attributes_set(account=account, values={"region": "East"}, source=HAND, actor=KIM)
        assert AttributeValue.objects.get(definition__key="region").text_value == "East"


def test_contacts_keep_words_and_a_merge_of_people_leaves_them(acme: Tenant) -> None:
    with tenant_context(acme):
        account = both({})
        contact, _ = contact_upsert(
            account=account,
            source="crm",
            external_id="c1",
            fields={"email": "kim@a.example", "title": "CTO"},
            as_of=DAY,
        )
        ContactExternalId.objects.create(account=account, contact=contact, source="billing", value="k1")
        contact_upsert(
            account=account, source="billing", external_id="k1", fields={"title": "VP"}, as_of=DAY + timedelta(days=1)
        )
        conflict = FieldConflict.objects.get(contact=contact)
        assert (conflict.field, conflict.winner_value, conflict.other_value) == ("title", "VP", "CTO")
        contact_left(contact=contact, left_on=date(2026, 4, 1), actor=KIM)
        other = make_contact(account, "k@b.example")
        people_link([account.pk])
        before = Contact.objects.get(pk=contact.pk)
        assert words_of(before.words, "status")[0].by == "Kim"
        person_merge(keep=Contact.objects.get(pk=other.pk).person, other=before.person, actor=ACTOR)
        assert Contact.objects.get(pk=contact.pk).words == before.words


# --- Pages, REST ----------------------------------------------------------------------------------------------------


def test_the_pages_show_decide_and_say_what_would_change(acme: Tenant) -> None:
    client, base = staff(acme, "admin"), "/t/acme/set-up"
    assert "No conflict is open" in client.get(f"{base}/conflicts/").content.decode()
    assert "the newest word wins" in client.get(f"{base}/winning-sources/").content.decode()
    with tenant_context(acme):
        account = both({})
        conflict = the_conflict().pk
    page = client.get(f"{base}/conflicts/").content.decode()
    assert "Shops" in page
    assert "Retail" in page
    preview = client.get(
        f"{base}/winning-sources/", {"entity": "account", "field": "industry", "kind": "order", "order": "crm"}
    )
    assert "1 stored value would change" in preview.content.decode()
    bad = client.post(
        f"{base}/winning-sources/set/", {"entity": "account", "field": "x", "kind": "order", "order": "crm\ncrm"}
    )
    assert bad.status_code == 422
    client.post(f"{base}/conflicts/{conflict}/let-win/", {"source": "crm"})
    drain(acme.pk)
    shown = client.get(f"/t/acme/accounts/{account.pk}/").content.decode()
    assert "billing says “Shops”" in shown
    client.post(f"{base}/conflicts/{conflict}/keep/", {"source": "billing"})
    client.post(f"{base}/winning-sources/withdraw/", {"source": "billing"})
    drain(acme.pk)
    with tenant_context(acme):
        assert fresh(account).industry == "Shops"
        assert set(fresh(account).words) == {"crm", HAND}


def test_only_what_was_changed_on_the_page_becomes_a_persons_word(acme: Tenant) -> None:
    with tenant_context(acme):
        account = both({"seats": 12})
    url = f"/t/acme/accounts/{account.pk}/fields/"
    client = staff(acme)
    given = {"name": "Acme", "industry": "Shops", "seats": "15", "domain": "", "country": ""}
    assert client.post(url, given).status_code == 302
    assert client.post(url, {**given, "name": ""}).status_code == 422
    with tenant_context(acme):
        assert fresh(account).seats == 15
        assert set(fresh(account).words[HAND]["said"]) == {"seats"}
        assert words_of(fresh(account).words, "seats")[0].by


@pytest.mark.parametrize(("role", "may"), [("admin", True), ("leader", False), ("csm", False), ("marketer", False)])
def test_only_admins_make_rules_and_everybody_sees_them(acme: Tenant, role: str, may: bool) -> None:
    with tenant_context(acme):
        both({})
    client = staff(acme, role)
    assert client.get("/t/acme/set-up/winning-sources/").status_code == 200
    rule = {"entity": "account", "field": "industry", "kind": "order", "order": "crm"}
    assert client.post("/t/acme/set-up/winning-sources/set/", rule).status_code == (302 if may else 403)
    with tenant_context(acme):
        assert SourceRule.objects.exists() is may


def test_the_log_takes_as_many_queries_for_twenty_as_for_one(acme: Tenant) -> None:
    client = staff(acme)
    counts = []
    for n in (1, 20):
        with tenant_context(acme):
            while FieldConflict.objects.count() < n:
                key = str(uuid4())
                account, _ = account_upsert(source="crm", external_id=key, fields={"name": key, "tier": "a"})
                AccountExternalId.objects.create(account=account, source="billing", value=key)
                says("billing", key, {"tier": "b"})
        client.get("/t/acme/set-up/conflicts/")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get("/t/acme/set-up/conflicts/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_source_alone_costs_no_more_than_its_own_row(acme: Tenant) -> None:
    with tenant_context(acme), CaptureQueriesContext(connection) as queries:
        account_upsert(source="crm", external_id="1", fields={"name": "Acme", "domain": "a.example"})
    assert not [q for q in queries if "sourcerule" in q["sql"] or "fieldconflict" in q["sql"]]


def test_conflicts_over_rest(acme: Tenant) -> None:
    with tenant_context(acme):
        account = both({})
        pk = str(the_conflict().pk)
    api = api_of(acme)
    listed = api("GET", "conflicts?state=open&field=industry").json()["results"]
    assert [(row["id"], row["account"], row["winner_value"]) for row in listed] == [(pk, str(account.pk), "Shops")]
    assert api("GET", f"conflicts/{pk}").json()["other_source"] == "crm"
    assert api("GET", "conflicts?state=closed").json()["results"] == []
    check_problem(api("GET", "conflicts?state=loud"), 400)

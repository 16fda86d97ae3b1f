"""Fields that a tenant adds: typed, kept with their history, found by an index, read by rules."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.attribute_values import COLUMNS, AttributeValueError, plain, read
from hub.accounts.models import Account, AttributeChange, AttributeDefinition, AttributeValue, Contact
from hub.accounts.services import (
    AttributeDefinitionError,
    AttributesError,
    account_upsert,
    attribute_change,
    attribute_define,
    attributes_set,
    attributes_set_many,
)
from hub.registry.facts import known_facts
from hub.rules.compile import Clock
from hub.rules.explain import sentence
from hub.rules.language import RuleError, parse
from hub.rules.reading import read_rule
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_batch
from tests.rest.test_rest import api_of, check_problem
from tests.shell.staff import staff
from tests.world import ACTOR, make_account, make_contact, make_tenant

pytestmark = pytest.mark.django_db

FIELDS: dict[str, tuple[object, object]] = {
    "text": ("North", "South"),
    "number": (12.5, 13),
    "money": (1250, 99),
    "date": ("2026-02-03", "2026-02-04"),
    "boolean": (True, False),
    "choice": ("red", "blue"),
}


def define(kind: str, key: str = "", entity: str = "account") -> AttributeDefinition:
    choices = ["red", "blue"] if kind == "choice" else []
    return attribute_define(
        entity=entity, key=key or f"my_{kind}", label=f"My {kind}", kind=kind, choices=choices, actor=ACTOR
    )


def set_one(account: Account, key: str, value: object) -> list[str]:
    return attributes_set(account=account, values={key: value}, actor=ACTOR)


@pytest.mark.parametrize("kind", FIELDS)
def test_a_value_is_stored_typed_changed_once_and_remembered(acme: Tenant, kind: str) -> None:
    first, second = FIELDS[kind]
    with tenant_context(acme):
        account, key = make_account(), define(kind).key
        assert set_one(account, key, first) == [key]
        assert set_one(account, key, first) == []
        assert set_one(account, key, second) == [key]
        stored = AttributeValue.objects.get()
        assert plain(stored.value) == second
        assert Account.objects.get().attributes == {key: second}
        assert set_one(account, key, None) == [key]
        assert not AttributeValue.objects.exists()
        assert Account.objects.get().attributes == {}
        history = AttributeChange.objects.order_by("at").values_list("before", "after")
        assert [bool(before) for before, _ in history] == [False, True, True]
        assert history[0][1] == history[1][0] != history[1][1] == history[2][0]


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("number", "many"),
        ("number", float("inf")),
        ("number", True),
        ("money", 12.5),
        ("date", "3.2.2026"),
        ("date", "0001-01-01"),
        ("boolean", "perhaps"),
        ("choice", "green"),
        ("text", "x" * 501),
        ("text", ["list"]),
    ],
)
def test_what_does_not_fit_is_refused_whole_and_named(acme: Tenant, kind: str, wrong: object) -> None:
    with tenant_context(acme):
        account, key = make_account(), define(kind).key
        define("text", "other")
        with pytest.raises(AttributesError) as refused:
            attributes_set(account=account, values={"other": "fine", key: wrong, "unknown": 1}, actor=ACTOR)
        assert refused.value.problems.keys() == {key, "unknown"}
        assert not AttributeValue.objects.exists()


@given(st.sampled_from(sorted(FIELDS)), st.none() | st.booleans() | st.floats() | st.text(max_size=40) | st.integers())
def test_reading_never_fails_in_another_way_and_is_stable(kind: str, raw: object) -> None:
    try:
        value = read(kind, raw, ["red", "blue"])
    except AttributeValueError:
        return
    assert read(kind, plain(value), ["red", "blue"]) == value


def test_sources_keep_what_has_no_type_and_what_does_not_fit(acme: Tenant) -> None:
    with tenant_context(acme):
        define("number", "size")
        given = {"name": "A", "attributes": {"size": "12", "color": {"deep": 1}}}
        account, outcome = account_upsert(source="crm", external_id="A", fields=given)
        assert (outcome, account.attributes) == ("created", {"size": 12, "color": {"deep": 1}})
        assert account_upsert(source="crm", external_id="A", fields=given)[1] == "unchanged"
        account_upsert(source="crm", external_id="A", fields={"attributes": {"size": "huge"}})
        assert AttributeValue.objects.get().number_value == 12
        assert AttributeValue.objects.get().source == "crm"


def test_many_at_once_ask_as_often_as_one(acme: Tenant, django_assert_num_queries: Any) -> None:
    with tenant_context(acme):
        define("number", "size")
        accounts = [make_account(f"A{n}") for n in range(21)]
        for some in (accounts[:1], accounts[1:]):
            with connection.execute_wrapper(_counted := _Counter()):
                attributes_set_many([(account, None, {"size": 7}) for account in some], source="import")
            assert _counted.number <= 16
        assert AttributeValue.objects.count() == 21


class _Counter:
    number = 0

    def __call__(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        self.number += 1
        return execute(sql, params, many, context)


def test_rules_read_attributes_and_say_their_names(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        for kind in FIELDS:
            define(kind)
        account, other = make_account(), make_account("Other")
        attributes_set(
            account=account, values={f"my_{kind}": value for kind, (value, _) in FIELDS.items()}, actor=ACTOR
        )
        while evaluate_batch(acme):
            pass
        clock = Clock(timezone.now(), date(2026, 2, 1))
        for kind, (value, _) in FIELDS.items():
            rule = parse({"fact": f"attribute.my_{kind}", "op": "eq", "value": value}, known_facts())
            readings = read_rule(rule, [account.pk, other.pk], clock)
            assert [r.account_id for r in readings if r.holds] == [account.pk], kind
            assert sentence(rule).startswith("My boolean" if kind == "boolean" else f"My {kind} is")
        attribute_change(
            definition=AttributeDefinition.objects.get(key="my_text"), label="Old", archived=True, actor=ACTOR
        )
        parse({"fact": "attribute.my_text", "op": "is_set"}, known_facts())
    with tenant_context(globex), pytest.raises(RuleError, match="unknown fact"):
        parse({"fact": "attribute.my_text", "op": "is_set"}, known_facts())


OTHERS = {"text": "x", "choice": "c", "number": 100.0, "money": 10_000, "date": date(2000, 1, 1), "boolean": False}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_filter_under_row_level_security_uses_its_index(migrator: psycopg.Connection) -> None:
    tenant = make_tenant("acme")
    with tenant_context(tenant):
        accounts = Account.objects.bulk_create([Account(name=f"A{n}") for n in range(1500)])
        definitions = {kind: define(kind) for kind in FIELDS}
        values = {kind: read(kind, FIELDS[kind][0], one.choices) for kind, one in definitions.items()}
        AttributeValue.objects.bulk_create(
            AttributeValue(account=account, definition=definition, **{COLUMNS[kind]: one})
            for kind, definition in definitions.items()
            for account, one in zip(accounts, [values[kind]] * 3 + [OTHERS[kind]] * 1497, strict=True)
        )
    migrator.execute("ANALYZE accounts_attributevalue")
    for kind, definition in definitions.items():
        column = COLUMNS[kind]
        with tenant_context(tenant), connection.cursor() as cursor:
            wanted = AttributeValue.objects.filter(
                definition=definition, contact__isnull=True, **{column: values[kind]}
            )
            sql, params = wanted.values("account_id").query.sql_with_params()
            cursor.execute(f"EXPLAIN {sql}", params)
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert f"attribute_{column}" in plan, plan
        assert column in plan.split("Index Cond")[1].split("\n")[0], plan


def test_definitions_that_cannot_be_are_refused(acme: Tenant) -> None:
    with tenant_context(acme):
        define("text", "region")
        for wrong in (
            {"key": "region"},
            {"key": "Region"},
            {"key": "x; DROP"},
            {"kind": "choice"},
            {"kind": "hope"},
            {"entity": "tenant"},
        ):
            given = {"entity": "account", "key": "fine", "label": "", "kind": "text", **wrong}
            with pytest.raises(AttributeDefinitionError):
                attribute_define(**given, actor=ACTOR)
        assert AttributeDefinition.objects.count() == 1


def test_attributes_over_rest(acme: Tenant, globex: Tenant) -> None:
    api = api_of(acme)
    for entity in ("account", "contact"):
        made = api("PUT", f"attributes/{entity}/score", {"label": "Score", "kind": "number"})
        assert made.status_code == 201, made.content
    assert api("PUT", "attributes/account/score", {"label": "Our score"}).json()["label"] == "Our score"
    check_problem(api("PUT", "attributes/account/score", {"kind": "text"}), 409)
    check_problem(api("PUT", "attributes/account/new", {"label": "x"}), 400)
    check_problem(api("PUT", "attributes/account/new", {"kind": "choice"}), 400)
    assert len(api("GET", "attributes?entity=contact").json()["results"]) == 1
    assert api_of(globex)("GET", "attributes").json()["results"] == []

    for name, score in (("A", 5), ("B", "7.5")):
        api("PUT", f"accounts/by/crm/{name}", {"name": name, "attributes": {"score": score, "free": 1}})
    document = check_problem(api("PUT", "accounts/by/crm/A", {"attributes": {"score": "high"}}), 400)
    assert [entry["pointer"] for entry in document["errors"]] == ["/attributes/score"]
    for query, names in (
        ("attribute.score=5", ["A"]),
        ("attribute.score.gte=5.5", ["B"]),
        ("attribute.score.lte=8", ["A", "B"]),
    ):
        assert [row["name"] for row in api("GET", f"accounts?{query}").json()["results"]] == names
    check_problem(api("GET", "accounts?attribute.nope=1"), 400)
    check_problem(api("GET", "accounts?attribute.score=high"), 400)
    body = {"account": {"source": "crm", "external_id": "A"}, "email": "kim@x.example", "attributes": {"score": 3}}
    assert api("PUT", "contacts/by/crm/K", body).json()["attributes"] == {"score": 3}
    with tenant_context(acme):
        assert AttributeValue.objects.get(contact__isnull=False).contact == Contact.objects.get()


def test_people_define_and_fill_them_on_pages(acme: Tenant) -> None:
    with tenant_context(acme):
        account = make_account()
        make_contact(account)
    admin, csm = staff(acme, "admin"), staff(acme, "csm")
    body = {"entity": "account", "key": "region", "label": "Region", "kind": "choice", "choices": "North\nSouth"}
    assert csm.post("/t/acme/set-up/attributes/add/", body).status_code == 403
    refused = admin.post("/t/acme/set-up/attributes/add/", body | {"key": "Big"})
    assert refused.status_code == 422
    assert "lower-case" in refused.text
    assert admin.post("/t/acme/set-up/attributes/add/", body).status_code == 302
    url = f"/t/acme/accounts/{account.pk}/attributes/"
    assert csm.post(url, {"region": "West"}).status_code == 422
    assert csm.post(url, {"region": "South"}).status_code == 302
    assert "South" in csm.get(f"/t/acme/accounts/{account.pk}/").text
    assert "csm@acme.example" in csm.get(url).text
    with tenant_context(acme):
        definition = AttributeDefinition.objects.get()
    change = {"label": "Area", "choices": "North\nSouth\nEast"}
    admin.post(f"/t/acme/set-up/attributes/{definition.pk}/", change)
    assert "Area" in csm.get("/t/acme/set-up/attributes/").text
    assert admin.post("/t/acme/set-up/roll-up/", {"figures": ["mrr"]}).status_code == 302
    with tenant_context(acme):
        assert Tenant.objects.get(pk=acme.pk).settings["rollup"] == ["mrr"]

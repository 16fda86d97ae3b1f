"""Accounts below accounts: no circle however it is tried, and figures that follow those below."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from django.db import connection
from django.utils import timezone

from hub.accounts.models import Account, AccountFacts, RollupDue
from hub.accounts.selectors import ancestors
from hub.accounts.services import HierarchyError, account_parent_set, facts_touch, rollup_rule_set
from hub.accounts.services.hierarchy import LEVELS, drain
from hub.registry.facts import known_facts
from hub.revenue.services import contract_line_upsert
from hub.rules.compile import Clock
from hub.rules.language import parse
from hub.rules.reading import read_rule
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_batch
from tests.rest.test_rest import api_of, check_problem
from tests.shell.staff import staff
from tests.world import ACTOR, make_account, make_tenant


def put(child: Account, parent: Account | None) -> bool:
    return account_parent_set(account=child, parent=parent, actor=ACTOR)


def settle(tenant: Tenant) -> None:
    """Evaluate and roll up until nothing is left, as workers would."""
    for _ in range(10):
        with tenant_context(tenant):
            while evaluate_batch(tenant):
                pass
            if not RollupDue.objects.exists():
                return
        drain(tenant.pk)
    raise AssertionError("it does not come to rest")


def pay(account: Account, minor: int) -> None:
    contract_line_upsert(
        source="t",
        external_id=account.name,
        account=account,
        fields={"mrr_minor": minor, "starts_on": date(2024, 1, 1)},
    )


def rolled(account: Account) -> tuple[int, int]:
    facts = AccountFacts.objects.get(account=account)
    return facts.rollup_accounts, facts.rollup_mrr_minor


@pytest.mark.django_db
def test_circles_and_too_deep_trees_are_refused(acme: Tenant) -> None:
    with tenant_context(acme):
        chain = [make_account(f"A{n}") for n in range(LEVELS + 1)]
        for child, parent in zip(chain[1:LEVELS], chain, strict=False):
            assert put(child, parent)
            assert not put(child, parent), "once is enough"
        assert ancestors(chain[LEVELS - 1].pk) == [account.pk for account in reversed(chain[: LEVELS - 1])]
        with pytest.raises(HierarchyError, match="below itself"):
            put(chain[0], chain[3])
        with pytest.raises(HierarchyError, match="below itself"):
            put(chain[0], chain[0])
        with pytest.raises(HierarchyError, match="levels deep"):
            put(chain[LEVELS], chain[LEVELS - 1])
        with pytest.raises(HierarchyError, match="levels deep"):
            put(chain[0], chain[LEVELS])
        assert put(chain[1], None)
        assert ancestors(chain[2].pk) == [chain[1].pk]


@pytest.mark.django_db
def test_figures_follow_those_below_at_every_level_and_leave_with_them(acme: Tenant) -> None:
    with tenant_context(acme):
        top, middle, low = (make_account(name) for name in ("Top", "Middle", "Low"))
        put(middle, top)
        put(low, middle)
        for account, minor in ((top, 100), (middle, 20), (low, 3)):
            pay(account, minor)
    settle(acme)
    with tenant_context(acme):
        assert [rolled(account) for account in (top, middle, low)] == [(2, 123), (1, 23), (0, 3)]
        pay(low, 5)
    settle(acme)
    with tenant_context(acme):
        assert rolled(top) == (2, 125)
        put(low, None)
    settle(acme)
    with tenant_context(acme):
        assert [rolled(account) for account in (top, middle, low)] == [(1, 120), (0, 20), (0, 5)]
        rollup_rule_set(tenant=acme, figures=["usage"], actor=ACTOR)
    settle(acme)
    with tenant_context(acme):
        assert rolled(top) == (1, 100), "MRR does not roll up any more"
        rule = parse({"fact": "rollup_accounts", "op": "gte", "value": 1}, known_facts())
        readings = read_rule(rule, [top.pk, low.pk], Clock(now=timezone.now(), today=date(2026, 1, 1)))
        assert {reading.account_id for reading in readings if reading.holds} == {top.pk}


def _now() -> object:
    from django.utils import timezone

    return timezone.now()


@pytest.mark.django_db
def test_an_account_that_somebody_holds_is_counted_when_it_is_free(acme: Tenant) -> None:
    with tenant_context(acme):
        top, low = make_account("Top"), make_account("Low")
        put(low, top)
    settle(acme)
    with tenant_context(acme):
        facts_touch([low.pk])
        assert evaluate_batch(acme) == 1
        assert RollupDue.objects.get().account_id == top.pk
    assert drain(acme.pk) is None
    with tenant_context(acme):
        assert not RollupDue.objects.exists()
        assert evaluate_batch(acme) == 1


@pytest.mark.django_db(transaction=True)
def test_moves_at_the_same_moment_make_no_circle() -> None:
    tenant = make_tenant("acme")
    with tenant_context(tenant):
        accounts = [make_account(f"A{n}") for n in range(4)]
        put(accounts[1], accounts[2])
        put(accounts[3], accounts[0])
    barrier = threading.Barrier(2)
    refused: list[str] = []

    def move(child: Account, parent: Account) -> None:
        try:
            barrier.wait(10)
            with tenant_context(tenant):
                put(child, parent)
        except HierarchyError as error:
            refused.append(str(error))
        finally:
            connection.close()

    # A0 → A1 → A2 and A2 → A3 → A0: each alone is fine, both together close a circle.
    moves = [(accounts[0], accounts[1]), (accounts[2], accounts[3])]
    threads = [threading.Thread(target=move, args=pair) for pair in moves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(refused) == 1, refused
    with tenant_context(tenant):
        for account in accounts:
            assert account.pk not in ancestors(account.pk)


@pytest.mark.django_db
def test_the_tree_over_rest_and_on_the_page(acme: Tenant, globex: Tenant) -> None:
    api = api_of(acme)
    api("PUT", "accounts/by/crm/top", {"name": "Top & Sons"})
    made = api("PUT", "accounts/by/crm/low", {"name": "Low", "parent": {"source": "crm", "external_id": "top"}})
    assert made.status_code == 201, made.content
    top = api("GET", "accounts/by/crm/top").json()
    assert made.json()["parent"] == top["id"]
    assert [row["name"] for row in api("GET", f"accounts?parent={top['id']}").json()["results"]] == ["Low"]
    document = check_problem(api("PUT", "accounts/by/crm/top", {"name": "X", "parent": made.json()["id"]}), 400)
    assert [entry["pointer"] for entry in document["errors"]] == ["/parent"]
    assert api("GET", "accounts/by/crm/top").json()["name"] == "Top & Sons", "nothing of a refused body is kept"
    check_problem(api_of(globex)("PUT", "accounts/by/crm/x", {"parent": top["id"]}), 400)

    client = staff(acme)
    page = client.get(f"/t/acme/accounts/{made.json()['id']}/").text
    assert "Top &amp; Sons" in page
    url = f"/t/acme/accounts/{top['id']}/parent/"
    refused = client.post(url, {"parent": "Low"}, follow=True).text
    assert "below itself" in refused
    assert "there is no account called" in client.post(url, {"parent": "Nowhere"}, follow=True).text
    client.post(f"/t/acme/accounts/{made.json()['id']}/parent/", {"parent": ""})
    assert api("GET", "accounts/by/crm/low").json()["parent"] is None

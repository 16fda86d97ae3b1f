"""What Stripe's products are called: the lines of subscriptions show the name of now, in any order of the calls."""

from __future__ import annotations

from typing import Any

import pytest

from hub.ingest.connectors import renaming
from hub.ingest.connectors.work import backlog
from hub.ingest.models import HookEndpoint, SourceReference
from hub.revenue.models import ContractLine
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.ingest.hooks import apply, send, states, stripe_event, take
from tests.ingest.test_connectors import CUSTOMER, FEB, JAN, MAR, make, subscription

pytestmark = pytest.mark.django_db(transaction=True)


def product(name: str, at: int = JAN, pk: str = "prod_1", kind: str = "updated") -> Any:
    return stripe_event(f"product.{kind}", {"id": pk, "object": "product", "name": name}, at=at)


def holding(at: int, product: Any = "prod_1", pk: str = "sub_1", **more: Any) -> Any:
    event = subscription(at, price={"product": product}, id=pk, **more)
    event["data"]["object"]["items"]["data"][0]["id"] = f"si_{pk}"
    return event


@pytest.fixture
def stripe(acme: Tenant) -> HookEndpoint:
    to = make(acme, "stripe", makes_accounts=True)
    take(acme, to, stripe_event("customer.created", CUSTOMER, at=JAN))
    return to


def names(tenant: Tenant) -> list[str]:
    with tenant_context(tenant):
        return list(ContractLine.objects.order_by("external_id").values_list("product", flat=True))


def test_a_product_that_is_named_later_names_the_lines_that_are_there(acme: Tenant, stripe: HookEndpoint) -> None:
    take(acme, stripe, holding(JAN), holding(FEB, quantity=8), holding(JAN, pk="sub_2"))
    assert names(acme) == ["prod_1"] * 3
    calls = take(acme, stripe, product("Platform"))
    assert names(acme) == ["Platform"] * 3
    assert set(states(calls)) == {"applied"}
    # A name of before that comes late changes nothing, a newer one does.
    take(acme, stripe, product("Platform Pro", MAR), product("Old platform", JAN - 60))
    assert names(acme) == ["Platform Pro"] * 3


def test_a_product_that_is_known_already_names_what_comes(acme: Tenant, stripe: HookEndpoint) -> None:
    take(acme, stripe, product("Platform", kind="created"), holding(JAN))
    assert names(acme) == ["Platform"]


def test_a_product_that_comes_along_with_a_subscription_names_others_too(acme: Tenant, stripe: HookEndpoint) -> None:
    take(acme, stripe, holding(JAN), holding(FEB, {"id": "prod_1", "name": "Platform"}, pk="sub_2"))
    assert names(acme) == ["Platform", "Platform"]
    take(acme, stripe, product("Older", JAN))
    assert names(acme) == ["Platform", "Platform"]


def test_another_products_name_is_nobody_elses(acme: Tenant, stripe: HookEndpoint) -> None:
    take(acme, stripe, holding(JAN), product("Add-on", pk="prod_2"))
    assert names(acme) == ["prod_1"]
    with tenant_context(acme):
        assert not SourceReference.objects.filter(due=True).exists()


def test_a_product_that_is_deleted_takes_no_name_away(acme: Tenant, stripe: HookEndpoint) -> None:
    call = take(acme, stripe, holding(JAN), product("Platform"), product("Platform", FEB, kind="deleted"))[-1]
    assert call.state == "nothing"
    assert names(acme) == ["Platform"]


def test_many_lines_follow_some_at_a_time(acme: Tenant, stripe: HookEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    take(acme, stripe, *(holding(JAN, pk=f"sub_{number}") for number in range(5)))
    monkeypatch.setattr(renaming, "AT_ONCE", 2)
    assert send(acme, stripe, product("Platform")).status_code == 200
    for named in (2, 4, 5):
        apply(acme)
        assert names(acme).count("Platform") == named
        with tenant_context(acme):
            # Whoever wakes next goes on with the rest.
            assert (backlog() is not None) == (named < 5)

"""Bodies that cannot be stored are refused, and two who bring the same row make one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import Client

from hub.accounts.models import Account, Contact
from hub.people.services import credential_create
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import ACTOR, make_account


@pytest.fixture
def key(acme: Tenant) -> str:
    cache.clear()
    return credential_create(tenant=acme, name="sync", actor=ACTOR)[1]


def put(key: str, path: str, body: bytes | dict[str, object]) -> int:
    answer = Client().put(
        f"/api/v1/{path}", body, content_type="application/json", headers={"authorization": f"Bearer {key}"}
    )
    return answer.status_code


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        b'{"attributes": {"a": "\\u0000"}}',
        b'{"attributes": {"a\\u0000": "b"}}',
        b'{"attributes": {"a": ["\\ud800"]}}',
        b'{"name": ' + b"[" * 20_000,
        b"[" * 100_000,
        b'{"attributes": {"a": ' + b"[" * 400 + b"]" * 400 + b"}}",
    ],
    ids=["nul", "nul in a name", "half a character", "deep", "deeper", "deep and closed"],
)
def test_a_body_that_cannot_be_stored_is_refused(key: str, body: bytes) -> None:
    assert put(key, "accounts/by/crm/a-1", body) in (200, 201, 400)
    assert put(key, "accounts/by/crm/a-1", {"name": "Fine"}) in (200, 201)


@pytest.mark.django_db
def test_a_body_beyond_the_limit_is_too_large(key: str) -> None:
    assert put(key, "accounts/by/crm/a-1", b'{"name": "' + b"x" * 3_000_000 + b'"}') == 413


@pytest.mark.django_db
@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_month_beyond_all_calendars_is_refused(key: str, day: str) -> None:
    answer = Client().get(f"/api/v1/metrics/nrr?as_of={day}", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 400


def at_once(call: object, times: int = 8) -> list[int]:
    def closing(number: int) -> int:
        try:
            return call(number)  # type: ignore[operator,no-any-return]  # a function of the test
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(closing, range(times)))


@pytest.mark.django_db(transaction=True)
def test_many_who_bring_the_same_account_at_once_make_one(acme: Tenant, key: str) -> None:
    for round_ in range(3):
        statuses = at_once(lambda n, r=round_: put(key, f"accounts/by/crm/new-{r}", {"name": f"Name {n}"}))
        assert sorted(set(statuses)) in ([200, 201], [201])
        assert statuses.count(201) == 1
    with tenant_context(acme):
        assert Account.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_many_who_bring_the_same_contact_at_once_make_one(acme: Tenant, key: str) -> None:
    with tenant_context(acme):
        account = make_account()
    body: dict[str, object] = {"account": str(account.pk), "email": "kim@northwind.example"}
    statuses = at_once(lambda n: put(key, f"contacts/by/crm/k-{n}", body | {"name": f"Kim {n}"}))
    assert set(statuses) <= {200, 201}
    with tenant_context(acme):
        assert Contact.objects.count() == 1

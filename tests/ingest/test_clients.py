"""Unmodified clients against the running server, over the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import rudderstack.analytics.client as rudder
import segment.analytics.client as segment
from django.db import connection
from pytest_django.live_server_helper import LiveServer

from hub.accounts.models import Account, Contact
from hub.ingest.following import drain
from hub.people.services import credential_create
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from tests.world import ACTOR

pytestmark = pytest.mark.django_db(transaction=True)

CLIENTS = {
    "segment": lambda key, url, on_error: segment.Client(key, host=url, on_error=on_error, gzip=False),
    "segment, gzip": lambda key, url, on_error: segment.Client(key, host=url, on_error=on_error, gzip=True),
    "segment, sync": lambda key, url, on_error: segment.Client(key, host=url, on_error=on_error, sync_mode=True),
    "rudderstack": lambda key, url, on_error: rudder.Client(key, host=url, on_error=on_error),
}


@pytest.fixture
def key(acme: Tenant) -> str:
    return credential_create(tenant=acme, name="product", actor=ACTOR)[1]


@pytest.mark.slow
@pytest.mark.parametrize("client_of", CLIENTS.values(), ids=CLIENTS.keys())
def test_an_unmodified_client_delivers_everything(
    acme: Tenant, key: str, live_server: LiveServer, client_of: Callable[..., Any]
) -> None:
    errors: list[object] = []
    client = client_of(key, live_server.url, lambda error, items: errors.append(error))
    client.identify("u1", {"email": "kim@northwind.example", "name": "Kim"})
    client.group("u1", "northwind", {"name": "Northwind"})
    for number in range(60):
        client.track("u1", "Report Opened", {"number": number})
    client.page("u1", "Docs", "Start")
    client.screen("u1", "Phone", "Home")
    client.alias("visitor", "u1")
    if client.consumers:  # a synchronous client has sent everything by now
        client.flush()
        client.join()
    assert errors == []
    drain(acme.id)
    with tenant_context(acme):
        assert Account.objects.get().name == "Northwind"
        assert Contact.objects.get().email == "kim@northwind.example"
        assert sum(UsageDaily.objects.values_list("count", flat=True)) == 60
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*), count(account_id) FROM usage_event WHERE tenant_id = %s", [acme.id])
            assert cursor.fetchone() == (65, 65)


def test_a_client_with_a_wrong_key_hears_why(acme: Tenant, live_server: LiveServer) -> None:
    errors: list[Exception] = []
    client = segment.Client("wk_WRONG", host=live_server.url, on_error=lambda error, items: errors.append(error))
    client.track("u1", "Report Opened")
    client.flush()
    client.join()
    assert [(error.status, error.code) for error in errors] == [(401, "bad_key")]  # type: ignore[attr-defined]  # untyped client

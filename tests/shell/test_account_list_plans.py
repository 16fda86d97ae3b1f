"""Orders and searches of the accounts list find their index under row level security, as the app's role.

Tables of a test are small and never analysed, so reading and sorting them whole is made dear for the orders. Whether an
index may answer a condition under row level security is a matter of its operator, which must be leakproof: that is read
from the catalogue. `make bench ONLY=pages` looks at all those plans on 100,000 accounts, with nothing switched.
"""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection

from bench.large import SMALL_TABLES, plan_nodes
from hub.accounts.services import attribute_define, attributes_set
from hub.shell.account_list import AccountQuery, accounts_page
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_batch
from tests.world import ACTOR, make_account

ORDERS = {
    "name": "account_list_name",
    "owner": "account_list_owner",
    "stage": "account_list_stage",
    "signed_up_on": "account_list_signed_up",
    "created_at": "accounts_account_pkey",
    "mrr_minor": "account_list_mrr",
    "renews_on": "account_list_renewal",
    "usage_30d": "account_list_usage",
    "last_event_on": "account_list_last_use",
    "attribute.size": "attribute_number_value",
}
# What searches and rules compare, by the type of the column.
COMPARED = {
    "text": ("=", ">=", "<"),
    "uuid": ("=", ">", "<"),
    "int8": ("=", "<", "<=", ">", ">="),
    "float8": ("=", "<", "<=", ">", ">="),
    "date": ("=", "<", "<=", ">", ">="),
    "bool": ("=",),
}


@pytest.mark.slow
def test_every_order_walks_its_index_in_both_directions(acme: Tenant) -> None:
    with tenant_context(acme):
        attribute_define(entity="account", key="size", label="Size", kind="number", actor=ACTOR)
        for at in range(30):
            attributes_set(account=make_account(f"Tree {at}"), values={"size": at}, actor=ACTOR)
        while evaluate_batch(acme):
            pass
        with connection.cursor() as cursor:
            for switch in ("seqscan", "sort", "incremental_sort", "hashjoin", "mergejoin"):
                cursor.execute(f"SET LOCAL enable_{switch} = off")
        for sort, index in ORDERS.items():
            for query in (AccountQuery(sort=sort), AccountQuery(sort=f"-{sort}")):
                nodes = plan_nodes(lambda query=query: accounts_page(query))  # type: ignore[misc]  # bound at once
                assert index in {node.get("Index Name") for node in nodes}, query
                read = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
                assert not {table for table in read - SMALL_TABLES if table.startswith("accounts_")}, query


@pytest.mark.parametrize(("kind", "operators"), COMPARED.items(), ids=lambda value: str(value)[:20])
def test_what_searches_compare_may_be_answered_by_an_index_under_row_level_security(
    migrator: psycopg.Connection, kind: str, operators: tuple[str, ...]
) -> None:
    found = migrator.execute(
        "SELECT o.oprname, p.proleakproof FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode"
        " WHERE o.oprleft = %s::regtype AND o.oprright = %s::regtype AND o.oprname = ANY(%s)",
        [kind, kind, list(operators)],
    ).fetchall()
    assert dict(found) == dict.fromkeys(operators, True)

"""A large tenant, written by SQL inside a hub: accounts with everything that pages about them read.

Columns that are not named here take their models' defaults, so that a field more does not break the fixture.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from django.db import connection, models
from django.utils import timezone

from hub.accounts.facts import today_of
from hub.accounts.models import (
    Account,
    AccountFacts,
    AccountState,
    AttributeDefinition,
    AttributeValue,
    Contact,
    TimelineEntry,
)
from hub.accounts.services import attribute_define
from hub.people.audit import command
from hub.people.models import User
from hub.revenue.models import ContractLine, MonthClose
from hub.revenue.services import months_refresh, retention
from hub.shell.account_list import AccountQuery, accounts_page
from hub.shell.paging import cursor_of
from hub.tenancy.context import current_tenant_id, tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from signals.models import DayClose, Signal, Trigger

PIECE = 5_000
LONG_TIMELINE = 10_000

WORDS = "(ARRAY['Alder', 'Birch', 'Cobalt', 'Delta', 'Ember', 'Fjord', 'Granite', 'Harbor'])[1 + mod(n, 8)]"
TRADES = "(ARRAY['Works', 'Foods', 'Energy', 'Bank', 'Clinics'])[1 + mod(n, 5)]"
# A number of an account's own that looks like chance, and is the same in every run.
CHANCE = "mod(('x' || substr(md5(a.name), 1, 7))::bit(28)::int, 10007)"


def insert(model: type[models.Model], source: str, values: dict[str, Any], /, **columns: str) -> None:
    """INSERT … SELECT of `columns` (field → SQL) and the model's defaults, for every row of `source`."""
    values = dict(values)
    named = {"id": "uuidv7()", "tenant_id": "%(tenant)s", **columns}
    for field in model._meta.local_concrete_fields:
        # A database default needs no value of ours.
        if field.column and field.column not in named and not field.null and not field.has_db_default():
            stamped = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
            default = timezone.now() if stamped else field.get_default()
            values[f"default_{field.column}"] = field.get_db_prep_save("" if default is None else default, connection)
            named[field.column] = f"%(default_{field.column})s"
    names = ", ".join(f'"{name}"' for name in named)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({names}) SELECT {', '.join(named.values())} FROM {source}"
            " ON CONFLICT DO NOTHING",
            values,
        )


def fill(slug: str, csm: str, accounts: int) -> None:
    """Accounts with facts, people, a line each, timelines, signals and an attribute; every one of them evaluated."""
    tenant = Tenant.objects.get(slug=slug)
    with tenant_context(tenant):
        attribute_define(entity="account", key="score", label="Score", kind="number", actor=command("bench"))
        # Days and months that end are counted for everybody; here that would be measured along.
        now = timezone.now()
        DayClose.objects.create(day=today_of(tenant), done_at=now)
        months = {date(year, month, 1) for year in (now.year - 1, now.year) for month in range(1, 13)}
        MonthClose.objects.bulk_create([MonthClose(month=month, closed_at=now) for month in months])
    for first in range(0, accounts, PIECE):
        with tenant_context(tenant):
            _piece(tenant, csm, first, min(first + PIECE, accounts) - 1)


def _piece(tenant: Tenant, csm: str, first: int, last: int) -> None:
    """Some accounts, numbered from `first` to `last`, with all that belongs to them."""
    values: dict[str, Any] = {
        "tenant": tenant.pk,
        "csm": User.objects.get(email=csm).pk,
        "today": today_of(tenant),
        "trigger": Trigger.objects.get(key="usage-decline").pk,
        "score": AttributeDefinition.objects.get(key="score").pk,
        "first": first,
        "last": last,
        "long": LONG_TIMELINE,
    }
    _accounts(values)
    values["ids"] = list(Account.objects.order_by("-pk").values_list("pk", flat=True)[: last - first + 1])
    for write in (_states, _facts, _contacts, _timelines, _lines, _attributes, _signals):
        write(values)


# The accounts of a piece, with their chance.
THESE = f"(SELECT a.*, {CHANCE} AS x FROM accounts_account a WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s)) a"


def _accounts(values: dict[str, Any]) -> None:
    insert(
        Account,
        "generate_series(%(first)s, %(last)s) n",
        values,
        name=f"{WORDS} || ' ' || {TRADES} || ' ' || lpad(n::text, 6, '0')",
        domain="'c' || n || '.example'",
        country="(ARRAY['NO', 'SE', 'DE', 'US'])[1 + mod(n, 4)]",
        signed_up_on="date '2022-01-01' + mod(n, 1400)",
        stage="CASE WHEN mod(n, 200) = 0 THEN 'renewal' ELSE (ARRAY['adoption', 'value'])[1 + mod(n, 2)] END",
        owner_id="CASE WHEN mod(n, 100) = 7 THEN %(csm)s::uuid END",
    )


def _states(values: dict[str, Any]) -> None:
    insert(AccountState, THESE, values, account_id="a.id", fact_version="1", evaluated_version="1")


def _facts(values: dict[str, Any]) -> None:
    insert(
        AccountFacts,
        THESE,
        values,
        account_id="a.id",
        as_of="%(today)s",
        computed_at="now()",
        usage_last_week="x * 3",
        usage_drop_pct="mod(x * 7, 101)",
        usage_30d="x * 13",
        features_30d="mod(x, 12)",
        last_event_on="CASE WHEN mod(x, 10) > 0 THEN %(today)s - mod(x, 60) END",
        mrr_minor="mod(x * 977, 900000)",
        renews_on="CASE WHEN mod(x, 3) > 0 THEN %(today)s + mod(x, 400) END",
        open_tickets="mod(x, 4)",
        nps_latest="CASE WHEN mod(x, 2) > 0 THEN mod(x, 11) END",
    )


def _contacts(values: dict[str, Any]) -> None:
    people = f"{THESE} CROSS JOIN generate_series(1, 3) n"
    mail = "'p' || n || '@' || a.domain"
    insert(Contact, people, values, account_id="a.id", email=mail, name="'Person ' || n", roles="ARRAY['user']")


def _timelines(values: dict[str, Any]) -> None:
    """Entries seven hours apart; the first account has a very long one."""
    many = "LATERAL generate_series(1, CASE WHEN a.name LIKE '%% 000000' THEN %(long)s ELSE 5 END) n"
    insert(
        TimelineEntry,
        f"{THESE} CROSS JOIN {many}",
        values,
        account_id="a.id",
        occurred_at="now() - n * interval '7 hours'",
        kind="(ARRAY['note', 'ticket', 'task'])[1 + mod(n, 3)]",
        key="a.id || ':' || n",
        title="'Entry ' || n",
        source="'bench'",
    )


def _lines(values: dict[str, Any]) -> None:
    insert(
        ContractLine,
        THESE,
        values,
        account_id="a.id",
        source="'bench'",
        external_id="a.name",
        mrr_minor="mod(x * 977, 900000)",
        currency="'USD'",
        starts_on="a.signed_up_on",
    )


def _attributes(values: dict[str, Any]) -> None:
    insert(
        AttributeValue,
        f"{THESE} WHERE a.signed_up_on > date '2023-01-01'",
        values,
        account_id="a.id",
        definition_id="%(score)s",
        number_value="mod(x, 1000)",
    )


def _signals(values: dict[str, Any]) -> None:
    insert(
        Signal,
        f"{THESE} WHERE mod(x, 10) = 7",
        values,
        account_id="a.id",
        trigger_id="%(trigger)s",
        trigger_version="1",
        dedupe_key="a.id::text",
        severity="'warning'",
        sentence="'Fewer uses than usual'",
        occurred_at="now()",
    )


def months(slug: str) -> None:
    """Months and movements of every account, and the sums that the dashboard reads."""
    tenant = Tenant.objects.get(slug=slug)
    with tenant_context(tenant):
        ids, through = list(Account.objects.values_list("pk", flat=True)), today_of(tenant)
    for first in range(0, len(ids), PIECE):
        with tenant_context(tenant):
            months_refresh(ids[first : first + PIECE], through=through)
    retention.drain(tenant.pk)


def use(slug: str, days: int, names: int) -> int:
    """Rollups of use: `names` features on `days` days of the last 300, for every account; the rows there are then."""
    tenant = Tenant.objects.get(slug=slug)
    with tenant_context(tenant):
        ids = list(Account.objects.order_by("pk").values_list("pk", flat=True))
    for first in range(0, len(ids), PIECE):
        with tenant_context(tenant):
            values = {"tenant": tenant.pk, "ids": ids[first : first + PIECE], "step": 300 // days, "names": names}
            insert(
                UsageDaily,
                "unnest(%(ids)s::uuid[]) a CROSS JOIN generate_series(1, 300, %(step)s) d"
                " CROSS JOIN generate_series(1, %(names)s) f",
                values,
                account_id="a",
                day="current_date - d",
                name="'Feature ' || f",
                count="1 + mod(d * 7 + f, 40)",
            )
    return len(ids) * days * names


# What a page of the accounts list may be asked for, by name; `LAST` stands for the cursor of the last page.
RULE = json.dumps(
    {
        "all": [
            {"fact": "usage_drop_pct", "op": "gt", "value": 20},
            {"fact": "mrr_minor", "op": "gte", "value": 500_000},
        ]
    }
)
LISTS: dict[str, dict[str, str]] = {
    "accounts": {},
    "accounts by a view": {"rule": RULE, "sort": "-mrr_minor", "columns": "owner,stage,mrr_minor,usage_drop_pct"},
    "accounts by a rare rule": {"rule": '{"fact": "usage_30d", "op": "eq", "value": 13}'},
    "accounts by an attribute": {"rule": '{"fact": "attribute.score", "op": "eq", "value": 7}'},
    "accounts found by name": {"q": "harbor f"},
    "accounts found by a later word": {"q": "004"},
    "accounts found by domain": {"q": "c77.ex"},
    "accounts of a CSM": {"owner": "CSM"},
    "accounts of a stage": {"stage": "renewal"},
    "accounts, last page": {"cursor": "LAST"},
    **{f"accounts by {sort}": {"sort": sort} for sort in ("-mrr_minor", "renews_on", "-usage_30d", "-last_event_on")},
    **{f"accounts by {sort}": {"sort": sort} for sort in ("owner", "-owner")},
    **{f"accounts by {sort}": {"sort": sort} for sort in ("-created_at", "stage", "signed_up_on", "-attribute.score")},
}
SMALL_TABLES = {"accounts_attributedefinition"}
LARGE = ("accounts_", "usage_", "revenue_", "signals_signal")


def scans(slug: str) -> dict[str, list[str]]:
    """By list: the large tables that a statement of its page reads from end to end, as the app's role is planned."""
    tenant = Tenant.objects.get(slug=slug)
    found: dict[str, list[str]] = {}
    with tenant_context(tenant):
        for name, params in lists(slug).items():
            found[name] = scans_of(lambda params=params: accounts_page(AccountQuery.read(params)))  # type: ignore[misc]
    return found


def lists(slug: str) -> dict[str, dict[str, str]]:
    """The queries with what stands for this tenant's own: its CSM, and a cursor that leaves half a page."""
    with tenant_context(Tenant.objects.get(slug=slug)), connection.cursor() as cursor:
        cursor.execute(
            "SELECT list_name, id FROM accounts_account WHERE tenant_id = %s ORDER BY list_name DESC, id DESC LIMIT 1"
            " OFFSET 25",
            [current_tenant_id()],
        )
        key, pk = cursor.fetchone()
        csm = Account.objects.exclude(owner=None).values_list("owner_id", flat=True)[0]
    own = {"LAST": cursor_of(0, key, pk), "CSM": str(csm)}
    return {name: {key: own.get(value, value) for key, value in params.items()} for name, params in LISTS.items()}


def examples(slug: str) -> tuple[str, str]:
    """The account with the very long timeline, and any other."""
    with tenant_context(Tenant.objects.get(slug=slug)):
        first, other = Account.objects.order_by("pk").values_list("pk", flat=True)[:2]
    return str(first), str(other)


def scans_of(page: Callable[[], object]) -> list[str]:
    """The large tables that some statement of `page` reads without an index."""
    read = {node["Relation Name"] for node in plan_nodes(page) if node["Node Type"] == "Seq Scan"}
    return sorted(name for name in read - SMALL_TABLES if name.startswith(LARGE))


def plan_nodes(page: Callable[[], object]) -> list[dict[str, Any]]:
    """Every node of the plans of the statements that `page` asks, as the role of the connection gets them."""
    asked: list[tuple[str, Any]] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        page()
    nodes: list[dict[str, Any]] = []
    with connection.cursor() as cursor:
        for sql, params in asked:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            told = cursor.fetchone()[0]
            nodes += _nodes((json.loads(told) if isinstance(told, str) else told)[0]["Plan"])
    return nodes


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)

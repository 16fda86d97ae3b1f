"""Bad input: what the other files of tests do not say of a door, and that the document names tests that are there."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from hub.accounts.models import Account
from hub.ingest.imports.engine import import_folder
from hub.ingest.imports.preflight import mapping_read
from hub.ingest.models import HookEndpoint, QuarantinedRow, SourceWord
from hub.revenue.models import ContractLine
from hub.revenue.services import fx_rate_put
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.ingest.hooks import endpoint, stripe_event, take
from tests.world import ACTOR

ROOT = Path(__file__).resolve().parents[2]
LINES = """
source: crm
files:
  - {file: accounts.csv, entity: account, external_id: id, fields: {name: name}}
  - file: lines.csv
    entity: contract_line
    external_id: id
    account: account
    fields: {mrr: mrr, starts_on: start, currency: currency}
"""


def test_every_case_of_the_document_names_a_test_that_is_there() -> None:
    named = re.findall(r"`(tests/\S+?)::(\w+)`", (ROOT / "docs" / "bad-input.md").read_text())
    assert len(named) > 30
    missing = [
        f"{file}::{test}" for file, test in named if not re.search(rf"^def {test}\(", (ROOT / file).read_text(), re.M)
    ]
    assert missing == []


def imported(tenant: Tenant, folder: Path, mapping: str, files: dict[str, bytes]) -> list[tuple[str, int, str]]:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    read = mapping_read(mapping, name="m.yaml")
    import_folder(tenant=tenant, mapping=read, mapping_name="m", folder=folder, actor=ACTOR, historical=True)
    with tenant_context(tenant):
        return list(QuarantinedRow.objects.order_by("file", "line").values_list("file", "line", "reason"))


@pytest.mark.django_db(transaction=True)
def test_a_currency_that_nobody_knows_or_that_has_no_rate_is_quarantined(acme: Tenant, tmp_path: Path) -> None:
    with tenant_context(acme):
        fx_rate_put(currency="EUR", on=date(2026, 2, 1), rate=Decimal("1.1"), actor=ACTOR)
    lines = b"id,account,mrr,start,currency\n1,A,10,2026-02-01,EUR\n2,A,10,2026-01-31,EUR\n3,A,10,2026-02-01,ZZZ\n"
    refused = imported(acme, tmp_path, LINES, {"accounts.csv": b"id,name\nA,Northwind\n", "lines.csv": lines})
    assert refused == [("lines.csv", 3, "other_currency"), ("lines.csv", 4, "other_currency")]
    with tenant_context(acme):
        assert list(ContractLine.objects.values_list("external_id", "mrr_minor")) == [("1", 1100)]


@pytest.mark.django_db(transaction=True)
def test_rows_with_characters_that_no_database_stores_are_quarantined(acme: Tenant, tmp_path: Path) -> None:
    mapping = LINES.partition("  - file: lines.csv")[0]
    accounts = b"id,name\nA,Good\nB,Nu\x00l\nC,Caf\xc3\xa9\n"
    refused = imported(acme, tmp_path, mapping, {"accounts.csv": accounts})
    assert [(file, line) for file, line, _ in refused] == [("accounts.csv", 3)]
    with tenant_context(acme):
        assert set(Account.objects.values_list("name", flat=True)) == {"Good", "Café"}
        assert "\x00" not in str(QuarantinedRow.objects.get().row)


def renamed(name: str, at: datetime) -> dict[str, Any]:
    return stripe_event("customer.updated", {"id": "cus_1", "name": name}, at=int(at.timestamp()))


@pytest.mark.django_db(transaction=True)
def test_a_clock_that_is_years_ahead_has_the_last_word_for_five_minutes(acme: Tenant) -> None:
    to: HookEndpoint = endpoint(acme, makes_accounts=True)
    take(acme, to, renamed("From the future", datetime(2150, 1, 1, tzinfo=UTC)))
    now = timezone.now()
    with tenant_context(acme):
        assert SourceWord.objects.get().at <= now + timedelta(minutes=5)
    with time_machine.travel(now + timedelta(minutes=6)):
        take(acme, to, renamed("Of today", timezone.now()))
    with tenant_context(acme):
        assert Account.objects.get().name == "Of today"

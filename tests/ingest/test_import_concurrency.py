"""The account's lock comes first: whoever writes an account's rows before asking for it deadlocks with evaluation."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.db.models import F
from django.utils import timezone

from hub.accounts.models import Account, AccountState
from hub.accounts.services import facts_touch, fields_set_by_hand
from hub.ingest.imports import work
from hub.ingest.imports.engine import FileImport, import_folder
from hub.ingest.imports.preflight import mapping_load
from hub.ingest.imports.runs import run_cancel, run_check, run_create
from hub.plans.models import Milestone
from hub.plans.services import milestone_complete, plan_create
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from signals.engine import evaluate_batch
from signals.models import TriggerLook
from tests.world import ACTOR, make_account, make_tenant

MAPPING = """
source: test
files:
  - file: usage.csv
    entity: usage
    external_id: id
    account: account
    fields: {day: day, name: feature}
"""


@pytest.fixture
def account(transactional_db: None) -> Account:
    tenant = make_tenant("acme")
    with tenant_context(tenant):
        account = make_account()
        plan_create(account=account, started_on=timezone.localdate(), actor=ACTOR)
        facts_touch([account.pk])
        evaluate_batch(tenant)
        assert TriggerLook.objects.filter(account=account).exists()
    return account


def while_evaluation_holds_the_account(
    account: Account, then_writes: Callable[[], object], job: Callable[[], None]
) -> None:
    """Hold the account's lock as evaluation does, start `job` elsewhere, and once it waits write what it may hold."""
    tenant = Tenant.objects.get()
    begun, raised = Event(), []

    def run() -> None:
        begun.set()
        try:
            job()
        except Exception as error:
            raised.append(error)
        finally:
            connections.close_all()

    thread = Thread(target=run)
    with tenant_context(tenant):
        list(AccountState.objects.select_for_update().filter(account=account))
        thread.start()
        begun.wait(5)
        _until_somebody_waits()
        then_writes()
    thread.join(30)
    assert raised == []


def _until_somebody_waits() -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("the job never asked for the account's lock")


def test_a_historical_import_waits_for_evaluation_before_it_writes(account: Account, tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    (tmp_path / "usage.csv").write_text("id,account,day,feature\nu1,Northwind,2026-01-05,report\n")

    def job() -> None:
        import_folder(
            tenant=Tenant.objects.get(),
            mapping=mapping_load(tmp_path / "mapping.yaml"),
            mapping_name="m",
            folder=tmp_path,
            actor=ACTOR,
            historical=True,
        )

    while_evaluation_holds_the_account(
        account, lambda: TriggerLook.objects.filter(account=account).update(seen=F("seen")), job
    )


def test_completing_a_milestone_waits_for_evaluation_before_it_writes(account: Account) -> None:
    tenant = Tenant.objects.get()
    with tenant_context(tenant):
        milestone = Milestone.objects.get(key="kick-off")

    def job() -> None:
        with tenant_context(tenant):
            milestone_complete(milestone_id=milestone.pk, via="hub", actor=ACTOR)

    while_evaluation_holds_the_account(
        account, lambda: Milestone.objects.filter(pk=milestone.pk).update(due_on=timezone.localdate()), job
    )
    with tenant_context(tenant):
        milestone.refresh_from_db()
        assert milestone.completed_via == "hub"


def test_a_check_is_stopped_at_once_by_whoever_asks_and_keeps_the_set_up(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.ingest.imports.engine.BATCH_ROWS", 10)
    tenant = make_tenant("acme")
    rows = "account_id,company\n" + "".join(f"{n},Account {n}\n" for n in range(100))
    with tenant_context(tenant):
        run = run_create(files=[SimpleUploadedFile("accounts.csv", rows.encode())], actor=ACTOR)
    work.drain(tenant.pk)
    with tenant_context(tenant):
        run_check(run=run, actor=ACTOR)
    checking, stopped, steps = Event(), Event(), []
    real = FileImport.step

    def step(file: FileImport) -> bool:
        went_on = real(file)
        steps.append(went_on)
        checking.set()
        assert stopped.wait(10), "who stops a check must not wait for its transaction"
        return went_on

    monkeypatch.setattr(FileImport, "step", step)

    def check() -> None:
        work.drain(tenant.pk)
        connections.close_all()

    thread = Thread(target=check)
    thread.start()
    try:
        assert checking.wait(10)
        with tenant_context(tenant):
            run_cancel(run=run, actor=ACTOR)
    finally:
        stopped.set()
        thread.join(10)
    with tenant_context(tenant):
        run.refresh_from_db()
        assert (run.status, run.checked) == ("draft", None)
        assert not Account.objects.exists()
    assert len(steps) == 1, "the worker ends with its batch"


def test_an_edit_by_hand_does_not_wait_for_a_check(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tenant = make_tenant("acme")
    with tenant_context(tenant):
        make_account("Holding")
        account = make_account("Northwind", industry="Retail")
    (tmp_path / "accounts.csv").write_text("id,name,industry,parent\nNorthwind,Northwind,Food,Holding\nNew,New,Food,\n")
    (tmp_path / "mapping.yaml").write_text("""
source: test
files:
  - file: accounts.csv
    entity: account
    external_id: id
    fields: {name: name, industry: industry, parent: parent}
""")
    checking, edited = Event(), Event()
    real = FileImport.step

    def step(file: FileImport) -> bool:
        went_on = real(file)
        checking.set()
        assert edited.wait(20), "the edit waits for the check"
        return went_on

    monkeypatch.setattr(FileImport, "step", step)

    def check() -> None:
        import_folder(
            tenant=tenant,
            mapping=mapping_load(tmp_path / "mapping.yaml"),
            mapping_name="m",
            folder=tmp_path,
            actor=ACTOR,
            dry_run=True,
        )
        connections.close_all()

    thread = Thread(target=check)
    thread.start()
    try:
        assert checking.wait(20)
        with tenant_context(tenant):
            connection.cursor().execute("SET LOCAL lock_timeout = '5s'")
            values = {"industry": "Trade", "parent_id": str(Account.objects.get(name="Holding").pk)}
            fields_set_by_hand(row=account, values=values, actor=ACTOR)
    finally:
        edited.set()
        thread.join(20)
    with tenant_context(tenant):
        account.refresh_from_db()
        assert (account.industry, account.parent.name) == ("Trade", "Holding")
        assert Account.objects.count() == 2, "the check keeps nothing"

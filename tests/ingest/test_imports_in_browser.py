"""The way of a file through the pages: upload, look over, check, import, mend, undo."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from hub.accounts.models import (
    Account,
    AccountExternalId,
    AttributeValue,
    CommunityActivity,
    Contact,
    FieldConflict,
    TimelineEntry,
)
from hub.accounts.services import account_parent_say, account_upsert, attribute_define, deciding, source_withdraw
from hub.accounts.words import words_of
from hub.ingest.imports import work
from hub.ingest.imports.engine import FileImport, OutOfTime
from hub.ingest.imports.files import rows_of, table_of
from hub.ingest.models import ImportChunk, ImportKept, ImportMapping, ImportRun, ImportUpload, QuarantinedRow
from hub.people.models import AuditEvent
from hub.revenue.models import AccountMonth, ContractLine, Invoice, Opportunity
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant, TenantWork
from hub.usage.models import ActiveUserDaily, UsageDaily, UsageRecord
from tests.world import ACTOR, make_account, make_member

ACCOUNTS = "account_id,company,plan,seats,signup_date\n1,Northwind,Pro,12,2024-01-31\n2,Südwind,Team,3,2024-02-01\n"
PEOPLE = "id,account_id,e-mail,first name,last name\np1,1,Kim@north.example,Kim,Lee\np2,2,ada@sued.example,Ada,\n"
LINES = (
    "subscription_id,account_id,amount,start_date,end_date,plan\ns1,1,100.00,2024-01-31,,Pro\ns2,2,50,2024-02-01,,T\n"
)


@pytest.fixture
def client(acme: Tenant) -> Client:
    client = Client()
    client.force_login(make_member(acme, "admin", password=None).user)
    return client


def upload(client: Client, files: Mapping[str, str | bytes], **data: Any) -> str:
    """Send files; the address of their run."""
    sent = [
        SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)
        for name, content in files.items()
    ]
    answer = client.post("/t/acme/imports/new/", {"files": sent, **data})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer.headers["Location"])


def drain(tenant: Tenant) -> None:
    work.drain(tenant.pk)


def run_at(tenant: Tenant, url: str) -> ImportRun:
    with tenant_context(tenant):
        run: ImportRun = ImportRun.objects.get(pk=url.rstrip("/").rpartition("/")[2])
        return run


def imported(client: Client, tenant: Tenant, files: Mapping[str, str | bytes], **data: Any) -> str:
    """Upload, take what is suggested, and import."""
    url = upload(client, files)
    drain(tenant)
    client.post(f"{url}start/", data)
    drain(tenant)
    run = run_at(tenant, url)
    with tenant_context(tenant):
        refused = list(run.uploads.values_list("status", "problem"))
    assert run.status == "done", (run.status, run.problem, refused)
    return url


def test_files_become_accounts_contacts_and_lines_with_nothing_told(client: Client, acme: Tenant) -> None:
    url = upload(client, {"contacts.csv": PEOPLE, "subscriptions.csv": LINES, "accounts.csv": ACCOUNTS})
    assert "Being read" in client.get(url).content.decode()
    drain(acme)
    page = client.get(url).content.decode()
    assert "Accounts:" in page
    assert "Contract lines:" in page
    with tenant_context(acme):
        assert not Account.objects.exists(), "nothing is written before somebody starts it"
    client.post(f"{url}start/")
    drain(acme)
    page = client.get(url).content.decode()
    assert "Done" in page
    with tenant_context(acme):
        account = Account.objects.get(name="Südwind")
        assert (account.seats, account.tier, account.signed_up_on) == (3, "Team", date(2024, 2, 1))
        kim = Contact.objects.get(email="kim@north.example")
        assert (kim.name, kim.account.name) == ("Kim Lee", "Northwind")
        assert dict(ContractLine.objects.values_list("external_id", "mrr_minor")) == {"s1": 10_000, "s2": 5_000}
        assert AccountMonth.objects.filter(account=account, overlap="sum").exists()
        assert list(AuditEvent.objects.filter(action__startswith="import.").order_by("id").values_list("action")) == [
            ("import.upload",),
            ("import.start",),
        ]


def test_a_second_month_is_recognised_and_loads_with_one_click(client: Client, acme: Tenant) -> None:
    first = upload(client, {"clients 2024-05.csv": ACCOUNTS.replace("company", "trading name")})
    drain(acme)
    form = {"entity": "account", "external_id": "account_id", "field-1": "name", "field-2": "tier", "field-3": "seats"}
    client.post(f"{first}files/0/", form)
    client.post(f"{first}start/")
    drain(acme)
    client.post(f"{first}keep/", {"name": "Clients each month"})
    second = upload(
        client, {"clients 2024-06.csv": ACCOUNTS.replace("company", "trading name").replace(",12,", ",15,")}
    )
    drain(acme)
    assert "Clients each month" in client.get(second).content.decode()
    client.post(f"{second}start/")
    drain(acme)
    with tenant_context(acme):
        file = run_at(acme, second).files.get()
        assert (file.updated, file.unchanged, file.quarantined) == (1, 1, 0)
        assert Account.objects.get(name="Northwind").seats == 15


def test_dates_that_could_be_two_are_a_question_and_the_answer_is_kept(client: Client, acme: Tenant) -> None:
    rows = "account_id,company,signup_date\n1,A,03/04/2024\n2,B,05/06/2024\n"
    url = upload(client, {"accounts.csv": rows})
    drain(acme)
    assert "Day or month first" in client.get(url).content.decode()
    page = client.get(f"{url}files/0/").content.decode()
    assert "day or month first?" in page.lower()
    form = {"entity": "account", "external_id": "account_id", "field-1": "name", "field-2": "signed_up_on"}
    client.post(f"{url}files/0/", {**form, "order-2": "mdy"})
    client.post(f"{url}start/")
    drain(acme)
    with tenant_context(acme):
        assert Account.objects.get(name="A").signed_up_on == date(2024, 3, 4)


def test_the_preview_shows_rows_as_they_would_land_and_what_is_wrong_with_which_cell(
    client: Client, acme: Tenant
) -> None:
    url = upload(client, {"accounts.csv": "account_id,company,seats\n1,Fine,3\n2,Broken,many\n"})
    drain(acme)
    client.post(
        f"{url}files/0/", {"entity": "account", "external_id": "account_id", "field-1": "name", "field-2": "seats"}
    )
    page = client.get(f"{url}files/0/").content.decode()
    assert "expected a number" in page
    assert "1 rows to mend" in page


def test_a_check_counts_and_keeps_nothing(client: Client, acme: Tenant) -> None:
    with tenant_context(acme):
        make_account("Somebody")
    url = upload(client, {"accounts.csv": ACCOUNTS + "3,,Pro,1,2024-01-01\n", "contacts.csv": PEOPLE})
    drain(acme)
    client.post(f"{url}check/")
    assert run_at(acme, url).status == "checking"
    drain(acme)
    run = run_at(acme, url)
    assert run.status == "draft"
    assert run.checked is not None
    assert [(f["created"], f["quarantined"]) for f in run.checked["files"]] == [(2, 1), (2, 0)]
    page = client.get(url).content.decode()
    assert "What would happen" in page
    assert "name is needed" in page
    with tenant_context(acme):
        assert Account.objects.count() == 1
        assert not QuarantinedRow.objects.exists()
        assert not run.files.exists()


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_reads_like_the_csv_it_came_from(client: Client, acme: Tenant) -> None:
    sheet = workbook(
        [
            ["account_id", "company", "seats", "signup_date", "churned"],
            [1, "Northwind\nLtd", 12, datetime(2024, 1, 31), False],
            [2, "South", 3.0, date(2024, 2, 1), True],
            [None, None, None, None, None],
            [3, "West", "", None, None],
        ]
    )
    imported(client, acme, {"accounts.xlsx": sheet})
    with tenant_context(acme):
        north = Account.objects.get(name="Northwind\nLtd")
        assert (north.seats, north.signed_up_on, north.source_churned) == (12, date(2024, 1, 31), False)
        assert set(AccountExternalId.objects.values_list("value", flat=True)) == {"1", "2", "3"}
        assert ImportChunk.objects.filter(form="original").exists()


def test_the_lines_of_refused_rows_of_a_workbook_are_its_rows(client: Client, acme: Tenant) -> None:
    sheet = workbook([["account_id", "company", "seats"], [1, "two\nlines", 1], [2, "B", "x"]])
    url = imported(client, acme, {"accounts.xlsx": sheet})
    with tenant_context(acme):
        assert list(QuarantinedRow.objects.filter(run=run_at(acme, url)).values_list("line", flat=True)) == [3]


def test_a_formula_that_nobody_has_calculated_is_refused_and_not_taken_for_empty(client: Client, acme: Tenant) -> None:
    sheet = workbook([["account_id", "company", "seats"], [1, "A", "=1+1"], [2, "B", 2]])
    url = imported(client, acme, {"accounts.xlsx": sheet})
    with tenant_context(acme):
        assert list(run_at(acme, url).quarantine.values_list("line", "reason")) == [(2, "formula")]


BROKEN: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.csv", b"", "the file is empty"),
    "headers twice": ("a.csv", b"id,name,name\n1,A,B\n", "column 'name' occurs twice"),
    "open quote": ("a.csv", b'id,name\n1,"A\n2,B\n', "a quote is opened and never closed"),
    "gigantic cell": ("a.csv", b"id,name\n1," + b"x" * 1_100_000 + b"\n", "longer than 1,000,000"),
    "gigantic header": ("a.csv", b"id," + b"x" * 1_100_000 + b"\n", "a.csv: line 1"),
    "old excel": ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old Excel file"),
    "encrypted": (
        "a.xlsx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        "the file is encrypted",
    ),
    "damaged": ("a.xlsx", b"PK\x03\x04 not really", "a damaged spreadsheet"),
    "too many columns": ("a.csv", ",".join(f"c{n}" for n in range(60_000)).encode(), "60,000 columns"),
    "zeros": ("a.csv", b"id,na\0me\n1,A\n", "no text holds"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_cannot_be_read_says_why(client: Client, acme: Tenant, case: str) -> None:
    name, content, said = BROKEN[case]
    url = upload(client, {name: content or b"\n" if case != "empty" else b" "})
    drain(acme)
    with tenant_context(acme):
        sent = ImportUpload.objects.get()
    assert sent.status == "refused"
    assert said in sent.problem
    assert client.post(f"{url}start/").status_code == 302
    assert run_at(acme, url).status == "draft", "there is nothing to start"


def spoiled(part: str, old: bytes, new: bytes) -> bytes:
    """A workbook of two rows in which a part was changed by hand."""
    import zipfile

    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook([["account_id", "company"], [1, "A"], [2, "B"]]))) as good,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bad,
    ):
        for name in good.namelist():
            content = good.read(name)
            assert name != part or old in content
            bad.writestr(name, content.replace(old, new, 1) if name == part else content)
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
ENTITY = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet'
LAUGHS = b'<!DOCTYPE x [<!ENTITY e "ha"><!ENTITY f "' + b"&e;" * 50 + b'">]><worksheet'
HOSTILE = {
    "two thousand million empty rows": (SHEET, b'<row r="3">', b'<row r="2000000000">', "1,048,576 rows"),
    "cells that never end": (SHEET, b"</sheetData>", b'<c r="A1" ' * 300_000 + b"</sheetData>", "damaged"),
    "endless styles": ("xl/styles.xml", b"</cellXfs>", b"<xf/>" * 5_000_000 + b"</cellXfs>", "too large inside"),
    "a file of the machine": (SHEET, b"<worksheet", ENTITY, "damaged"),
    "entities in entities": (SHEET, b"<worksheet", LAUGHS, "damaged"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_workbook_made_to_do_harm_is_refused_before_it_does(client: Client, acme: Tenant, case: str) -> None:
    part, old, new, said = HOSTILE[case]
    upload(client, {"a.xlsx": spoiled(part, old, new)})
    drain(acme)
    with tenant_context(acme):
        sent = ImportUpload.objects.get()
        assert sent.status == "refused"
        assert said in sent.problem
        assert "/" not in sent.problem, "folders of the machine are nobody's business"
        assert "root:" not in sent.problem


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_two_bytes_a_character_are_read_with_and_without_a_mark(client: Client, acme: Tenant, encoding: str) -> None:
    imported(client, acme, {"accounts.csv": "account_id,company\n1,Größe\n".encode(encoding)})
    with tenant_context(acme):
        assert Account.objects.get().name == "Größe"


def test_a_line_without_an_end_is_one_refused_row_and_not_the_worker_s_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "commas.csv"
    path.write_bytes(b"id,name\n" + b"x," * 10_000_000 + b"\n2,B\n")
    tracemalloc.start()
    rows = list(rows_of(table_of(path)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000_000
    assert rows[-1].cells == {"id": "2", "name": "B"}
    assert {row.problem[0] for row in rows if row.problem} == {"extra_cells"}


def test_what_is_missing_is_said_by_the_file_and_not_by_the_keys_of_a_mapping(client: Client, acme: Tenant) -> None:
    url = upload(client, {"people.csv": "Firma;Start\nKäse;31.12.2024\n".encode("cp1252")})
    drain(acme)
    client.post(f"{url}files/0/", {"entity": "contract_line"})
    for page in (client.get(url).content.decode(), client.get(f"{url}files/0/").content.decode()):
        assert "people.csv: choose the column that names the account" in page
        assert "people.csv: choose the column that fills “mrr”" in page
        assert "files[0]" not in page
    assert "1 row · CSV, Western European (Windows)" in client.get(url).content.decode()
    assert "people.csv" in client.get("/t/acme/imports/").content.decode()


def test_a_workbook_that_blows_up_when_unpacked_is_refused(client: Client, acme: Tenant) -> None:
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/workbook.xml", "<x/>")
        parts.writestr("xl/worksheets/sheet1.xml", b"0" * 60_000_000)
    upload(client, {"a.xlsx": out.getvalue()})
    drain(acme)
    with tenant_context(acme):
        assert "unpacks to 60 MB" in ImportUpload.objects.get().problem


def test_a_workbook_under_the_name_of_a_csv_is_still_a_workbook(client: Client, acme: Tenant) -> None:
    imported(client, acme, {"accounts.csv": workbook([["account_id", "company"], [1, "A"]])})
    with tenant_context(acme):
        assert Account.objects.get().name == "A"


def test_refused_rows_are_downloaded_mended_and_sent_again(client: Client, acme: Tenant) -> None:
    rows = "account_id;company;seats\n1;=SUM(A1);many\n2;Fine;2\n3;-5;x\n"
    url = imported(client, acme, {"accounts.csv": rows})
    page = client.get(f"{url}quarantine/").content.decode()
    assert "accounts.csv:2" in page
    text = client.get(f"{url}quarantine/download/").content.decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(text)))
    assert table[0] == ["account_id", "company", "seats", "tandem_line", "tandem_reason"]
    assert table[1] == ["1", "'=SUM(A1)", "many", "2", "seats: expected a number"]
    assert table[2][:3] == ["3", "-5", "x"], "a number is no formula"
    mended = text.replace("many", "7").replace(",x,", ",8,")
    answer = client.post(f"{url}quarantine/mend/", {"files": SimpleUploadedFile("mended.csv", mended.encode())})
    again = str(answer.headers["Location"])
    drain(acme)
    client.post(f"{again}start/")
    drain(acme)
    run = run_at(acme, again)
    assert (run.status, run.mends_id) == ("done", run_at(acme, url).pk)
    with tenant_context(acme):
        assert dict(Account.objects.values_list("name", "seats")) == {"=SUM(A1)": 7, "Fine": 2, "-5": 8}


def test_undoing_removes_what_was_made_and_puts_back_what_was_changed(client: Client, acme: Tenant) -> None:
    first = {"accounts.csv": ACCOUNTS, "subscriptions.csv": LINES}
    imported(client, acme, first)
    with tenant_context(acme):
        before = list(Account.objects.order_by("name").values("name", "seats", "tier"))
        lines = list(ContractLine.objects.order_by("external_id").values("external_id", "mrr_minor", "tier"))
        months = list(AccountMonth.objects.order_by("account", "month", "overlap").values("month", "mrr_minor"))
    usage = "usage_id,account_id,day,feature,count,user\nu1,1,2024-03-01,report,5,kim\nu2,3,2024-03-01,report,2,ada\n"
    second = imported(
        client,
        acme,
        {
            "accounts.csv": ACCOUNTS.replace(",12,", ",99,") + "3,New,Pro,1,2024-03-01\n",
            "subscriptions.csv": LINES.replace("100.00", "250.00") + "s3,3,10,2024-03-01,,Pro\n",
            "usage.csv": usage,
            "contacts.csv": PEOPLE,
        },
    )
    with tenant_context(acme):
        assert (Account.objects.count(), Contact.objects.count(), UsageDaily.objects.count()) == (3, 2, 2)
    client.post(f"{second}undo/")
    drain(acme)
    run = run_at(acme, second)
    assert run.status == "undone", run.problem
    with tenant_context(acme):
        assert list(Account.objects.order_by("name").values("name", "seats", "tier")) == before
        assert list(ContractLine.objects.order_by("external_id").values("external_id", "mrr_minor", "tier")) == lines
        assert list(AccountMonth.objects.order_by("account", "month", "overlap").values("month", "mrr_minor")) == months
        for model in (Contact, UsageRecord, UsageDaily, ActiveUserDaily, ImportKept):
            assert not model.objects.exists(), model
        assert not TimelineEntry.objects.filter(title__contains="s3").exists()
    assert "Undone" in client.get(second).content.decode()


def test_undoing_is_not_held_up_by_what_follows_from_the_import_by_itself(client: Client, acme: Tenant) -> None:
    from signals import close, draining
    from signals.health.models import HealthScore

    usage = f"usage_id,account_id,day,feature,count,user\nu1,1,{timezone.localdate()},report,5,kim\n"
    url = imported(client, acme, {"accounts.csv": ACCOUNTS, "subscriptions.csv": LINES, "usage.csv": usage})
    close.drain(acme.pk)
    draining.drain(acme.pk)
    with tenant_context(acme):
        assert HealthScore.objects.filter(score__isnull=False).exists()
    client.post(f"{url}undo/")
    drain(acme)
    with tenant_context(acme):
        assert run_at(acme, url).status == "undone"
        assert not ImportKept.objects.exists(), list(ImportKept.objects.values_list("label", "reason"))
        assert not Account.objects.exists()


def test_undoing_leaves_what_somebody_has_changed_since_and_says_so(client: Client, acme: Tenant) -> None:
    url = imported(client, acme, {"accounts.csv": ACCOUNTS})
    again = imported(client, acme, {"accounts.csv": ACCOUNTS.replace(",12,", ",99,").replace("Team", "Pro")})
    with tenant_context(acme):
        Account.objects.filter(name="Northwind").update(seats=50)
    client.post(f"{again}undo/")
    drain(acme)
    with tenant_context(acme):
        assert Account.objects.get(name="Northwind").seats == 50
        assert Account.objects.get(name="Südwind").tier == "Team"
        kept = ImportKept.objects.get(run=run_at(acme, again))
        assert (kept.label, kept.reason) == ("Northwind", "changed since the import: seats")
    client.post(f"{url}undo/")
    drain(acme)
    with tenant_context(acme):
        assert list(Account.objects.values_list("name", flat=True)) == ["Northwind"]


def test_undoing_keeps_an_account_that_something_else_hangs_on(client: Client, acme: Tenant) -> None:
    from hub.work.services import task_open

    url = imported(client, acme, {"accounts.csv": ACCOUNTS})
    with tenant_context(acme):
        task_open(account_id=Account.objects.get(name="Northwind").pk, title="Call them", origin_key="x")
    client.post(f"{url}undo/")
    drain(acme)
    page = client.get(url).content.decode()
    assert "has 1 task" in page
    with tenant_context(acme):
        account = Account.objects.get()
        assert account.name == "Northwind"
    assert f'/accounts/{account.pk}/">Northwind</a>' in page


def test_what_undoing_left_is_downloaded_account_by_account_with_the_reason(client: Client, acme: Tenant) -> None:
    from hub.work.services import task_open

    evil = ACCOUNTS.replace("Northwind", "=Northwind")
    url = imported(client, acme, {"accounts.csv": evil, "contacts.csv": PEOPLE})
    with tenant_context(acme):
        task_open(account_id=Account.objects.get(name="=Northwind").pk, title="Call them", origin_key="x")
        Contact.objects.filter(email="kim@north.example").update(title="CEO")
    client.post(f"{url}undo/")
    drain(acme)
    answer = client.get(f"{url}left/download/")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="files-left-as-it-is.csv"'
    head, *rows = csv.reader(answer.content.decode("utf-8-sig").splitlines())
    assert head == ["account", "what", "row", "why"]
    assert sorted(rows) == [
        ["'=Northwind", "account", "'=Northwind", "has 1 contact, 1 task"],
        ["'=Northwind", "contact", "Kim Lee", "changed since the import"],
    ]
    # Somebody has taken the account away since: what stayed is named all the same.
    with tenant_context(acme):
        Account.objects.all().delete()
    assert len(client.get(f"{url}left/download/").content.splitlines()) == 3
    assert "Kim Lee" in client.get(url).content.decode()


def test_an_import_that_nobody_starts_is_forgotten_with_its_files(
    client: Client, acme: Tenant, settings: Settings
) -> None:
    settings.IMPORT_DRAFT_DAYS = 3
    done, draft = imported(client, acme, {"accounts.csv": ACCOUNTS}), upload(client, {"accounts.csv": ACCOUNTS})
    drain(acme)
    assert "Kept until" in client.get(draft).content.decode()
    with tenant_context(acme):
        ImportRun.objects.update(started_at=timezone.now() - timedelta(days=3, seconds=-30))
        assert work.backlog() is None
        ImportRun.objects.update(started_at=timezone.now() - timedelta(days=3, seconds=1))
        assert work.backlog() is not None
    drain(acme)
    assert client.get(draft).status_code == 404
    assert client.get(done).status_code == 200
    with tenant_context(acme):
        assert ImportUpload.objects.count() == 1
        assert AuditEvent.objects.filter(action="import.expire").count() == 1
        assert work.backlog() is None


def test_cancelling_stops_between_batches_and_keeps_the_way_back(
    client: Client, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.ingest.imports.engine.BATCH_ROWS", 10)
    rows = "account_id,company\n" + "".join(f"{n},Account {n}\n" for n in range(100))
    url = upload(client, {"accounts.csv": rows})
    drain(acme)
    client.post(f"{url}start/")
    steps = iter(range(3))
    real = FileImport.step

    def until_cancelled(file: Any) -> bool:
        if next(steps, None) is None:
            client.post(f"{url}cancel/")
        return real(file)

    monkeypatch.setattr(FileImport, "step", until_cancelled)
    drain(acme)
    with tenant_context(acme):
        assert run_at(acme, url).status == "cancelled"
        assert Account.objects.count() == 30
    client.post(f"{url}undo/")
    drain(acme)
    with tenant_context(acme):
        assert not Account.objects.exists()


def test_a_run_that_ends_its_slice_goes_on_where_it_stopped(
    client: Client, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.ingest.imports.engine.BATCH_ROWS", 10)
    monkeypatch.setattr(work, "SLICE_SECONDS", 0.0)
    usage = "".join(f"u{n % 40},1,2024-03-0{n % 9 + 1},report,1\n" for n in range(80))
    with tenant_context(acme):
        make_account("Northwind")
        AccountExternalId.objects.update(source="files", value="1")
    url = upload(client, {"usage.csv": f"usage_id,account_id,day,feature,count\n{usage}"})
    monkeypatch.setattr(work, "SLICE_SECONDS", 60.0)
    drain(acme)
    client.post(f"{url}start/")
    real = FileImport.step
    monkeypatch.setattr(FileImport, "step", lambda file: _one_batch_a_slice(file, real))
    slices = 0
    while run_at(acme, url).status == "running":
        work._work(acme, work._claim(acme), 1e12)  # type: ignore[arg-type]  # a run is there
        slices += 1
    with tenant_context(acme):
        file = run_at(acme, url).files.get()
        assert (file.read, file.created, file.repeated + file.quarantined) == (80, 40, 40)
        assert UsageRecord.objects.count() == sum(UsageDaily.objects.values_list("count", flat=True)) == 40
    assert slices == 8


def _one_batch_a_slice(file: Any, real: Any) -> bool:
    if getattr(file, "stepped", False) and file.result.read < 80:
        raise OutOfTime
    file.stepped = True
    return bool(real(file))


def test_a_worker_whose_run_was_taken_over_writes_nothing_more(client: Client, acme: Tenant) -> None:
    url = upload(client, {"accounts.csv": ACCOUNTS})
    drain(acme)
    client.post(f"{url}start/")
    late = work._claim(acme)
    assert late is not None
    with tenant_context(acme):
        ImportRun.objects.update(claimed_until=None)
    drain(acme)
    work._work(acme, late, 1e12)
    with tenant_context(acme):
        assert (run_at(acme, url).status, Account.objects.count()) == ("done", 2)


def test_a_row_that_the_database_refuses_costs_only_itself(client: Client, acme: Tenant) -> None:
    rows = ACCOUNTS + "3,Huge,Pro,99999999999,2024-01-01\n"
    url = imported(client, acme, {"accounts.csv": rows})
    with tenant_context(acme):
        assert Account.objects.count() == 2
        assert run_at(acme, url).quarantine.get().reason == "not_storable"
    usage = (
        "usage_id,account_id,day,feature,count\nu1,1,2024-01-01,report,1\nu2,1,2024-01-01,report,9999999999999999999\n"
    )
    again = imported(client, acme, {"usage.csv": usage})
    with tenant_context(acme):
        assert UsageRecord.objects.get().external_id == "u1"
        assert run_at(acme, again).quarantine.get().reason == "not_storable"


def test_who_may_only_look_sees_no_step_to_take(client: Client, acme: Tenant) -> None:
    url = imported(client, acme, {"accounts.csv": ACCOUNTS})
    csm = Client()
    csm.force_login(make_member(acme, "csm", password=None).user)
    page = csm.get(url)
    assert page.status_code == 200
    assert "Undo this import" not in page.content.decode()
    assert csm.post(f"{url}undo/").status_code == 403
    assert csm.get("/t/acme/imports/new/").status_code == 403
    leader = Client()
    leader.force_login(make_member(acme, "leader", password=None).user)
    assert "Undo this import" in leader.get(url).content.decode()


def test_another_tenants_import_is_not_there(client: Client, acme: Tenant, globex: Tenant) -> None:
    url = imported(client, acme, {"accounts.csv": ACCOUNTS})
    stranger = Client()
    stranger.force_login(make_member(globex, "admin", password=None).user)
    assert stranger.get(url.replace("acme", "globex")).status_code == 404
    assert stranger.post(url.replace("acme", "globex") + "undo/").status_code == 404
    assert stranger.get(url).status_code == 404


def test_too_many_files_and_twice_the_same_name_are_refused(client: Client, acme: Tenant) -> None:
    many = [SimpleUploadedFile(f"{n}.csv", b"id,name\n") for n in range(21)]
    assert b"At most 20 files" in client.post("/t/acme/imports/new/", {"files": many}).content
    twice = [SimpleUploadedFile("a.csv", b"id,name\n") for _ in range(2)]
    assert b"Two files are called a.csv" in client.post("/t/acme/imports/new/", {"files": twice}).content
    assert client.post("/t/acme/imports/new/").status_code == 422
    with tenant_context(acme):
        assert not ImportRun.objects.exists()
        assert not ImportChunk.objects.exists()


def test_a_file_beyond_the_limit_is_refused_and_not_kept(
    client: Client, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.ingest.imports.storage.MAX_BYTES", 1_000_000)
    answer = client.post("/t/acme/imports/new/", {"files": SimpleUploadedFile("a.csv", b"x" * 1_000_001)})
    assert (answer.status_code, b"is larger than" in answer.content) == (422, True)
    with tenant_context(acme):
        assert not ImportChunk.objects.exists()


@pytest.mark.parametrize(
    "content",
    ["source: [", "source: crm\nfiles: []", "just text", 'source: "\\ud800"\nfiles:\n  - {file: a}\n', "a\0b"],
)
def test_a_mapping_that_cannot_be_used_is_refused_with_what_was_typed(
    client: Client, acme: Tenant, content: str
) -> None:
    answer = client.post("/t/acme/imports/mappings/", {"name": "mine", "content": content})
    assert answer.status_code in (400, 422)
    with tenant_context(acme):
        assert not ImportMapping.objects.exists()


def test_a_mapping_is_kept_downloaded_edited_and_forgotten(client: Client, acme: Tenant) -> None:
    content = "source: crm\nfiles:\n  - {file: a.csv, entity: account, external_id: id, fields: {name: name}}\n"
    sent = {"name": "mine", "file": SimpleUploadedFile("m.yaml", content.encode())}
    assert client.post("/t/acme/imports/mappings/", sent).status_code == 302
    with tenant_context(acme):
        url = f"/t/acme/imports/mappings/{ImportMapping.objects.get().pk}/"
    assert client.get(f"{url}download/").content.decode() == content
    assert client.post(url, {"content": content.replace("crm", "erp")}).status_code == 302
    assert "erp" in client.get(url).content.decode()
    assert client.post(url, {"content": "source: erp"}).status_code == 422
    client.post(f"{url}forget/")
    assert client.get(url).status_code == 200, "not without being sure"
    client.post(f"{url}forget/", {"sure": "yes"})
    assert client.get(url).status_code == 404


def test_work_that_nobody_was_told_of_is_found(client: Client, acme: Tenant) -> None:
    url = upload(client, {"accounts.csv": ACCOUNTS})
    with tenant_context(acme):
        assert work.backlog() is not None
    assert TenantWork.objects.filter(tenant=acme, queue=work.QUEUE).exists()
    drain(acme)
    with tenant_context(acme):
        assert work.backlog() is None, "a draft waits for a person"
    client.post(f"{url}start/")
    with tenant_context(acme):
        assert work.backlog() is not None


@pytest.mark.parametrize("rows", [1, 20])
def test_the_history_costs_the_same_for_one_import_and_for_twenty(
    client: Client, acme: Tenant, rows: int, django_assert_max_num_queries: Any
) -> None:
    with tenant_context(acme):
        for n in range(rows):
            ImportRun.objects.create(source="crm", mapping=f"m{n}", status="done", started_by=ACTOR.label)
    client.get("/t/acme/imports/")
    with django_assert_max_num_queries(10):
        assert client.get("/t/acme/imports/").status_code == 200


TREE = "account_id,company,parent_id\n1,Holding,\n2,North,1\n3,South,1\n4,North East,2\n"


def tree(tenant: Tenant) -> dict[str, str | None]:
    with tenant_context(tenant):
        return dict(Account.objects.values_list("name", "parent__name"))


def test_accounts_come_in_below_others_and_go_back_where_they_were(client: Client, acme: Tenant) -> None:
    first = imported(client, acme, {"accounts.csv": TREE})
    assert tree(acme) == {"Holding": None, "North": "Holding", "South": "Holding", "North East": "North"}
    second = imported(client, acme, {"accounts.csv": TREE.replace("4,North East,2", "4,North East,3")})
    assert tree(acme)["North East"] == "South"
    client.post(f"{second}undo/")
    drain(acme)
    assert tree(acme)["North East"] == "North"
    client.post(f"{first}undo/")
    drain(acme)
    assert (run_at(acme, first).status, tree(acme)) == ("undone", {})


def test_an_undone_import_leaves_an_account_where_another_source_put_it_in_between(
    client: Client, acme: Tenant
) -> None:
    imported(client, acme, {"accounts.csv": TREE})
    second = imported(client, acme, {"accounts.csv": TREE.replace("4,North East,2", "4,North East,3")})
    with tenant_context(acme):
        moved, holding = (Account.objects.get(name=name) for name in ("North East", "Holding"))
        account_parent_say(account=moved, parent=holding, actor=ACTOR, source="crm")
    client.post(f"{second}undo/")
    drain(acme)
    assert tree(acme)["North East"] == "Holding"
    with tenant_context(acme):
        said = {word.source for word in words_of(Account.objects.get(name="North East").words, "parent_id")}
        assert said == {"crm", run_at(acme, second).source}


def test_withdrawing_a_source_and_undoing_its_import_leaves_what_another_said_in_between(
    client: Client, acme: Tenant
) -> None:
    rows = "account_id,company,industry\n1,Northwind,{}\n"
    imported(client, acme, {"accounts.csv": rows.format("Retail")})
    second = imported(client, acme, {"accounts.csv": rows.format("Food")})
    source = run_at(acme, second).source
    with tenant_context(acme):
        account = Account.objects.get()
        AccountExternalId.objects.create(account=account, source="crm", value="c1")
        account_upsert(source="crm", external_id="c1", fields={"industry": "Trade"})
        source_withdraw(source=source, actor=ACTOR)
    deciding.drain(acme.pk)
    client.post(f"{second}undo/")
    drain(acme)
    assert run_at(acme, second).status == "undone"
    with tenant_context(acme):
        account.refresh_from_db()
        assert account.industry == "Trade"
        assert set(account.words) == {"crm"}, "what was withdrawn does not come back"
        assert not FieldConflict.objects.filter(closed_at__isnull=True).exists()


def test_a_circle_of_accounts_is_refused_and_names_the_row(client: Client, acme: Tenant) -> None:
    imported(client, acme, {"accounts.csv": TREE})
    url = imported(client, acme, {"accounts.csv": TREE.replace("1,Holding,\n", "1,Holding,4\n5,Lost,99\n")})
    with tenant_context(acme):
        refused = dict(run_at(acme, url).quarantine.values_list("line", "reason"))
    assert refused == {2: "bad_parent", 3: "bad_parent"}
    assert tree(acme)["Holding"] is None


def test_an_account_that_stays_keeps_the_one_it_lies_below(client: Client, acme: Tenant) -> None:
    from hub.work.services import task_open

    url = imported(client, acme, {"accounts.csv": TREE})
    with tenant_context(acme):
        task_open(account_id=Account.objects.get(name="North East").pk, title="Call them", origin_key="x")
    client.post(f"{url}undo/")
    drain(acme)
    assert tree(acme) == {"Holding": None, "North": "Holding", "North East": "North"}


def test_attributes_that_the_tenant_defines_are_typed_checked_and_put_back(client: Client, acme: Tenant) -> None:
    with tenant_context(acme):
        attribute_define(entity="account", key="employees", label="Employees", kind="number", actor=ACTOR)
    rows = "account_id,company,employees\n1,A,12\n2,B,many\n"
    form = {"entity": "account", "external_id": "account_id", "field-1": "name", "field-2": "attributes"}

    def once(content: str) -> str:
        url = upload(client, {"accounts.csv": content})
        drain(acme)
        client.post(f"{url}files/0/", form)
        client.post(f"{url}start/")
        drain(acme)
        return url

    def stored() -> list[tuple[str, float | None, Any]]:
        with tenant_context(acme):
            typed = dict(AttributeValue.objects.values_list("account__name", "number_value"))
            return [
                (a.name, typed.get(a.name), a.attributes.get("employees")) for a in Account.objects.order_by("name")
            ]

    first = once(rows)
    assert stored() == [("A", 12.0, 12)]
    with tenant_context(acme):
        assert run_at(acme, first).quarantine.get().column == "attributes.employees"
    with tenant_context(acme):
        assert run_at(acme, once(rows)).files.get().unchanged == 1
    changed = once(rows.replace(",12", ",30"))
    assert stored() == [("A", 30.0, 30)]
    client.post(f"{changed}undo/")
    drain(acme)
    assert stored() == [("A", 12.0, 12)]


def test_an_owner_is_named_by_address_and_nobody_else_is_taken_for_one(client: Client, acme: Tenant) -> None:
    member = make_member(acme, "csm", password=None)
    rows = f"account_id,company,owner\n1,A,{member.user.email.upper()}\n2,B,stranger@x.example\n3,C,\n"
    url = imported(client, acme, {"accounts.csv": rows})
    with tenant_context(acme):
        assert dict(Account.objects.values_list("name", "owner_id")) == {"A": member.user_id, "C": None}
        assert run_at(acme, url).quarantine.get().line == 3


def test_deals_invoices_and_community_activity_come_in_and_go_again(client: Client, acme: Tenant) -> None:
    files = {
        "accounts.csv": ACCOUNTS,
        "deals.csv": "deal_id,account_id,deal_name,type,amount,closedate\nd1,1,Renew,renewal,1200.00,2025-01-31\n",
        "invoices.csv": "invoice_id,account_id,amount,currency,invoice_date,status\ni1,1,99.50,USD,2024-05-01,open\n",
        "community.csv": "post_id,account_id,type,title,posted_at\nc1,2,answer,How to,2024-05-01 10:00\n",
    }
    url = imported(client, acme, files)
    with tenant_context(acme):
        assert Opportunity.objects.get().amount_minor == 120_000
        assert Invoice.objects.get().total_minor == 9_950
        assert CommunityActivity.objects.get().account.name == "Südwind"
        assert TimelineEntry.objects.filter(kind__in=("opportunity", "invoice", "community")).count() == 3
    client.post(f"{url}undo/")
    drain(acme)
    with tenant_context(acme):
        for model in (Opportunity, Invoice, CommunityActivity, TimelineEntry, Account):
            assert not model.objects.exists(), model


def test_accounts_are_found_by_name_or_domain_when_they_stand_alone(client: Client, acme: Tenant) -> None:
    with tenant_context(acme):
        for name, domain in (("North", "north.example"), ("Twin", "twin.example"), ("Other twin", "twin.example")):
            make_account(name, domain=domain)
    url = upload(client, {"people.csv": "id,address\n1,kim@north.example\n2,ada@twin.example\n3,x@nowhere.example\n"})
    drain(acme)
    form = {"entity": "contact", "external_id": "id", "account": "address", "through": "domain", "field-1": "email"}
    client.post(f"{url}files/0/", {"entity": "contact"})
    client.post(f"{url}files/0/", form)
    client.post(f"{url}start/")
    drain(acme)
    with tenant_context(acme):
        assert list(Contact.objects.values_list("email", "account__name")) == [("kim@north.example", "North")]
        assert set(run_at(acme, url).quarantine.values_list("line", "reason")) == {
            (3, "unknown_account"),
            (4, "unknown_account"),
        }


def test_files_and_journal_go_after_ninety_days_and_the_history_stays(client: Client, acme: Tenant) -> None:
    old = imported(client, acme, {"accounts.csv": ACCOUNTS + "3,,Pro,1,2024-01-01\n"})
    fresh = imported(client, acme, {"contacts.csv": PEOPLE})
    with tenant_context(acme):
        ImportRun.objects.filter(pk=run_at(acme, old).pk).update(finished_at=timezone.now() - timedelta(days=91))
        assert work.backlog() is not None
    drain(acme)
    page = client.get(old).content.decode()
    assert "Undo this import" not in page
    assert "Undo this import" in client.get(fresh).content.decode()
    with tenant_context(acme):
        assert run_at(acme, old).files.get().created == 2
        assert run_at(acme, old).quarantine.count() == 1
        assert set(ImportChunk.objects.values_list("upload__run", flat=True)) == {run_at(acme, fresh).pk}
        assert work.backlog() is None

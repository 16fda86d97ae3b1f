"""Exports that the team did not make, and the same rows as spreadsheets write them."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from hub.accounts.models import Account, Contact
from hub.feedback.models import Ticket
from hub.ingest.imports import work
from hub.ingest.imports.engine import ImportResult, import_folder
from hub.ingest.imports.preflight import mapping_load
from hub.ingest.imports.runs import run_create, run_start
from hub.ingest.models import ImportRun
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import ACTOR

MAPPINGS = Path(__file__).parents[2] / "hub" / "ingest" / "mappings"
DOCS = Path(__file__).parents[2] / "docs" / "imports.md"
SAMPLES = Path(os.environ.get("SAMPLE_DATA", Path(__file__).parents[3] / "shared" / "data"))
FOLDERS = {
    "hubspot": "hubspot-crm-seeds",
    "hubspot-associations": "hubspot-crm-seeds",
    "zendesk": "zendesk-seeds",
    "ravenstack": "ravenstack",
}


def folder_of(name: str) -> Path:
    folder = SAMPLES / FOLDERS[name]
    if not folder.is_dir():
        pytest.skip(f"no sample data at {folder}: set SAMPLE_DATA")
    return folder


def run(tenant: Tenant, name: str) -> ImportResult:
    return import_folder(
        tenant=tenant,
        mapping=mapping_load(MAPPINGS / f"{name}.yaml"),
        mapping_name=name,
        folder=folder_of(name),
        actor=ACTOR,
        historical=True,
    )


def said(name: str) -> dict[str, list[int]]:
    """What the table in the documents says of each file: read, created, left out, quarantined."""
    rows = re.findall(rf"^\| {name} (\S+) \| \w+ \|((?: [\d,]+ \|)+)", DOCS.read_text(), re.MULTILINE)
    return {file: [int(cell.replace(",", "")) for cell in cells.strip(" |").split("|")] for file, cells in rows}


@pytest.mark.parametrize(
    "name", ["hubspot", "hubspot-associations", "zendesk", pytest.param("ravenstack", marks=pytest.mark.slow)]
)
def test_a_sample_becomes_what_the_documents_say_and_again_nothing(acme: Tenant, name: str) -> None:
    first = run(acme, name)
    found = {
        item.name: [item.read, item.counts["created"], item.counts["left_out"], item.counts["quarantined"]]
        for item in first.files
    }
    assert found == said(name)
    for item in run(acme, name).files:
        assert item.counts["unchanged"] == found[item.name][1], item
        assert (item.counts["created"], item.counts["updated"]) == (0, 0)


def test_zendesk_end_users_become_contacts_of_their_organizations_and_tickets_keep_their_words(acme: Tenant) -> None:
    run(acme, "zendesk")
    with tenant_context(acme):
        assert Account.objects.filter(name="name1").exists()
        for ticket in Ticket.objects.all():
            assert ticket.status in ("open", "pending", "on_hold", "solved", "closed")
        assert set(Contact.objects.values_list("email", flat=True)) <= {"example@email.com"}


# --- The same rows, as people's programs write them -----------------------------------------------------------------

ROWS = 60


def accounts() -> list[dict[str, str]]:
    with (folder_of("ravenstack") / "ravenstack_accounts.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))[:ROWS]


def american(row: dict[str, str]) -> dict[str, str]:
    day = date.fromisoformat(row["signup_date"])
    return {**row, "signup_date": f"{day:%m/%d/%Y}", "churn_flag": {"True": "yes", "False": "no"}[row["churn_flag"]]}


def german(row: dict[str, str]) -> dict[str, str]:
    day = date.fromisoformat(row["signup_date"])
    return {
        **row,
        "signup_date": f"{day.day}.{day.month}.{day.year}",
        "churn_flag": str(int(row["churn_flag"] == "True")),
    }


def as_csv(rows: list[dict[str, str]], path: Path, *, encoding: str, delimiter: str, ending: str = "\r\n") -> None:
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], delimiter=delimiter, lineterminator=ending)
        writer.writeheader()
        writer.writerows(rows)


def as_workbook(rows: list[dict[str, str]], path: Path) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(list(rows[0]))
    for row in rows:
        typed: dict[str, Any] = dict(row)
        typed |= {"seats": int(row["seats"]), "signup_date": datetime.fromisoformat(row["signup_date"])}
        typed |= {name: row[name] == "True" for name in ("churn_flag", "is_trial")}
        sheet.append(list(typed.values()))
    book.save(path)


VARIANTS: dict[str, Callable[[Path], None]] = {
    "bom.csv": lambda path: as_csv(accounts(), path, encoding="utf-8-sig", delimiter=","),
    "american.csv": lambda path: as_csv([american(row) for row in accounts()], path, encoding="utf-8", delimiter=","),
    "german.csv": lambda path: as_csv([german(row) for row in accounts()], path, encoding="cp1252", delimiter=";"),
    "utf16.txt": lambda path: as_csv(accounts(), path, encoding="utf-16", delimiter="\t"),
    "old-mac.csv": lambda path: as_csv(accounts(), path, encoding="utf-8", delimiter=",", ending="\r"),
    "workbook.xlsx": lambda path: as_workbook(accounts(), path),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_spelling_of_a_file_lands_as_the_same_accounts(acme: Tenant, tmp_path: Path, variant: str) -> None:
    """Each variant goes through the browser's way, its mapping suggested from the file alone."""
    path = tmp_path / f"accounts {variant}"
    VARIANTS[variant](path)
    with tenant_context(acme):
        made = run_create(files=[SimpleUploadedFile(path.name, path.read_bytes())], actor=ACTOR)
    work.drain(acme.pk)
    with tenant_context(acme):
        run_start(run=made, actor=ACTOR, historical=True)
    work.drain(acme.pk)
    with tenant_context(acme):
        done = ImportRun.objects.get(pk=made.pk)
        assert (done.status, done.files.get().created) == ("done", ROWS), done.problem
        found = {
            row["account_name"]: (
                row["industry"],
                row["country"],
                int(row["seats"]),
                row["churn_flag"] == "True",
                date.fromisoformat(row["signup_date"]),
            )
            for row in accounts()
        }
        stored = Account.objects.values_list("name", "industry", "country", "seats", "source_churned", "signed_up_on")
        assert {name: tuple(rest) for name, *rest in stored} == found

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from hub.accounts.models import Account, AccountState, Contact
from hub.ingest.imports.engine import ImportResult, import_folder
from hub.ingest.imports.preflight import ImportProblem, mapping_load
from hub.ingest.models import ImportedFile, ImportRun, QuarantinedRow
from hub.people.services import credential_create
from hub.plans.models import Milestone
from hub.revenue.models import AccountMonth, ContractLine
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily, UsageRecord
from signals.engine import evaluate_batch
from signals.models import Signal
from tests.world import ACTOR

SHIPPED = Path(__file__).parents[2] / "hub" / "ingest" / "mappings" / "ravenstack.yaml"
ACCOUNTS = """
source: crm
files:
  - file: accounts.csv
    entity: account
    external_id: id
    fields:
      name: name
      signed_up_on: since
      seats: seats
      source_churned: {column: gone, true: [ja], false: [nein]}
      attributes.region: region
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mapping.yaml").write_text(ACCOUNTS)
    return tmp_path


def run(tenant: Tenant, folder: Path, *, dry_run: bool = False, historical: bool = False) -> ImportResult:
    mapping = mapping_load(folder / "mapping.yaml")
    return import_folder(
        tenant=tenant,
        mapping=mapping,
        mapping_name="mapping.yaml",
        folder=folder,
        actor=ACTOR,
        dry_run=dry_run,
        historical=historical,
    )


def counts(result: ImportResult, index: int = 0) -> dict[str, int]:
    return {name: count for name, count in result.files[index].counts.items() if count}


def test_import_creates_then_says_unchanged_then_updates(acme: Tenant, folder: Path) -> None:
    file = folder / "accounts.csv"
    file.write_text("id,name,since,seats,gone,region\n1,Northwind,2024-01-31,12,nein,north\n2,South,45322,,ja,\n")
    assert counts(run(acme, folder)) == {"created": 2}
    assert counts(run(acme, folder)) == {"unchanged": 2}
    file.write_text("id,name,since,seats,gone,region\n1,Northwind,2024-01-31,13,nein,north\n2,South,45322,,ja,\n")
    assert counts(run(acme, folder)) == {"updated": 1, "unchanged": 1}
    with tenant_context(acme):
        first = Account.objects.get(name="Northwind")
        assert (first.seats, first.source_churned, first.attributes) == (13, False, {"region": "north"})
        assert Account.objects.get(name="South").signed_up_on == date(2024, 1, 31)


def test_boms_semicolons_quoted_newlines_and_western_encodings_are_read(acme: Tenant, folder: Path) -> None:
    rows = 'id;name;since;seats;gone;region\n1;"Nord\nwind";2024-01-31;1;ja;"a;b"\n2;Süd;2024-02-01;2;nein;x\n'
    for number, encoding in enumerate(("utf-8-sig", "cp1252", "utf-16")):
        (folder / "accounts.csv").write_bytes(rows.encode(encoding))
        assert counts(run(acme, folder)) == ({"created": 2} if number == 0 else {"unchanged": 2}), encoding
    with tenant_context(acme):
        assert Account.objects.filter(name="Süd").exists()
        assert Account.objects.get(name="Nord\nwind").attributes == {"region": "a;b"}


def test_bad_rows_are_quarantined_with_line_column_value_and_reason(acme: Tenant, folder: Path) -> None:
    (folder / "accounts.csv").write_text(
        "id,name,since,seats,gone,region\n"
        "1,Fine,2024-01-31,1,ja,\n"
        "2,Bad day,31.02.2024,1,ja,\n"
        ",No id,2024-01-31,1,ja,\n"
        "3,,2024-01-31,1,ja,\n"
        '4,"Two\nlines",2024-01-31,x,ja,\n'
        "5,Too many,2024-01-31,1,ja,north,surplus\n"
        "1,Fine,2024-01-31,1,ja,\n"
        "1,Other,2024-01-31,1,ja,\n"
    )
    result = run(acme, folder)
    assert counts(result) == {"created": 1, "repeated": 1, "quarantined": 6}
    with tenant_context(acme):
        refused = {q.line: (q.column, q.value, q.reason) for q in QuarantinedRow.objects.all()}
    assert refused == {
        3: ("since", "31.02.2024", "bad_value"),
        4: ("id", "", "no_id"),
        5: ("name", "", "empty"),
        6: ("seats", "x", "bad_value"),
        8: ("", "", "extra_cells"),
        10: ("id", "1", "duplicate_id"),
    }
    with tenant_context(acme):
        assert "line 2" in QuarantinedRow.objects.get(line=10).message
        assert ImportedFile.objects.get().quarantined == 6


def test_rows_that_do_not_fit_or_cannot_be_stored_are_quarantined_and_the_rest_is_taken(
    acme: Tenant, folder: Path
) -> None:
    (folder / "accounts.csv").write_bytes(
        b"\xef\xbb\xbfid,name,since,seats,gone,region\n"
        b"1,Few,2024-01-31\n"
        b"2,N\0UL,2024-01-31,1,ja,\n"
        b"3,B\xffad,2024-01-31,1,ja,\n"
        b"4,Good,2024-01-31,1,ja,\n"
    )
    assert counts(run(acme, folder)) == {"created": 1, "quarantined": 3}
    with tenant_context(acme):
        reasons = dict(QuarantinedRow.objects.values_list("line", "reason"))
    assert reasons == {2: "missing_cells", 3: "bad_value", 4: "bad_encoding"}


def test_a_quote_that_is_never_closed_swallows_nothing(acme: Tenant, folder: Path) -> None:
    (folder / "accounts.csv").write_text(
        'id,name,since,seats,gone,region\n1,A,2024-01-31,1,ja,\n2,"open,2024-01-31,1,ja,\n3,C,2024-01-31,1,ja,\n'
    )
    with pytest.raises(ImportProblem, match=r"accounts\.csv: line 3: a quote is opened and never closed"):
        run(acme, folder)
    with tenant_context(acme):
        assert not Account.objects.exists()


def test_a_dry_run_counts_and_keeps_nothing(acme: Tenant, folder: Path) -> None:
    (folder / "accounts.csv").write_text("id,name,since,seats,gone,region\n1,A,2024-01-31,1,ja,\n2,B,never,1,ja,\n")
    result = run(acme, folder, dry_run=True)
    assert counts(result) == {"created": 1, "quarantined": 1}
    with tenant_context(acme):
        assert not Account.objects.exists()
        assert not ImportRun.objects.exists()
        assert not QuarantinedRow.objects.exists()


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ("source: [", "line 1: not YAML"),
        ("just text", "expected a mapping"),
        ("source: crm\nfiles: []", "files: expected a list"),
        (ACCOUNTS.replace("account\n", "acount\n"), "files[0].entity: unknown entity 'acount'"),
        (ACCOUNTS.replace("      name: name\n", ""), "files[0].fields.name: this field is needed"),
        (ACCOUNTS.replace("seats: seats", "chairs: seats"), "files[0].fields.chairs: unknown field"),
        (ACCOUNTS + "    shape: round\n", "files[0].shape: unknown key"),
        (ACCOUNTS.replace("region: region", "region: {}"), "files[0].fields.attributes.region: say either"),
    ],
)
def test_a_malformed_mapping_is_refused_naming_file_and_key(folder: Path, mapping: str, said: str) -> None:
    (folder / "mapping.yaml").write_text(mapping)
    with pytest.raises(ImportProblem) as caught:
        mapping_load(folder / "mapping.yaml")
    assert caught.value.problems[0].startswith("mapping.yaml")
    assert said in str(caught.value)


def test_a_missing_column_or_file_is_refused_before_anything_is_written(acme: Tenant, folder: Path) -> None:
    (folder / "accounts.csv").write_text("id,name,seats,gone,region\n1,A,1,ja,\n")
    with pytest.raises(ImportProblem, match=r"accounts\.csv: line 1: column 'since' is missing"):
        run(acme, folder)
    (folder / "accounts.csv").unlink()
    with pytest.raises(ImportProblem, match=r"accounts\.csv: not found"):
        run(acme, folder)
    with tenant_context(acme):
        assert not ImportRun.objects.exists()


def test_the_command_names_an_unknown_tenant_and_exits_1_when_nothing_could_be_read(acme: Tenant, folder: Path) -> None:
    with pytest.raises(CommandError, match="unknown tenant 'nobody'"):
        call_command("import_data", folder, tenant="nobody", mapping=folder / "mapping.yaml")
    (folder / "accounts.csv").write_text("id,name,since,seats,gone,region\n")
    out = StringIO()
    with pytest.raises(SystemExit) as caught:
        call_command("import_data", folder, tenant="acme", mapping=folder / "mapping.yaml", stdout=out)
    assert caught.value.code == 1


LOOP = """
source: crm
files:
  - {file: accounts.csv, entity: account, external_id: id, fields: {name: name, signed_up_on: since}}
  - file: people.csv
    entity: contact
    external_id: id
    account: account
    fields: {email: email, name: name, roles: roles}
  - file: usage.csv
    entity: usage
    external_id: id
    account: account
    fields: {day: day, name: feature, count: count, user: who}
  - file: milestones.csv
    entity: milestone
    external_id: id
    account: account
    fields: {plan_started_on: start, key: key, title: title, completed_at: done}
  - file: answers.csv
    entity: survey_response
    external_id: id
    account: account
    contact: person
    fields: {kind: {constant: nps}, score: score, answered_at: at}
"""


@pytest.fixture
def loop(folder: Path) -> Path:
    (folder / "mapping.yaml").write_text(LOOP)
    now = timezone.now()
    monday = now.date() - timedelta(days=now.weekday())
    (folder / "accounts.csv").write_text("id,name,since\n1,Northwind,2020-01-01\n")
    (folder / "people.csv").write_text("id,account,email,name,roles\np1,1,Kim@N.example,Kim,champion;admin\n")
    weeks = [100] * 8 + [50, 50]
    usage = [f"u{n},1,{monday - timedelta(days=7 * (10 - n))},report,{c},p1" for n, c in enumerate(weeks)]
    (folder / "usage.csv").write_text("id,account,day,feature,count,who\n" + "\n".join(usage) + "\n")
    (folder / "milestones.csv").write_text(
        f"id,account,start,key,title,done\nm1,1,2020-01-01,go,Go live,{now.isoformat()}\nm2,1,2020-01-01,two,Two,\n"
    )
    (folder / "answers.csv").write_text(f"id,account,person,score,at\na1,1,p1,10,{now.isoformat()}\n")
    return folder


def test_every_entity_is_imported_and_imported_again_unchanged(acme: Tenant, loop: Path) -> None:
    first = run(acme, loop)
    assert [counts(first, n) for n in range(5)] == [{"created": n} for n in (1, 1, 10, 2, 1)]
    second = run(acme, loop)
    assert [counts(second, n) for n in range(5)] == [{"unchanged": n} for n in (1, 1, 10, 2, 1)]
    with tenant_context(acme):
        contact = Contact.objects.get()
        assert (contact.email, contact.roles) == ("kim@n.example", ["champion", "admin"])
        assert sum(UsageDaily.objects.values_list("count", flat=True)) == 900
        assert Milestone.objects.filter(completed_via="import").count() == 1


def test_a_changed_usage_row_moves_the_rollup_by_the_difference(acme: Tenant, loop: Path) -> None:
    run(acme, loop)
    text = (loop / "usage.csv").read_text()
    (loop / "usage.csv").write_text(text.replace(",report,50,", ",export,70,", 1))
    assert counts(run(acme, loop), 2) == {"updated": 1, "unchanged": 9}
    with tenant_context(acme):
        totals = dict(UsageDaily.objects.filter(name="export").values_list("name", "count"))
        assert totals == {"export": 70}
        assert sum(UsageDaily.objects.values_list("count", flat=True)) == sum(
            UsageRecord.objects.values_list("count", flat=True)
        )


@pytest.mark.parametrize("historical", [False, True])
def test_historical_rows_start_nothing_and_others_do(acme: Tenant, loop: Path, historical: bool) -> None:
    run(acme, loop, historical=historical)
    with tenant_context(acme):
        while evaluate_batch(acme):
            pass
        # Usage decline is true at first sight: a baseline either way. The milestone of today is news only when live.
        assert [s.trigger.key for s in Signal.objects.all()] == ([] if historical else ["milestone-reached"])


def test_a_decline_that_comes_in_as_history_stays_silent(acme: Tenant, loop: Path) -> None:
    decline = (loop / "usage.csv").read_text()
    (loop / "usage.csv").write_text(decline.replace(",report,50,", ",report,100,"))
    run(acme, loop, historical=True)
    with tenant_context(acme):
        while evaluate_batch(acme):
            pass
    (loop / "usage.csv").write_text(decline)
    run(acme, loop, historical=True)
    with tenant_context(acme):
        while evaluate_batch(acme):
            pass
        assert not Signal.objects.filter(trigger__key="usage-decline").exists()


def test_rows_of_unknown_accounts_and_people_are_quarantined(acme: Tenant, loop: Path) -> None:
    (loop / "usage.csv").write_text(
        "id,account,day,feature,count,who\nu1,9,2024-01-01,report,1,\nu2,,2024-01-01,r,1,\n"
    )
    (loop / "answers.csv").write_text("id,account,person,score,at\na1,1,zz,10,2024-01-01\na2,1,p1,11,2024-01-01\n")
    result = run(acme, loop)
    with tenant_context(acme):
        reasons = set(QuarantinedRow.objects.values_list("file", "line", "reason"))
    assert reasons == {
        ("usage.csv", 2, "unknown_account"),
        ("usage.csv", 3, "no_account"),
        ("answers.csv", 2, "unknown_contact"),
        ("answers.csv", 3, "bad_value"),
    }
    assert counts(result, 2) == {"quarantined": 2}


def test_an_import_of_one_tenant_touches_no_other(acme: Tenant, globex: Tenant, loop: Path) -> None:
    run(acme, loop)
    with tenant_context(globex):
        assert not Account.objects.exists()
    assert counts(run(globex, loop)) == {"created": 1}


@pytest.fixture
def ravenstack() -> Path:
    folder = Path(os.environ.get("SAMPLE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "ravenstack"
    if not folder.is_dir():
        pytest.skip(f"no sample data at {folder}: set SAMPLE_DATA")
    return folder


@pytest.mark.slow
def test_ravenstack_imports_whole_and_the_second_time_unchanged(acme: Tenant, ravenstack: Path) -> None:
    mapping = mapping_load(SHIPPED)

    def once() -> list[dict[str, int]]:
        result = import_folder(
            tenant=acme, mapping=mapping, mapping_name=SHIPPED.name, folder=ravenstack, actor=ACTOR, historical=True
        )
        return [counts(result, n) for n in range(5)]

    assert once() == [
        {"created": 500},
        {"created": 5000},
        {"created": 600},
        {"created": 24_979, "quarantined": 21},
        {"created": 2000},
    ]
    with tenant_context(acme):
        assert set(QuarantinedRow.objects.values_list("reason", flat=True)) == {"duplicate_id"}
        assert ContractLine.objects.filter(is_trial=False).exists()
        assert AccountMonth.objects.filter(month=date(2024, 12, 1), overlap="sum").exists()
        assert AccountState.objects.filter(dirty_at__isnull=False).count() == 500
    assert once() == [
        {"unchanged": 500},
        {"unchanged": 5000},
        {"unchanged": 600},
        {"unchanged": 24_979, "quarantined": 21},
        {"unchanged": 2000},
    ]


@pytest.mark.slow
@pytest.mark.parametrize("overlap", ["sum", "latest"])
def test_nrr_of_ravenstack_over_the_api_equals_pandas_from_the_files(
    acme: Tenant, ravenstack: Path, overlap: str
) -> None:
    """Files → import → API, against the files alone."""
    mapping = replace(mapping_load(SHIPPED), files=mapping_load(SHIPPED).files[:2])
    import_folder(tenant=acme, mapping=mapping, mapping_name=SHIPPED.name, folder=ravenstack, actor=ACTOR)
    _, key = credential_create(tenant=acme, name="test", actor=ACTOR)
    answer = Client(HTTP_AUTHORIZATION=f"Bearer {key}").get(
        "/api/v1/metrics/nrr", {"as_of": "2024-12-31", "window": "12m", "overlap": overlap, "segment_by": "industry"}
    )
    assert answer.status_code == 200, answer.content
    body = answer.json()
    lines = pd.read_csv(ravenstack / "ravenstack_subscriptions.csv", parse_dates=["start_date", "end_date"])
    paid = lines[~lines.is_trial & (lines.mrr_amount > 0)]

    def mrr(day: str) -> pd.Series[int]:
        at = pd.Timestamp(day)
        live = paid[(paid.start_date <= at) & (paid.end_date.isna() | (paid.end_date > at))]
        if overlap == "latest":
            live = live.sort_values(["start_date", "subscription_id"]).groupby("account_id").tail(1)
        return live.groupby("account_id").mrr_amount.sum()

    then, now = mrr("2023-12-31"), mrr("2024-12-31")
    kept = now.reindex(then.index).fillna(0)
    assert body["opening"] == then.sum() * 100
    assert body["closing"] == now.sum() * 100
    assert body["cohort_size"] == len(then)
    assert body["nrr"] == pytest.approx(kept.sum() / then.sum(), abs=5e-7)
    assert body["grr"] == pytest.approx(np.minimum(kept, then).sum() / then.sum(), abs=5e-7)
    assert sum(segment["opening"] for segment in body["segments"]) == body["opening"]

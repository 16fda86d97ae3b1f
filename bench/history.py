"""History that is imported fires nothing: usage and tickets of the last weeks, of accounts that were looked at before.

Every account gets what its triggers wait for: use that falls, data that is exported, three urgent tickets. `ours` are
the signals that come of it, which must be none; beside it stands how many conditions the import made true. In the end
one more row, that is no history, must fire.
"""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bench.database import database
from bench.result import Result, result

if TYPE_CHECKING:
    from hub.tenancy.models import Tenant

MAPPING = """
source: bench
files:
  - {file: accounts.csv, entity: account, external_id: id, fields: {name: name, signed_up_on: since}}
"""
HISTORY = """
source: bench
files:
  - file: usage.csv
    entity: usage
    external_id: id
    account: account
    fields: {day: day, name: feature, count: count}
  - file: tickets.csv
    entity: ticket
    external_id: id
    account: account
    fields: {subject: subject, priority: priority, opened_at: at}
"""
DAYS = 70


def measure(scale: float) -> list[Result]:
    with database(), tempfile.TemporaryDirectory() as folder:
        from hub.people.audit import command
        from hub.tenancy.context import tenant_context
        from hub.tenancy.models import Tenant
        from signals.services import triggers_install

        tenant = Tenant.objects.create(slug="bench", name="Bench")
        with tenant_context(tenant):
            triggers_install(actor=command("bench"))
        rows, accounts = round(1_000_000 * scale), round(10_000 * scale)
        begun = time.perf_counter()
        signals, stands = silent(tenant, Path(folder), rows, accounts)
        seconds = time.perf_counter() - begun
        alive = wakes(tenant, Path(folder))
    return [
        result("signals of imported history", "signals", signals, rows=rows, accounts=accounts, conditions=stands,
               signals_of_a_live_row=alive, seconds=round(seconds, 1))
    ]  # fmt: skip


def silent(tenant: Tenant, folder: Path, rows: int, accounts: int) -> tuple[int, int]:
    """Import `rows` of history for accounts that were evaluated before; the signals of it, and what it made true."""
    from hub.tenancy.context import tenant_context
    from signals.models import Signal, TriggerState

    _write(
        folder / "accounts.csv", ("id", "name", "since"), ((f"a{n}", f"A {n}", "2020-01-01") for n in range(accounts))
    )
    _load(tenant, folder, MAPPING, historical=True)
    _evaluate(tenant)
    per_account = max(1, rows // accounts - 3)
    _write(folder / "usage.csv", ("id", "account", "day", "feature", "count"), _usage(accounts, per_account))
    _write(folder / "tickets.csv", ("id", "account", "subject", "priority", "at"), _tickets(accounts))
    _load(tenant, folder, HISTORY, historical=True)
    _evaluate(tenant)
    with tenant_context(tenant):
        return Signal.objects.count(), TriggerState.objects.filter(is_true=True).count()


def wakes(tenant: Tenant, folder: Path) -> int:
    """How many signals come of one row that is no history: a customer asks for a feature."""
    from hub.tenancy.context import tenant_context
    from signals.models import Signal

    head = ("id", "account", "subject", "priority", "at", "kind")
    _write(folder / "tickets.csv", head, [("live", "a0", "Wanted: an export", "low", _today(), "feature")])
    _write(folder / "usage.csv", ("id", "account", "day", "feature", "count"), [])
    _load(tenant, folder, HISTORY.replace("opened_at: at}", "opened_at: at, kind: kind}"), historical=False)
    _evaluate(tenant)
    with tenant_context(tenant):
        found: int = Signal.objects.count()
    return found


def _today() -> date:
    return datetime.now(UTC).date()


def _usage(accounts: int, each: int) -> Iterator[tuple[object, ...]]:
    today = _today()
    for account in range(accounts):
        for n in range(each):
            back = n % DAYS
            feature = "Data exported" if n % 10 == 3 else f"feature {n % 4}"
            yield f"u{account}-{n}", f"a{account}", today - timedelta(days=back), feature, 1 if back < 21 else 50


def _tickets(accounts: int) -> Iterator[tuple[object, ...]]:
    today = _today()
    for account in range(accounts):
        for n in range(3):
            yield f"t{account}-{n}", f"a{account}", "Everything is down", "urgent", today - timedelta(days=n)


def _write(file: Path, head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(head)
        writer.writerows(rows)


def _load(tenant: Tenant, folder: Path, mapping: str, *, historical: bool) -> None:
    from hub.ingest.imports.engine import import_folder
    from hub.ingest.imports.preflight import mapping_load
    from hub.people.audit import command

    (folder / "mapping.yaml").write_text(mapping)
    done = import_folder(
        tenant=tenant, mapping=mapping_load(folder / "mapping.yaml"), mapping_name="history", folder=folder,
        actor=command("bench"), historical=historical,
    )  # fmt: skip
    refused = sum(item.counts.get("quarantined", 0) for item in done.files)
    assert not refused, f"{refused} rows were refused"


def _evaluate(tenant: Tenant) -> None:
    from signals.draining import drain

    drain(tenant.pk)

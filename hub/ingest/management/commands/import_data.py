from __future__ import annotations

import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.ingest.imports.engine import OUTCOMES, ImportProblem, ImportResult, import_folder, mapping_load
from hub.people.audit import command
from hub.people.management.tenants import tenant_or_error

SHOWN = 20


class Command(BaseCommand):
    help = "Import a folder of CSV files by a YAML mapping (docs/imports.md); print what became of every row."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--tenant", required=True)
        parser.add_argument("--mapping", required=True, type=Path, help="a YAML file")
        parser.add_argument("--dry-run", action="store_true", help="do everything, then take it back")
        parser.add_argument("--historical", action="store_true", help="the rows trigger nothing")
        parser.add_argument("--as-of", type=_date, help="the day that the files describe (provenance)")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = tenant_or_error(options["tenant"])
        started = time.monotonic()
        try:
            mapping = mapping_load(options["mapping"])
            result = import_folder(
                tenant=tenant,
                mapping=mapping,
                mapping_name=options["mapping"].name,
                folder=options["folder"],
                actor=command("import_data"),
                dry_run=options["dry_run"],
                historical=options["historical"],
                as_of=options["as_of"],
            )
        except ImportProblem as problem:
            raise CommandError("nothing was written:\n" + "\n".join(problem.problems)) from None
        self._table(result, dry_run=options["dry_run"], seconds=time.monotonic() - started)
        if result.read == 0 or all(item.read == item.counts["quarantined"] for item in result.files):
            sys.exit(1)

    def _table(self, result: ImportResult, *, dry_run: bool, seconds: float) -> None:
        heads = ("file", "read", *OUTCOMES)
        rows = [(item.name, item.read, *(item.counts[name] for name in OUTCOMES)) for item in result.files]
        total = ("total", *(sum(int(row[n]) for row in rows) for n in range(1, len(heads))))
        width = max(len(str(row[0])) for row in [heads, *rows, total])
        for row in [heads, *rows, total]:
            self.stdout.write(f"{row[0]!s:<{width}}" + "".join(f"{cell!s:>13}" for cell in row[1:]))
        for refused in [row for item in result.files for row in item.quarantine][:SHOWN]:
            where = f"{refused.file}:{refused.line}" + (
                f" {refused.column}={refused.value!r}" if refused.column else ""
            )
            self.stdout.write(f"  {where}: {refused.reason}: {refused.message}")
        refused_count = sum(len(item.quarantine) for item in result.files)
        if refused_count > SHOWN:
            self.stdout.write(f"  … and {refused_count - SHOWN} more")
        ending = "dry run: nothing was kept" if dry_run else f"import {result.run.pk}"
        self.stdout.write(f"{ending}, {seconds:.1f} s")


def _date(value: str) -> date:
    return date.fromisoformat(value)

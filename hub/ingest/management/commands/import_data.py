from __future__ import annotations

import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.ingest.imports.engine import OUTCOMES, ImportResult, import_folder
from hub.ingest.imports.preflight import ImportProblem, mapping_load
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
        counted = {item.name: [item.read, *(item.counts[name] for name in OUTCOMES)] for item in result.files}
        counted["total"] = [sum(column) for column in zip(*counted.values(), strict=True)]
        width = max(len(name) for name in counted)
        self.stdout.write(f"{'file':<{width}}" + "".join(f"{head:>13}" for head in ("read", *OUTCOMES)))
        for name, cells in counted.items():
            self.stdout.write(f"{name:<{width}}" + "".join(f"{cell:>13,}" for cell in cells))
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

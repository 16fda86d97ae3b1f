"""Say what is wrong with this installation."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.doctor import findings


class Command(BaseCommand):
    help = "Say what is wrong with this installation and how to mend it; exit code 1 when something is."
    # A broken installation is what this command is for.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--only", metavar="NAME", help="look at one thing only, such as clock; for health checks")

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = 0
        only = options["only"]
        seen = [finding for finding in findings() if only in (None, finding.name)]
        if not seen:
            raise CommandError(f"Nothing called {only!r} was found to look at.")
        for finding in seen:
            wrong += not finding.ok
            self.stdout.write(f"{'ok     ' if finding.ok else 'PROBLEM'}  {finding.name:<20} {finding.detail}")
            if finding.mend:
                self.stdout.write(f"{'':9}{'':<20} → {finding.mend}")
        if wrong:
            self.stdout.write(f"\n{wrong} problem{'s' if wrong > 1 else ''}.")
            sys.exit(1)
        self.stdout.write("\nAll is well.")

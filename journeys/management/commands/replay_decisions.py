"""Make the decisions of a day again: ``manage.py replay_decisions --tenant acme --day 2026-11-23``. Changes nothing."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.decisions.replay import replay_day


class Command(BaseCommand):
    help = "Make the decisions of next best action of a day again, and say whether the same comes out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, help="its short name")
        parser.add_argument("--day", required=True, help="like 2026-11-23, in the tenant's zone")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            day = date.fromisoformat(options["day"])
        except ValueError:
            raise CommandError(f"{options['day']!r} is no day; write it like 2026-11-23") from None
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {options['tenant']!r}")
        with tenant_context(tenant):
            found = replay_day(day)
            for each in found.differences:
                self.stdout.write(f"{each.choice.pk} of {each.choice.account.name} comes out otherwise")
        if found.differences:
            raise CommandError(f"{len(found.differences)} of {found.decided} decisions come out otherwise")
        self.stdout.write(f"{found.decided} decisions of {day}, all the same")

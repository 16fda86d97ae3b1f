from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from hub.people.audit import audit, command
from hub.registry.handlers import tenant_made
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant


class Command(BaseCommand):
    help = "Make a tenant (a company that uses Tandem)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--name", required=True)
        parser.add_argument("--timezone", default="UTC")
        parser.add_argument("--currency", default="USD")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["timezone"] not in available_timezones():
            raise CommandError(f"unknown time zone {options['timezone']!r}: use a name like Europe/Berlin")
        if len(options["currency"]) != 3 or not options["currency"].isalpha():
            raise CommandError(f"unknown currency {options['currency']!r}: use a three-letter code like USD")
        tenant = Tenant(
            slug=options["slug"],
            name=options["name"],
            timezone=options["timezone"],
            currency=options["currency"].upper(),
        )
        try:
            tenant.full_clean()
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        with transaction.atomic():
            tenant.save()
            with tenant_context(tenant):
                audit(command("create_tenant"), "tenant.create", tenant)
                tenant_made(tenant.id, [tenant.id])
        self.stdout.write(f"tenant {tenant.slug} made")

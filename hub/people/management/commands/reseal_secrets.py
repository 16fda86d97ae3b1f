from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.people.audit import audit, command
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.resealing import secrets_reseal


class Command(BaseCommand):
    help = "Encrypt the secrets of connections and webhooks anew, under today's SECRET_KEY; then drop the fallback."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, **options: Any) -> None:
        unreadable = 0
        for tenant in Tenant.objects.all():
            with tenant_context(tenant):
                found = secrets_reseal(dry_run=options["dry_run"])
                if found.anew and not options["dry_run"]:
                    audit(command("reseal_secrets"), "secrets.reseal", tenant, count=found.anew)
            unreadable += found.unreadable
            words = "to be encrypted anew" if options["dry_run"] else "encrypted anew"
            self.stdout.write(
                f"{tenant.slug}: {found.anew} {words}, {found.current} were so, {found.unreadable} cannot be read"
            )
        if unreadable:
            raise CommandError(
                f"{unreadable} secrets cannot be read with the keys there are: put the key of before into "
                "SECRET_KEY_FALLBACKS, or give these secrets anew on their pages"
            )

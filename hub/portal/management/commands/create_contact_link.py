from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.people.audit import audit, command
from hub.people.management.tenants import tenant_or_error
from hub.portal.selectors import contacts_of
from hub.portal.services import sign_in_prepare
from hub.tenancy.context import tenant_context


class Command(BaseCommand):
    help = "Print a one-time sign-in address of a contact's hub (15 minutes)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--tenant", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = tenant_or_error(options["tenant"])
        with tenant_context(tenant):
            contact = contacts_of(options["email"]).first()
            if contact is None:
                raise CommandError(f"no contact with the address {options['email']!r} at {tenant.slug}")
            invitation = sign_in_prepare(email=options["email"])
            audit(command("create_contact_link"), "hub.link", contact)
        self.stdout.write(f"{settings.PUBLIC_URL}/hub/{tenant.slug}/enter/{invitation.token}/")

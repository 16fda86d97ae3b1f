from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.people.audit import command
from hub.people.management.tenants import tenant_or_error
from hub.people.models import Role
from hub.people.services import member_add


class Command(BaseCommand):
    help = "Make a staff user, or give an existing one a role at a tenant."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--tenant", required=True)
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--name", default="")
        parser.add_argument("--password", help="without one the person signs in by an e-mailed code")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            membership = member_add(
                tenant=tenant_or_error(options["tenant"]),
                email=options["email"],
                role=options["role"],
                name=options["name"],
                password=options["password"],
                actor=command("create_user"),
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(f"{membership.user.email} is {membership.role} at {options['tenant']}")

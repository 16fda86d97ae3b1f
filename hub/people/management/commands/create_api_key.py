from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.people.audit import command
from hub.people.management.tenants import tenant_or_error
from hub.people.services import credential_create


class Command(BaseCommand):
    help = "Make an API key and print it, alone on one line. It is shown only now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument("--scope", default="", help="comma-separated: read,write,ingest (default: all three)")

    def handle(self, *args: Any, **options: Any) -> None:
        scopes = [scope.strip() for scope in options["scope"].split(",") if scope.strip()]
        try:
            _, key = credential_create(
                tenant=tenant_or_error(options["tenant"]),
                name=options["name"],
                scopes=scopes,
                actor=command("create_api_key"),
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(key)

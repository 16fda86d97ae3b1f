from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.demo.load import demo_make


class Command(BaseCommand):
    help = "Make the demo tenant anew with the product's own simulator (loopback installations only)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--accounts", type=int, default=120)
        parser.add_argument("--months", type=int, default=18)
        parser.add_argument("--seed", type=int, default=7)

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IS_HTTPS:
            raise CommandError("the demo's sign-ins are printed on screen: only for a PUBLIC_URL on this machine")
        if not 1 <= options["accounts"] <= 100_000 or not 3 <= options["months"] <= 60:
            raise CommandError("--accounts 1 to 100000, --months 3 to 60")
        started = time.monotonic()
        made = demo_make(
            accounts=options["accounts"],
            months=options["months"],
            seed=options["seed"],
            say=lambda text: self.stdout.write(f"demo: {text} …"),
        )
        self.stdout.write(f"demo: tenant {made['tenant']} made in {time.monotonic() - started:.1f} s")

"""Start everything on this machine; what `make run` calls last."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import startup
from config.embedded.errors import EmbeddedError
from config.embedded.home import hub_home
from config.embedded.stack import Stack, prepare
from config.supervisor import Supervisor


class Command(BaseCommand):
    help = "Start PostgreSQL, Redis, web, events, worker and clock on this machine; Ctrl-C stops them all."
    # Nothing is there to be checked before the servers run.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, _interrupt)
        self.begun = time.monotonic()
        try:
            code = self._run()
        except KeyboardInterrupt:
            code = 0
        except EmbeddedError as error:
            raise CommandError(str(error)) from error
        if code:
            sys.exit(code)

    def _run(self) -> int:
        port = int(os.environ.get("PORT") or 8000)
        stack = prepare(hub_home(), port=port, events_port=int(os.environ.get("EVENTS_PORT") or port + 1))
        with startup.claim(stack.home):
            startup.require_free(settings.HOST, stack.port, "PORT")
            startup.require_free(settings.HOST, stack.events_port, "EVENTS_PORT")
            try:
                self._start_servers(stack)
                self._fill_database(stack)
                return Supervisor(stack, say=self._say, when_started=lambda: self._greet(stack)).run()
            finally:
                stack.stop()
                self._say("Stopped.")

    def _start_servers(self, stack: Stack) -> None:
        # The launcher's own id, so that others can end this hub by its run file.
        stack.note(up=os.getpid())
        with self._step("PostgreSQL"):
            stack.start_postgres()
        with self._step("Redis"):
            stack.start_redis()

    def _fill_database(self, stack: Stack) -> None:
        urls = stack.addresses()
        told = {"HUB_HOME": str(stack.home), "PORT": str(stack.port), "EVENTS_PORT": str(stack.events_port)}
        if count := startup.pending_migrations(urls.get("database_admin_url", urls["database_url"])):
            with self._step(f"{count} migrations"):
                startup.manage("migrate", "--database=migrator", "--verbosity=0", environment=told, quiet=True)
        if startup.wants_demo(urls["database_url"]):
            with self._step("Demo tenant"):
                startup.manage("demo", environment=told)

    def _greet(self, stack: Stack) -> None:
        host = "127.0.0.1" if settings.HOST in ("0.0.0.0", "::") else settings.HOST
        if not startup.answers(f"http://{host}:{stack.port}/livez", seconds=60):
            self._say("The web process does not answer yet; its messages are above.")
            return
        address = os.environ.get("PUBLIC_URL") or f"http://localhost:{stack.port}"
        lines = ["", f"  Tandem is ready: {address}/   ({time.monotonic() - self.begun:.1f} s)"]
        lines += [
            f"    {account['role']:<9} {account['email']:<32} {account['password']}"
            for account in startup.sign_ins(stack.home)
        ]
        self._say("\n".join([*lines, "  Ctrl-C stops everything.", ""]))

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        self._say(f"› {name} …")
        yield
        self._say(f"  {name}: done in {time.monotonic() - begun:.1f} s")

    def _say(self, text: str) -> None:
        # The terminal may be closed before we are done.
        with suppress(OSError):
            self.stdout.write(text)
            self.stdout.flush()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt

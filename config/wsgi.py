"""The web process: pages and REST through Django's middleware, the event doors past it."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# The connection pool is for web processes only: workers hold one plain connection each.
os.environ.setdefault("TANDEM_PROCESS", "web")

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

Answer = Callable[[dict[str, Any], Any], Iterable[bytes]]
DOORS = ("/v1/", "/sourceConfig", "/hooks/")


class DoorHandler(WSGIHandler):
    """Requests of programs that send events: no session, no cookie, no transaction of their own."""

    def load_middleware(self, is_async: bool = False) -> None:
        """None is loaded; what the doors refuse they refuse themselves."""
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        answer = self._get_response  # type: ignore[attr-defined]  # the stubs lack it
        self._middleware_chain = convert_exception_to_response(answer)


class Web:
    """Sends each request its way.

    A door waits for its commit most of the time, so there are many more threads than a page needs: pages take turns,
    as many at once as there are pooled connections.
    """

    def __init__(self, pages: Answer, doors: Answer, *, turns: int) -> None:
        self._pages, self._doors = pages, doors
        self._turns = threading.BoundedSemaphore(turns)

    def __call__(self, request: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        if request["PATH_INFO"].startswith(DOORS):
            return self._doors(request, start_response)
        with self._turns:
            return self._pages(request, start_response)


application = Web(get_wsgi_application(), DoorHandler(), turns=settings.PAGES_AT_ONCE)

# What was imported stays: looking through it again and again took a tenth of the event doors' time.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 50)

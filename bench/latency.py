"""How long a signal takes: a milestone done in the customer's hub → mail handed over, and → a row on the CSM's Today.

Everything runs as in production: web, events, worker and clock as processes, a mail server at the other end, a page
that listens to the stream and fetches Today when it is told. Times count from the press of the contact's button.
The limit beside them is an empty page of the same server: what a click costs at least.
"""

from __future__ import annotations

import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Sequence
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from typing import cast

from bench.company import CSM, PASSWORD, SLUG, Company, Customer
from bench.result import Result, percentile, result
from bench.sink import Sink, mail_sink
from bench.stack import Hub, hub

ROUNDS = 40
PATIENCE = 30.0
PAUSE = 0.15


class Person:
    """A browser's worth of cookies."""

    def __init__(self, hub: Hub) -> None:
        self.url, self.events_port = hub.url, hub.environment["EVENTS_PORT"]
        self.jar = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def get(self, path: str) -> str:
        with self.opener.open(f"{self.url}{path}", timeout=PATIENCE) as answer:
            return cast(str, answer.read().decode())

    def post(self, path: str, **fields: str) -> None:
        """Post a form as a page would: with the token of its cookie."""
        token = next(cookie.value or "" for cookie in self.jar if "csrf" in cookie.name)
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
        self.opener.open(f"{self.url}{path}", data, timeout=PATIENCE).close()

    def listen(self) -> HTTPResponse:
        url = f"http://localhost:{self.events_port}/events/t/{SLUG}/"
        return cast(HTTPResponse, self.opener.open(url, timeout=PATIENCE))


class Csm(Person):
    """A CSM whose Today stays open: told by the stream, it fetches the page and notes who is on it, and when."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.get("/accounts/login/")
        self.post("/accounts/login/", login=CSM, password=PASSWORD)
        self.awaited: dict[str, float | None] = {}
        self.shown = threading.Condition()
        self.stream = self.listen()
        self.stream.readline()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while line := self.stream.readline():
            if line.startswith(b"event: "):
                self._look()

    def _look(self) -> None:
        page = self.get(f"/t/{SLUG}/")
        at = time.monotonic()
        with self.shown:
            for name, when in self.awaited.items():
                if when is None and name in page:
                    self.awaited[name] = at
            self.shown.notify_all()

    def wait_for(self, name: str) -> float:
        """When the account appeared on Today; raises TimeoutError."""
        with self.shown:
            self.shown.wait_for(lambda: self.awaited.get(name) is not None, PATIENCE)
            at = self.awaited.get(name)
        if at is None:
            raise TimeoutError(f"{name} is not on Today within {PATIENCE:g} s")
        return at


def measure(scale: float) -> list[Result]:
    """p50, p95 and p99 of both ways, in milliseconds; `scale` turns down how often."""
    rounds = max(int(ROUNDS * scale), 5)
    with mail_sink() as sink, hub(EMAIL_URL=sink.url) as running:
        # One round more, to warm every process up.
        company = Company(running, customers=rounds + 1)
        csm = Csm(running)
        links = company.links(company.customers)
        times = [
            _round(running, csm, sink, customer, link) for customer, link in zip(company.customers, links, strict=True)
        ][1:]
        floor = _floor(running)
    mails, rows = [mail for mail, _ in times], [row for _, row in times]
    return [_result("milestone → mail handed over", mails, floor), _result("milestone → row on Today", rows, floor)]


def _result(name: str, times: Sequence[float], floor: float) -> Result:
    return result(name, "ms", percentile(times, 0.5), limit=floor, times_ms=times, rounds=len(times), worst=max(times))


def _round(hub: Hub, csm: Csm, sink: Sink, customer: Customer, link: str) -> tuple[float, float]:
    """One contact comes in, completes the first milestone; milliseconds until mail and row."""
    contact = Person(hub)
    path = urllib.parse.urlsplit(link).path
    contact.get(path)
    contact.post(path)
    plan = contact.get(f"/hub/{SLUG}/plan/")
    action = next(part.split('"')[0] for part in plan.split('action="') if "/done/" in part.split('"')[0])
    csm.awaited[customer.name] = None
    begun = time.monotonic()
    contact.post(action)
    row, mail = csm.wait_for(customer.name), sink.wait_for(customer.email, seconds=PATIENCE).at
    # Whatever else the last one has set going is not to be counted to the next.
    time.sleep(PAUSE)
    return (mail - begun) * 1000, (row - begun) * 1000


def _floor(hub: Hub) -> float:
    """Median of twenty requests for the smallest page, in milliseconds."""
    person, times = Person(hub), []
    for _ in range(20):
        begun = time.monotonic()
        person.get("/livez")
        times.append((time.monotonic() - begun) * 1000)
    return percentile(times, 0.5)

"""From an event that the door has accepted to a mail that an SMTP server has taken, and accounts that fall due at once.

Everything runs as in production: web, two worker processes for each lane, clock, mail server. A journey begins with the
signal of the shipped trigger `data-export` and sends one programme e-mail; all gates are asked, none stops it. *Rate*
counts from the first answer of the door to the last mail; *mail at n/s* from the door's answer to that account's mail.
The journey `parked` rests until one moment for all and then sends a mail: *first* and *last* count from that moment.
"""

from __future__ import annotations

import gzip
import http.client
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg

from bench.ingest import WORK_LEFT, _headers, _keys
from bench.result import Result, percentile, result
from bench.sink import Sink, mail_sink
from bench.stack import Hub, hub

SUSTAINED, RATES, SECONDS = 8_000, (20, 100), 15.0
WANTED, PROMISED = 400.0, {20: 120.0, 100: 1_000.0}
PARKED, FIRST, ALL = 5_000, 1_000.0, 15_000.0
BATCH, PATIENCE, PREPARING = 100, 600.0, 30.0
CAUSE = "Data exported"
MAIL = {
    "id": "mail",
    "kind": "email",
    "class": "programme",
    "topic": "tips",
    "to": {"roles": ["champion"], "fallback": "any_contact"},
    "subject": "{{ account.name }}: what your export holds",
    "body": "<p>Hello {{ contact.first_name | default: 'there' }},</p><p>the export of {{ account.name }} is done.</p>"
    '<p><a href="{{ hub_url }}">Open your hub</a></p>',
    "next": "end",
}
END = {"id": "end", "kind": "exit"}
GRAPHS = {
    "exported": {
        "schema": 1,
        "entry": {"trigger": "data-export"},
        "start": "mail",
        "nodes": [MAIL, END],
    },
    "parked": {
        "schema": 1,
        "entry": {"by": "hand"},
        "start": "rest",
        "nodes": [{"id": "rest", "kind": "wait", "rule": {"days": 30}, "next": "mail"}, MAIL, END],
    },
}
# Rules that let every mail through; all of them are asked.
RULES = {
    "outbox": {
        "assume_consent": True,
        "holdout_percent": 0,
        "blast_percent": 100,
        "quiet_from": "00:00",
        "quiet_until": "00:00",
        "quiet_days": [],
    },
    "signals": {"storm_least": 100_000, "storm_percent": 100},
}
PREPARE = """
import json
from hub.outbox.gates import Purpose
from hub.people.audit import command
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from journeys.models import Journey
from journeys.services import journey_publish
graphs, rules = json.loads({given!r})
tenant = Tenant.objects.get(slug="mails-0")
tenant.settings |= rules
tenant.save()
with tenant_context(tenant):
    for key, graph in graphs.items():
        journey = Journey.objects.create(key=key, name=key.title(), purpose=Purpose.ADOPTION)
        journey_publish(journey=journey, graph=graph, actor=command("bench"))
"""
PARK = """
from datetime import datetime, timedelta
from django.utils import timezone
from hub.accounts.models import Contact
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.tenancy.wake import wake
from journeys.engine import JOURNEYS
from journeys.models import Enrollment, Journey
due = datetime.fromisoformat({due!r})
emails = [f"kim{{number}}@customers.example" for number in range({first}, {last})]
with tenant_context(Tenant.objects.get(slug="mails-0")):
    journey = Journey.objects.get(key="parked")
    wait = {{"rule": {{"days": 30}}, "zone": "UTC", "until": due.isoformat()}}
    Enrollment.objects.bulk_create(
        Enrollment(
            account_id=account, journey=journey, version=1, node_id="rest", due_at=due, wait=wait, slot="once",
            rests_since=due - timedelta(days=30), entered_at=due - timedelta(days=30),
        )
        for account in Contact.objects.filter(email__in=emails).values_list("account_id", flat=True)
    )
    wake(JOURNEYS, due_at=due)
"""


def measure(scale: float) -> list[Result]:
    """Mails a second, and milliseconds from event and from due time to mail."""
    sustained, parked = max(int(SUSTAINED * scale), 200), max(int(PARKED * scale), 100)
    seconds = max(SECONDS * scale, 4.0)
    paced = [int(rate * seconds) for rate in RATES]
    with mail_sink() as sink, hub(EMAIL_URL=sink.url) as running:
        company = Company(running, sink, accounts=BATCH + sum(paced) + sustained + parked)
        company.export_all(BATCH)  # warm
        found = [company.paced(rate, count) for rate, count in zip(RATES, paced, strict=True)]
        return [*found, company.sustained(sustained), *company.together(parked)]


class Company:
    """A tenant whose accounts have one contact each, and the two journeys."""

    def __init__(self, running: Hub, sink: Sink, *, accounts: int) -> None:
        self.running, self.sink, self.next = running, sink, 0
        self.key = _keys(running, 1, "mails")[0]
        self.connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        running.manage("shell", "--no-imports", "-c", PREPARE.format(given=json.dumps([GRAPHS, RULES])))
        for start in range(0, accounts, BATCH):
            numbers = range(start, min(start + BATCH, accounts))
            self._post([call for number in numbers for call in _known(number)])
        self._until(WORK_LEFT, (False,))
        # The server hangs up on a line that has been quiet.
        self.connection.close()

    def _until(self, question: str, answer: tuple[Any, ...]) -> None:
        with psycopg.connect(self.running.run()["database_admin_url"], autocommit=True) as connection:
            end = time.monotonic() + PATIENCE
            while connection.execute(question).fetchone() != answer:
                if time.monotonic() > end:
                    raise TimeoutError(question)
                time.sleep(0.5)
            connection.execute("ANALYZE")

    def _post(self, calls: Sequence[dict[str, Any]]) -> float:
        """Hand events over; the time of the answer, of time.monotonic()."""
        body = {"batch": list(calls), "sentAt": datetime.now(UTC).isoformat()}
        self.connection.request("POST", "/v1/batch", gzip.compress(json.dumps(body).encode(), 1), _headers(self.key))
        answer = self.connection.getresponse()
        told = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {told[:200]!r}")
        return time.monotonic()

    def _take(self, count: int) -> range:
        taken = range(self.next, self.next + count)
        self.next += count
        return taken

    def _wait(self, numbers: range) -> dict[str, float]:
        """When each account's mail came; raises TimeoutError, also when one came twice."""
        wanted, end = {_address(number) for number in numbers}, time.monotonic() + PATIENCE
        while True:
            came = [mail for mail in list(self.sink.mails) if mail.to in wanted]
            if len(came) >= len(wanted):
                break
            if time.monotonic() > end:
                raise TimeoutError(f"{len(came)} of {len(wanted)} mails came")
            time.sleep(0.1)
        at = {mail.to: mail.at for mail in came}
        if len(at) != len(came):
            raise RuntimeError("a mail came twice")
        return at

    def export_all(self, count: int) -> tuple[float, dict[str, float]]:
        """Every account's event at once: when the first was accepted, and when each mail came."""
        numbers = self._take(count)
        first = min([self._post(list(map(_export, numbers[at : at + BATCH]))) for at in range(0, count, BATCH)])
        return first, self._wait(numbers)

    def sustained(self, count: int) -> Result:
        first, came = self.export_all(count)
        return result("mails of journeys", "mails/s", count / (max(came.values()) - first), limit=WANTED, mails=count)

    def paced(self, rate: int, count: int) -> Result:
        numbers, asked, begin = self._take(count), {}, time.monotonic()
        for place, number in enumerate(numbers):
            time.sleep(max(begin + place / rate - time.monotonic(), 0))
            asked[_address(number)] = self._post([_export(number)])
        came = self._wait(numbers)
        times = [(came[to] - at) * 1000 for to, at in asked.items()]
        return result(
            f"event to mail at {rate}/s", "ms, p99", percentile(times, 0.99), limit=PROMISED[rate], times_ms=times
        )

    def together(self, count: int) -> list[Result]:
        """Accounts whose rest is over at one moment: when their first and last mail came after it."""
        numbers, due = self._take(count), datetime.now(UTC) + timedelta(seconds=PREPARING)
        asked = PARK.format(due=due.isoformat(), first=numbers.start, last=numbers.stop)
        self.running.manage("shell", "--no-imports", "-c", asked)
        left = (due - datetime.now(UTC)).total_seconds()
        if left < 0:
            raise RuntimeError("they were due before they were parked")
        moment, came = time.monotonic() + left, self._wait(numbers)
        first, last = ((when - moment) * 1000 for when in (min(came.values()), max(came.values())))
        return [
            result("due together, first mail", "ms", first, limit=FIRST, parked=count),
            result("due together, last mail", "ms", last, limit=ALL, parked=count),
        ]


def _address(number: int) -> str:
    return f"kim{number}@customers.example"


def _known(number: int) -> list[dict[str, Any]]:
    """The calls that make an account and its contact."""
    user, group = f"user-{number}", f"account-{number}"
    return [
        {"type": "group", "userId": user, "groupId": group, "messageId": str(uuid4()), "traits": {"name": group}},
        {
            "type": "identify",
            "userId": user,
            "messageId": str(uuid4()),
            "traits": {"email": _address(number), "name": "Kim Park"},
            "context": {"groupId": group},
        },
    ]


def _export(number: int) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"type": "track", "event": CAUSE, "userId": f"user-{number}", "messageId": str(uuid4()), "timestamp": now}

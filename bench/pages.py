"""The pages that people live in, on 100,000 accounts with rollups as 100 million events would leave them.

The accounts are written by SQL (bench/large.py), `usage_daily` in two steps: a tenth first, as 10 M events would leave
it, then all of it, 20 M rows. After each, every page is asked for over HTTP, one at a time, from a hub with all its
processes. Ours is the p95 in milliseconds, the limit the 100 ms that a page may take; `growth` is the p50 of all pages
after ten times the events beside the p50 before, and may be 1.2 of it. `scans` counts statements of the accounts list
that read a large table from end to end, by their plans as the app's role gets them: there must be none.
"""

from __future__ import annotations

import json
import time
from statistics import median
from typing import Any, cast
from urllib.parse import urlencode

import psycopg

from bench.company import PASSWORD
from bench.latency import Person
from bench.result import Result, percentile, result
from bench.stack import Hub, hub

ACCOUNTS = 100_000
# Rollup rows of an account, before and after the events grow tenfold: days × names.
SMALL, FULL = (20, 1), (100, 2)
ROUNDS, WARM = 40, 5
LIMIT_MS = 100.0
PATIENCE = 120.0
SLUG, CSM = "large", "csm@large.example"
Times = dict[str, list[float]]


def measure(scale: float) -> list[Result]:
    """Every page before and after ten times the events, their growth, and the plans of the list's statements."""
    accounts = round(ACCOUNTS * scale)
    with hub() as running:
        running.manage("create_tenant", SLUG, "--name=Large", "--timezone=UTC")
        running.manage(
            "create_user", CSM, f"--tenant={SLUG}", "--role=csm", "--name=Dana Reed", f"--password={PASSWORD}"
        )
        _run(running, f"fill({SLUG!r}, {CSM!r}, {accounts})")
        _run(running, f"months({SLUG!r})")
        _use(running, *SMALL)
        before = _times(running)
        rows = _use(running, *FULL)
        after = _times(running)
        scans = _run(running, f"scans({SLUG!r})")
    pages = [
        result(
            f"page {name}", "ms", percentile(times, 0.95), limit=LIMIT_MS, times_ms=times, accounts=accounts, rows=rows
        )
        for name, times in after.items()
    ]
    return [*pages, _growth(before, after), _scans(scans)]


def _growth(before: Times, after: Times) -> Result:
    ratios = {name: median(after[name]) / median(times) for name, times in before.items()}
    ours, limit = sum(median(times) for times in after.values()), sum(median(times) for times in before.values())
    return result("pages after ten times the events", "ms", ours, limit=limit, by_page=ratios)


def _scans(scans: dict[str, list[str]]) -> Result:
    found = {name: tables for name, tables in scans.items() if tables}
    return result("statements without an index", "of lists", len(found), limit=len(scans), tables=found)


def _run(running: Hub, call: str) -> Any:
    """Call a function of bench/large.py inside the hub; what it returned."""
    code = f"import json\nfrom bench.large import *\nprint(json.dumps({call}))"
    return json.loads(running.manage("shell", "--no-imports", "-c", code).splitlines()[-1])


def _use(running: Hub, days: int, names: int) -> int:
    rows = cast(int, _run(running, f"use({SLUG!r}, {days}, {names})"))
    # What the database would have done by itself, while so many rows came in.
    with psycopg.connect(running.run()["database_admin_url"], autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return rows


def _times(running: Hub) -> Times:
    """Milliseconds of every page, asked for again and again by a CSM who is signed in."""
    person = Person(running)
    person.get("/accounts/login/")
    person.post("/accounts/login/", login=CSM, password=PASSWORD)
    _counted(person)
    return {name: _asked(person, f"/t/{SLUG}/{path}") for name, path in _pages(running).items()}


def _counted(person: Person) -> None:
    """Wait until the dashboard shows figures; the first to ask is told that they are being counted."""
    deadline = time.monotonic() + PATIENCE
    while "Closing MRR" not in person.get(f"/t/{SLUG}/metrics/"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the dashboard shows no figures within {PATIENCE:g} s")
        time.sleep(0.2)


def _pages(running: Hub) -> dict[str, str]:
    lists = _run(running, f"lists({SLUG!r})")
    first, other = _run(running, f"examples({SLUG!r})")
    return {
        **{name: f"accounts/?{urlencode(params)}" for name, params in lists.items()},
        "account": f"accounts/{other}/",
        "account with 10,000 entries": f"accounts/{first}/",
        "timeline, one kind": f"accounts/{first}/?kind=ticket",
        "Today": "",
        "Today, everybody's": "?whose=all",
        "signals": "signals/?whose=all",
        "signals, most severe first": "signals/?whose=all&sort=severity",
        "signals by account": "signals/?whose=all&group=account",
        "triggers": "signals/triggers/",
        "search": "search/?q=harbor",
        "dashboard": "metrics/",
    }


def _asked(person: Person, path: str) -> list[float]:
    times = []
    for _ in range(WARM + ROUNDS):
        begun = time.perf_counter()
        person.get(path)
        times.append(1000 * (time.perf_counter() - begun))
    return times[WARM:]

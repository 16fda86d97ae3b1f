"""Whether the REST interface keeps its own description: generated requests against every operation, for every scope.

`run` sends what schemathesis makes of the description (good values and bad ones) through all of the product's layers
to a real database, and counts what must not be: answers of 5xx, answers that were given without the right key, and
answers that are not what the description says. Half of the requests name rows that are there.
"""

from __future__ import annotations

import copy
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance

from bench.database import database
from bench.result import Result, result

if TYPE_CHECKING:
    from hub.tenancy.models import Tenant

CASES = 5_000  # for each scope
ROLES = {"read": ("read",), "write": ("write",), "read and write": ("read", "write")}
UUID_MARK = "{id}"


@dataclass
class Tally:
    """What came of the requests of one scope."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    ignored_auth: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Subject:
    """The interface under test: its application, its description, the keys, and ids of rows by their list."""

    application: Any
    document: dict[str, Any]
    keys: Mapping[str, str]
    ids: Mapping[str, Sequence[str]]


def run(subject: Subject, role: str, *, cases: int) -> Tally:
    """Send at least `cases` requests as one role, the same number to every operation."""
    schema = schemathesis.openapi.from_dict(_without_security(subject.document))
    found = [entry.ok() for entry in schema.get_all_operations() if isinstance(entry, Ok)]
    operations = [operation for operation in found if "/schema" not in operation.path]
    tally, turn = Tally(), 0
    while tally.cases < cases:
        # An operation with few variants gives fewer than it is asked for; another turn makes others.
        turn += 1
        each = -(-(cases - tally.cases) // len(operations))
        for operation in operations:
            _exercise(operation, subject, role, tally, each, turn)
    return tally


def _without_security(document: dict[str, Any]) -> dict[str, Any]:
    """The description without its keys: else the generator takes them off some requests, and those find nothing."""
    plain = copy.deepcopy(document)
    plain.pop("security", None)
    plain["components"].pop("securitySchemes", None)
    for asked in plain["paths"].values():
        for operation in asked.values():
            operation.pop("security", None)
    return plain


def _exercise(operation: Any, subject: Subject, role: str, tally: Tally, each: int, turn: int) -> None:
    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    bad = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    limits = settings(
        max_examples=max(each // 2, 1),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for strategy in (good, bad):
        sent = given(case=strategy, chance=st.randoms(use_true_random=False))(_sender(subject, role, tally))
        try:
            limits(seed(turn)(sent))()
        except Exception as error:
            # Some operations have nothing that could be wrong; that is no finding.
            if "Unsatisfiable" not in type(error).__name__ and "negative" not in str(error).lower():
                raise


def _sender(subject: Subject, role: str, tally: Tally) -> Callable[..., None]:
    def send(case: Any, chance: random.Random) -> None:
        _name_real_rows(case, subject, chance)
        tally.cases += 1
        needed = "read" if case.method.upper() == "GET" else "write"
        begun = time.perf_counter()
        answer = _call(case, subject, subject.keys[role])
        tally.times_ms.append((time.perf_counter() - begun) * 1000)
        tally.statuses[answer.status_code] += 1
        what = f"{case.method} {case.formatted_path}"
        if answer.status_code >= 500:
            tally.faults.append(f"{answer.status_code} {what}: {_short(case)}")
        if needed not in ROLES[role] and answer.status_code not in (403, 404, 400, 413):
            tally.ignored_auth.append(f"{answer.status_code} {what} with {role}")
        if chance.random() < 0.1 and _call(case, subject, "").status_code not in (401, 400, 413):
            tally.ignored_auth.append(f"{what} without a key")
        tally.violations += _violations(case, answer, what)

    return send


def _name_real_rows(case: Any, subject: Subject, chance: random.Random) -> None:
    """Put ids of rows that are there into half of the requests: random ones only ever find nothing."""
    if chance.random() < 0.5:
        return
    kind = case.path.removeprefix("/api/v1/").partition("/")[0]
    if UUID_MARK in case.path and subject.ids.get(kind):
        case.path_parameters = {**case.path_parameters, "id": chance.choice(subject.ids[kind])}
    if isinstance(case.body, dict) and "account" in case.body:
        case.body = {**case.body, "account": chance.choice(subject.ids["accounts"])}
    if isinstance(case.query, dict) and "account" in case.query:
        case.query = {**case.query, "account": chance.choice(subject.ids["accounts"])}


def _call(case: Any, subject: Subject, key: str) -> Any:
    # A generated header may be called so, too.
    case.headers = {name: value for name, value in (case.headers or {}).items() if name.lower() != "authorization"}
    return case.call(app=subject.application, headers={"Authorization": f"Bearer {key}" if key else ""})


def _violations(case: Any, answer: Any, what: str) -> Iterator[str]:
    kind = (answer.headers.get("content-type") or [""])[0]
    if answer.status_code >= 400 and not kind.startswith("application/problem+json"):
        yield f"{answer.status_code} {what}: an error as {kind or 'nothing'}"
    if 200 <= answer.status_code < 300:
        try:
            case.validate_response(answer, checks=[not_a_server_error, response_schema_conformance])
        except FailureGroup as group:
            for failure in group.exceptions:
                yield f"{answer.status_code} {what}: {' '.join(str(failure).split())[:300]}"


def _short(case: Any) -> str:
    return f"query {case.query!r} body {case.body!r}"[:600]


# --- As a benchmark -----------------------------------------------------------------------------------------------


def measure(scale: float) -> list[Result]:
    """`ours`: cases a second; `limit` is what must not be passed: faults, ignored keys, violations, all 0."""
    with database():
        subject = _subject()
        return [_result(subject, role, cases=int(CASES * scale)) for role in ROLES]


def _result(subject: Subject, role: str, *, cases: int) -> Result:
    begun = time.perf_counter()
    tally = run(subject, role, cases=cases)
    rate = tally.cases / (time.perf_counter() - begun)
    for words in (*tally.faults[:20], *tally.ignored_auth[:20], *tally.violations[:20]):
        print("  !", words)
    return result(
        f"contract, {role}",
        "cases/s",
        rate,
        times_ms=tally.times_ms,
        cases=tally.cases,
        server_errors=len(tally.faults),
        ignored_auth=len(tally.ignored_auth),
        violations=len(tally.violations),
        statuses={str(code): count for code, count in sorted(tally.statuses.items())},
    )


def _subject() -> Subject:
    from django.core.wsgi import get_wsgi_application

    from tests.architecture.worlds import make_world

    return subject_of(make_world("acme", "ours").tenant, get_wsgi_application())


def subject_of(tenant: Tenant, application: Any) -> Subject:
    """The interface as a tenant's programs see it; a tenant with a row of everything shows most."""
    from django.test import Client

    from hub.people.audit import command
    from hub.people.services import credential_create
    from hub.rest import limits
    from hub.rest.docs import schema

    # Nobody asks this often; the limit itself has tests of its own.
    limits.PER_MINUTE = 1_000_000
    keys = {
        role: credential_create(tenant=tenant, name=role, actor=command("contract"), scopes=list(scopes))[1]
        for role, scopes in ROLES.items()
    }
    document = json.loads(json.dumps(schema(), default=str))
    reader = {"authorization": f"Bearer {keys['read']}"}
    ids: dict[str, list[str]] = {}
    for path in document["paths"]:
        if f"{path}/{{id}}" in document["paths"]:
            found = Client(SERVER_NAME="localhost").get(path, headers=reader).json()["results"]
            ids[path.removeprefix("/api/v1/")] = [row["id"] for row in found]
    return Subject(application, document, keys, ids)

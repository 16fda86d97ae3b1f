"""The interface keeps its own description: some generated requests to every operation; the bench sends thousands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application

from bench.contract import ROLES, run, subject_of
from hub.rest import limits
from tests.architecture.worlds import make_world

CASES = 180


@pytest.fixture(autouse=True)
def _limits() -> Iterator[None]:
    before = limits.PER_MINUTE
    cache.clear()
    yield
    limits.PER_MINUTE = before


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("role", ROLES)
def test_generated_requests_find_no_fault_no_open_door_and_no_lie(role: str) -> None:
    subject = subject_of(make_world("acme", "ours").tenant, get_wsgi_application())
    tally = run(subject, role, cases=CASES)
    assert tally.cases >= CASES
    assert tally.faults == []
    assert tally.ignored_auth == []
    assert tally.violations == []

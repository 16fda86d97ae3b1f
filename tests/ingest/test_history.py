"""However much history comes in, nothing fires; `make bench ONLY=history` does it with a million rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.history import silent, wakes
from hub.tenancy.models import Tenant

pytestmark = pytest.mark.django_db


def test_history_of_accounts_that_were_looked_at_before_fires_nothing_and_what_comes_after_does(
    acme: Tenant, tmp_path: Path
) -> None:
    signals, stands = silent(acme, tmp_path, rows=1_000, accounts=10)
    assert signals == 0
    assert stands >= 30
    assert wakes(acme, tmp_path) >= 1

"""What measures say of texts equals counting the readings by hand, on any day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from statistics import fmean
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.accounts.facts import facts_refresh
from hub.accounts.models import Account
from hub.feedback.models import ReadText
from hub.feedback.text.sentiment import feeling_of
from hub.registry.measures import measures, suggested
from hub.rules.compile import Clock
from hub.rules.reading import read_facts
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from tests.world import make_account

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 31)
CLOCK = Clock(datetime(2026, 3, 31, 9, tzinfo=UTC), TODAY)
SCORES = st.none() | st.integers(-100, 100).map(lambda n: n / 100)
ROWS = st.lists(
    st.tuples(st.integers(-2, 40), SCORES, st.lists(st.sampled_from(["bug", "billing"]), unique=True, max_size=2)),
    max_size=10,
)


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        account = make_account()
        facts_refresh([account.pk], today=TODAY)
    return account


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.integers(1, 30), st.integers(0, 10), st.sampled_from(["", "bug"]))
def test_texts_are_counted_as_by_hand(
    acme: Tenant, account: Account, rows: list[tuple[int, float | None, list[str]]], days: int, ago: int, theme: str
) -> None:
    clock = replace(CLOCK, today=TODAY - timedelta(days=ago), past=bool(ago))

    def asked(name: str) -> Any:
        fact = measures.get(name).fact({"days": days, "theme": theme})
        found = read_facts({"it": fact}, [account.pk], clock)[account.pk]["it"]
        return None if found is None else float(found)

    with tenant_context(acme):
        ReadText.objects.all().delete()
        ReadText.objects.bulk_create(
            ReadText(
                account=account, kind="ticket", object_id=uuid4(), sentiment=score, themes=themes, version="1",
                at=datetime(2026, 3, 31, 15, tzinfo=UTC) - timedelta(days=back), read_at=CLOCK.now,
                feeling="" if score is None else feeling_of(score),
            )
            for back, score, themes in rows
        )  # fmt: skip
        seen = [row for row in rows if ago <= row[0] < ago + days and (not theme or theme in row[2])]
        scores = [score for _, score, _ in seen if score is not None]
        assert asked("theme_mentions") == sum(bool(themes) for *_, themes in seen)
        assert asked("negative_texts") == sum(feeling_of(score) == "negative" for score in scores)
        assert asked("mean_sentiment") == (pytest.approx(fmean(scores)) if scores else None)


def test_the_builder_offers_the_themes_in_use(acme: Tenant) -> None:
    with tenant_context(acme):
        assert {"bug", "billing", "leaving"} <= set(suggested("themes"))

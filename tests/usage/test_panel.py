"""What an account's page shows of use is read in one walk, and says what the reads one by one say."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.accounts.models import Account
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from hub.usage.models import UsageDaily
from hub.usage.selectors import top_features, weekly_usage, weeks_and_features
from tests.world import make_account

pytestmark = pytest.mark.django_db
ROWS = st.dictionaries(
    st.tuples(st.integers(-2, 70), st.sampled_from(["Report", "Export", "Search"])), st.integers(1, 9), max_size=15
)


@pytest.fixture
def account(acme: Tenant) -> Account:
    with tenant_context(acme):
        return make_account()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.integers(0, 6), st.integers(1, 9))
def test_one_walk_says_what_two_reads_say(
    account: Account, rows: dict[tuple[int, str], int], weekday: int, weeks: int
) -> None:
    today = date(2026, 3, 30) + timedelta(days=weekday)
    last = today - timedelta(days=today.weekday() + 1)
    with tenant_context(account.tenant):
        UsageDaily.objects.all().delete()
        UsageDaily.objects.bulk_create(
            [
                UsageDaily(account=account, day=today - timedelta(days=ago), name=name, count=n)
                for (ago, name), n in rows.items()
            ]
        )
        found = weeks_and_features(account.pk, weeks=weeks, today=today, limit=2)
        assert found == (
            weekly_usage(account.pk, first=last - timedelta(weeks=weeks - 1), last=last),
            top_features(account.pk, first=today - timedelta(days=29), last=today, limit=2),
        )


def test_it_is_one_query(account: Account, django_assert_num_queries: Any) -> None:
    with tenant_context(account.tenant), django_assert_num_queries(1):
        weeks_and_features(account.pk, weeks=26, today=date(2026, 3, 31))

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.demo.load import demo_make
from hub.accounts.models import Account
from hub.people.models import User
from hub.tenancy.context import tenant_context
from hub.tenancy.models import Tenant
from metrics.methodology import Methodology
from metrics.selectors import nrr_report
from qbr.models import Qbr
from signals.models import Signal


@pytest.mark.slow
@pytest.mark.django_db(transaction=True, databases=["default", "migrator"])
def test_the_demo_is_made_anew_with_real_signals(settings: Any, tmp_path: Path) -> None:
    settings.HUB_HOME = tmp_path
    made = demo_make(accounts=30, months=14, seed=7, say=lambda text: None)
    again = demo_make(accounts=30, months=14, seed=7, say=lambda text: None)
    assert made["sign_ins"] == again["sign_ins"], "people keep their sign-in when the demo is made anew"
    tenant = Tenant.objects.get(slug="demo")
    assert User.objects.count() == 5
    with tenant_context(tenant):
        assert Account.objects.count() == Qbr.objects.count() == 30
        fired = set(Signal.objects.values_list("trigger__key", flat=True))
        assert fired >= {"milestone-reached", "qbr-expansion", "usage-decline", "renewal-270", "team-growth"}
        assert nrr_report(as_of=tenant.created_at.date(), months=12, method=Methodology()).total.opening > 0


def test_the_demo_is_refused_on_a_public_installation(settings: Any) -> None:
    settings.IS_HTTPS = True
    with pytest.raises(CommandError, match="on this machine"):
        call_command("demo")

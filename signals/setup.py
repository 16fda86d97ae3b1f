"""What the set-up asks of signals."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from hub.registry.setup import SetupState, SetupStep, counted, setup_steps
from signals.backtest.models import BacktestRun, RunStatus
from signals.models import Severity, Signal, SignalStatus

WINDOW = timedelta(days=90)
THREE = 3
JUDGED = 10


def picked() -> SetupState:
    """At least three active triggers have given a signal within 90 days."""
    recent = Signal.objects.filter(recorded_at__gte=timezone.now() - WINDOW, trigger__is_active=True)
    told = dict(recent.order_by().values_list("trigger__key", "trigger__severity").distinct())
    chances = sum(severity == Severity.OPPORTUNITY for severity in told.values())
    risks = sum(severity in (Severity.WARNING, Severity.CRITICAL) for severity in told.values())
    gave = counted(len(told), "trigger gave signals", "triggers gave signals")
    words = f"{gave} in 90 days: {chances} for expansion, {risks} for retention"
    return SetupState(min(len(told), THREE), THREE, words)


def judged() -> SetupState:
    """People have said of some signals whether they were true."""
    closed = Signal.objects.filter(status__in=(SignalStatus.RESOLVED, SignalStatus.DISMISSED)).count()
    return SetupState(min(closed, JUDGED), JUDGED, counted(closed, "signal was judged", "signals were judged"))


def tested() -> SetupState:
    done = BacktestRun.objects.filter(status=RunStatus.DONE).exists()
    words = "a scorecard was held against what accounts did" if done else "no scorecard was back-tested yet"
    return SetupState(int(done), 1, words)


def register() -> None:
    for step in (
        SetupStep(
            "signals", "guide", "Pick three signals",
            "Three that you would act on today; or three for expansion and three for retention.", picked,
            "signals:triggers", "Triggers", "signals.view", 10,
        ),
        SetupStep(
            "health-tested", "definitions", "Health that was tested",
            "A score that calls leavers healthy is worse than none.", tested, "health:cards", "Scorecards",
            "signals.view", 50,
        ),
        SetupStep(
            "signals-judged", "triggers", "Signals that were judged",
            "Precision is known only where people say what was not true.", judged, "signals:list", "Signals",
            "signals.view", 10,
        ),
    ):  # fmt: skip
        setup_steps.register(step)

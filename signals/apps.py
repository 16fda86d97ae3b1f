from django.apps import AppConfig


class SignalsConfig(AppConfig):
    name = "signals"
    label = "signals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        _show()
        _know()
        _configure()
        _work()
        _listen()


def _show() -> None:
    """What pages, exports and programs of others show of signals."""
    from hub.registry.lists import ViewedList, viewed_lists
    from signals import exports, outgoing, panels, setup
    from signals.health import outgoing as health_outgoing
    from signals.health import panels as health_panels
    from signals.inbox.query import PARAMETERS
    from signals.prediction import panels as prediction_panels
    from signals.readiness import panels as readiness_panels
    from signals.segments import panels as segment_panels
    from signals.stages import panels as stage_panels

    for room in (
        exports, outgoing, health_outgoing, health_panels, prediction_panels, readiness_panels, stage_panels,
        segment_panels, panels, setup,
    ):  # fmt: skip
        room.register()
    viewed_lists.register(ViewedList("signals", "Signals", "signals.view", "signals:list", PARAMETERS, order=30))


def _know() -> None:
    """Facts, measures and flags that rules may ask for."""
    from signals import capacity, measures
    from signals.health import facts as health_facts
    from signals.health import troubles as health_troubles
    from signals.prediction import facts as prediction_facts
    from signals.readiness import facts as readiness_facts
    from signals.segments import measures as segment_measures
    from signals.segments.selectors import segment_names
    from signals.selectors import trigger_names
    from signals.stages import facts as stage_facts
    from signals.stages import flags

    for room in (capacity, health_facts, health_troubles, prediction_facts, stage_facts, flags, readiness_facts):
        room.register()
    measures.register(trigger_names)
    segment_measures.register(segment_names)


def _configure() -> None:
    """What an evaluation is made of besides accounts: the same until somebody edits it."""
    from hub.tenancy.remembering import configured_by
    from signals import models

    configured_by(
        models.Trigger, models.Scorecard, models.ScorecardVersion, models.Segment, models.StageVersion,
        models.ReadinessVersion, models.PredictionModel,
    )  # fmt: skip


def _work() -> None:
    """What workers do in the background."""
    from hub.tenancy.wake import register_queue
    from signals import close
    from signals.backtest import working as backtest
    from signals.backtest.services import QUEUE as BACKTEST
    from signals.draining import backlog, drain
    from signals.inbox import bulk, returning
    from signals.prediction import work as prediction
    from signals.prediction.services import QUEUE as PREDICTION
    from signals.storms import deciding

    register_queue("evaluate", drain=drain, backlog=backlog, rest=0.5)
    register_queue(close.QUEUE, drain=close.drain, backlog=close.backlog, lane="bulk")
    register_queue(BACKTEST, drain=backtest.drain, backlog=backtest.backlog, lane="bulk", rest=1.0)
    register_queue(PREDICTION, drain=prediction.drain, backlog=prediction.backlog, lane="bulk", rest=1.0)
    register_queue(deciding.QUEUE, drain=deciding.drain, backlog=deciding.backlog, lane="bulk")
    register_queue(returning.QUEUE, drain=returning.drain, backlog=returning.backlog, lane="bulk", rest=2.0)
    register_queue(bulk.QUEUE, drain=bulk.drain, backlog=bulk.backlog, lane="bulk")


def _listen() -> None:
    """What is done when history is loaded or a tenant is made."""
    from hub.registry.handlers import history_loaded, tenant_made
    from signals.services import on_tenant_made
    from signals.stages.refresh import forget_stages
    from signals.states import looks_forget

    history_loaded.connect("signals", looks_forget)
    history_loaded.connect("stages", forget_stages)
    tenant_made.connect("signals", on_tenant_made, order=10)

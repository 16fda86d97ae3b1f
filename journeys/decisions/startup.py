"""What is registered at start-up."""

from __future__ import annotations

from hub.registry.handlers import accounts_evaluated, signal_recorded, tenant_made
from hub.tenancy.wake import register_queue
from journeys.decisions import acts, digest, effects, exports, handlers, panels
from journeys.decisions.acts import journey
from journeys.decisions.queue import QUEUE
from journeys.decisions.working import backlog, drain


def register() -> None:
    journey.register()
    acts.load()
    register_queue(QUEUE, drain=drain, backlog=backlog, lane="bulk", rest=4.0)
    signal_recorded.connect("decisions", handlers.on_signals_recorded, order=200)
    accounts_evaluated.connect("decisions", handlers.on_evaluated, order=200)
    tenant_made.connect("decisions", handlers.on_tenant_made, order=30)
    effects.register()
    exports.register()
    panels.register()
    digest.register()

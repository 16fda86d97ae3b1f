from django.apps import AppConfig


class JourneysConfig(AppConfig):
    name = "journeys"
    label = "journeys"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.registry.handlers import (
            accounts_evaluated,
            facts_changed,
            segments_moved,
            signal_recorded,
            tenant_made,
        )
        from hub.tenancy.remembering import configured_by
        from hub.tenancy.wake import register_queue
        from journeys import (
            arriving,
            effects,
            exports,
            facts,
            handlers,
            message_values,
            origin,
            outgoing,
            panels,
            setup,
            steps,
        )
        from journeys.decisions import startup as decisions
        from journeys.engine import JOURNEYS
        from journeys.models import Journey
        from journeys.working import backlog, drain

        effects.register()
        configured_by(Journey)
        exports.register()
        outgoing.register()
        facts.register()
        steps.load()
        register_queue(JOURNEYS, drain=drain, backlog=backlog)
        facts_changed.connect("journeys", handlers.on_facts_changed)
        signal_recorded.connect("journeys", handlers.on_signals_recorded)
        segments_moved.connect("journeys", arriving.on_segments_moved)
        accounts_evaluated.connect("journeys", arriving.on_evaluated)
        tenant_made.connect("journeys", handlers.on_tenant_made, order=20)
        origin.register()
        message_values.register()
        panels.register()
        setup.register()
        decisions.register()

from django.apps import AppConfig


class JourneysConfig(AppConfig):
    name = "journeys"
    label = "journeys"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.registry.handlers import facts_changed, signal_recorded, tenant_made
        from hub.tenancy.wake import register_queue
        from journeys import effects, exports, facts, handlers, message_values, origin, outgoing, panels, steps
        from journeys.engine import JOURNEYS, backlog, drain

        effects.register()
        exports.register()
        outgoing.register()
        facts.register()
        steps.load()
        register_queue(JOURNEYS, drain=drain, backlog=backlog)
        facts_changed.connect("journeys", handlers.on_facts_changed)
        signal_recorded.connect("journeys", handlers.on_signals_recorded)
        tenant_made.connect("journeys", handlers.on_tenant_made, order=20)
        origin.register()
        message_values.register()
        panels.register()

from django.apps import AppConfig


class SignalsConfig(AppConfig):
    name = "signals"
    label = "signals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.tenancy.wake import register_queue
        from signals import panels
        from signals.engine import backlog, drain

        register_queue("evaluate", drain=drain, backlog=backlog)
        panels.register()

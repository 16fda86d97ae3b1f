from django.apps import AppConfig


class PlansConfig(AppConfig):
    name = "hub.plans"
    label = "plans"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.plans import exports, facts, outgoing, panels

        exports.register()
        outgoing.register()
        facts.register()
        panels.register()

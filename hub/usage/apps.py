from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "hub.usage"
    label = "usage"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.usage import exports, facts, panels

        exports.register()
        facts.register()
        panels.register()

from django.apps import AppConfig


class RevenueConfig(AppConfig):
    name = "hub.revenue"
    label = "revenue"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.revenue import exports, facts, panels

        exports.register()
        facts.register()
        panels.register()

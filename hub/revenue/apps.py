from django.apps import AppConfig


class RevenueConfig(AppConfig):
    name = "hub.revenue"
    label = "revenue"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.revenue import facts, panels

        facts.register()
        panels.register()

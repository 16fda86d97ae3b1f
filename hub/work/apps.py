from django.apps import AppConfig


class WorkConfig(AppConfig):
    name = "hub.work"
    label = "work"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.work import exports, panels

        exports.register()
        panels.register()

from django.apps import AppConfig


class AdvocacyConfig(AppConfig):
    name = "advocacy"
    label = "advocacy"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from advocacy import actions, exports, handlers, panels

        actions.register()
        exports.register()
        handlers.register()
        panels.register()

from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    name = "hub.feedback"
    label = "feedback"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.feedback import exports, facts, measures, panels

        exports.register()
        facts.register()
        measures.register()
        panels.register()

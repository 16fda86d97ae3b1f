from django.apps import AppConfig


class WorkConfig(AppConfig):
    name = "hub.work"
    label = "work"
    default_auto_field = "django.db.models.BigAutoField"
